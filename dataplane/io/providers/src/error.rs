//! What goes wrong between us and a model, of words or of speech.

use std::time::Duration;

use eventsource_stream::EventStreamError;

/// Why there is no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Its address is not public, and nobody has allowed it.
    #[error("the address of the model is not public: the platform team allows private networks")]
    Forbidden,
    /// Nobody is there, or the connection broke.
    #[error("the model cannot be reached, or the connection broke")]
    Connection,
    /// The key is wrong, or may not use the model.
    #[error("the model refuses the key ({status})")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
    },
    /// Too many questions.
    #[error("the model has too much to do (429)")]
    Busy {
        /// When to come back, if it says.
        retry_after: Option<Duration>,
    },
    /// The server failed.
    #[error("the model failed ({status})")]
    Unavailable {
        /// 500 and above.
        status: u16,
    },
    /// The question is wrong for this server: an unknown model, or tools it does not know.
    #[error("the model refuses the question ({status}): {reason}")]
    Refused {
        /// 300 to 499, or 200 when it said so in the middle of an answer.
        status: u16,
        /// What it says, at most 200 characters.
        reason: String,
    },
    /// Nothing came in time.
    #[error("the model is too slow: {0}")]
    TooSlow(Slow),
    /// The answer broke off.
    #[error("the answer of the model broke off")]
    Cut,
    /// Longer than an answer may be.
    #[error("the answer of the model is too long")]
    TooLong,
    /// Not the protocol.
    #[error("what the model sends is no answer: {0}")]
    Protocol(&'static str),
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    /// The first part of the answer.
    First,
    /// The next part.
    Stall,
    /// The last part.
    Total,
}

impl std::fmt::Display for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::First => "its answer does not begin",
            Self::Stall => "its answer does not go on",
            Self::Total => "its answer does not end",
        })
    }
}

impl ModelError {
    pub(crate) fn of_event(error: EventStreamError<Self>) -> Self {
        match error {
            EventStreamError::Transport(error) => error,
            EventStreamError::Utf8(_) => Self::Protocol("it is no UTF-8"),
            EventStreamError::Parser(_) => Self::Protocol("it is no stream of events"),
        }
    }
}
