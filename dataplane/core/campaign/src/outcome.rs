//! What became of an attempt to reach a recipient.

use std::fmt;
use std::time::Duration;

use callplane_types::WallTime;

/// How an attempt ended, as signalling saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// A 2xx was received and acknowledged.
    Answered,
    /// A 2xx was received, and there was no way to talk: nothing in common in its SDP, or no keys.
    Incompatible,
    /// A final answer other than 2xx; its status code.
    Refused(u16),
    /// It rang until the ring time of the campaign had passed, and was cancelled.
    RingTimeout,
    /// No answer at all to the INVITE: timer B (RFC 3261 section 17.1.1.2).
    NoResponse,
    /// The INVITE could not be sent: no address, no connection.
    NotSent,
    /// Given up by us before an answer, because the campaign was stopped or the node drained.
    GivenUp,
    /// The node was lost after it had committed to dial: it may have rung.
    Lost,
}

/// The outcome of an attempt: the words of `platform.recipient_outcome` that dialling can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Somebody or something answered.
    Answered,
    /// Engaged.
    Busy,
    /// Rang out, or was not there.
    NoAnswer,
    /// Any other failure.
    Failed,
    /// Given up by us before an answer.
    Cancelled,
    /// It may have rung; nobody knows.
    Unknown,
}

impl Outcome {
    /// The word in SQL, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<AttemptEnd> for Outcome {
    /// Status codes by RFC 3261 section 21: 486 and 600 are busy; 408, 480 and 487 mean that nobody
    /// took the call; everything else is a failure, a declined call (603) too.
    fn from(end: AttemptEnd) -> Self {
        match end {
            AttemptEnd::Answered => Self::Answered,
            AttemptEnd::Refused(486 | 600) => Self::Busy,
            AttemptEnd::Refused(408 | 480 | 487) | AttemptEnd::RingTimeout => Self::NoAnswer,
            AttemptEnd::Incompatible
            | AttemptEnd::Refused(_)
            | AttemptEnd::NoResponse
            | AttemptEnd::NotSent => Self::Failed,
            AttemptEnd::GivenUp => Self::Cancelled,
            AttemptEnd::Lost => Self::Unknown,
        }
    }
}

/// How often and when a recipient is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The most attempts, the first included.
    pub max_attempts: u32,
    /// What must pass between two attempts.
    pub backoff: Duration,
}

impl Retry {
    /// When to try again after `attempt` (1 is the first) ended at `now`; `None` when not at all.
    /// **An unknown outcome is never tried again**: the phone may have rung.
    #[must_use]
    pub fn after(&self, outcome: Outcome, attempt: u32, now: WallTime) -> Option<WallTime> {
        let again = match outcome {
            Outcome::Busy | Outcome::NoAnswer | Outcome::Failed | Outcome::Cancelled => true,
            Outcome::Answered | Outcome::Unknown => false,
        };
        (again && attempt < self.max_attempts).then(|| now + self.backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_have_the_outcome_a_person_would_name() {
        for (end, outcome) in [
            (AttemptEnd::Answered, "answered"),
            (AttemptEnd::Refused(486), "busy"),
            (AttemptEnd::Refused(600), "busy"),
            (AttemptEnd::Refused(480), "no_answer"),
            (AttemptEnd::Refused(408), "no_answer"),
            (AttemptEnd::Refused(487), "no_answer"),
            (AttemptEnd::RingTimeout, "no_answer"),
            (AttemptEnd::Refused(404), "failed"),
            (AttemptEnd::Refused(603), "failed"),
            (AttemptEnd::Refused(503), "failed"),
            (AttemptEnd::Refused(302), "failed"),
            (AttemptEnd::Incompatible, "failed"),
            (AttemptEnd::NoResponse, "failed"),
            (AttemptEnd::NotSent, "failed"),
            (AttemptEnd::GivenUp, "cancelled"),
            (AttemptEnd::Lost, "unknown"),
        ] {
            assert_eq!(Outcome::from(end).as_str(), outcome, "{end:?}");
        }
    }

    #[test]
    fn an_unknown_outcome_is_never_tried_again() {
        let retry = Retry {
            max_attempts: 3,
            backoff: Duration::from_secs(3600),
        };
        let now = WallTime::from_unix_micros(0);
        let later = Some(now + Duration::from_secs(3600));
        assert_eq!(retry.after(Outcome::Unknown, 1, now), None);
        assert_eq!(retry.after(Outcome::Answered, 1, now), None);
        assert_eq!(retry.after(Outcome::Busy, 2, now), later);
        assert_eq!(retry.after(Outcome::Busy, 3, now), None);
    }
}
