//! How calls stand and end, and who is in them: the words of `platform.call_status` and its neighbours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is none of the words of an enum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{text}`")]
pub struct ParseWordError {
    what: &'static str,
    text: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident($what:literal) { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// Every value, in the order of the life of a call.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in SQL, metrics and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ParseWordError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|word| word.as_str() == text)
                    .ok_or_else(|| ParseWordError { what: $what, text: text.to_owned() })
            }
        }
    };
}

words! {
    /// `platform.call_status` (data model 4.1).
    CallStatus("call status") {
        /// Waiting in a dialer's queue.
        Queued = "queued",
        /// INVITE sent or received, nothing heard yet.
        Initiated = "initiated",
        /// 180 or 183 sent or received.
        Ringing = "ringing",
        /// Answered.
        InProgress = "in_progress",
        /// Answered and ended. Final.
        Completed = "completed",
        /// 486 or 600. Final.
        Busy = "busy",
        /// 408, 480 or the ring time passed. Final.
        NoAnswer = "no_answer",
        /// Any other failure. Final.
        Failed = "failed",
        /// Given up by the calling side before an answer. Final.
        Cancelled = "cancelled",
        /// Refused by a quota or a rule of ours. Final.
        Blocked = "blocked",
    }
}

impl CallStatus {
    /// Whether the call is over and its status cannot change any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress
        )
    }
}

words! {
    /// `platform.call_direction`, seen from the tenant.
    Direction("call direction") {
        /// Somebody calls the tenant.
        Inbound = "inbound",
        /// The tenant calls somebody.
        Outbound = "outbound",
    }
}

words! {
    /// `platform.hangup_party`: who ended the call.
    HangupParty("hangup party") {
        /// The side that placed it.
        Caller = "caller",
        /// The side that was called.
        Callee = "callee",
        /// A guard, a limit or a fault.
        System = "system",
    }
}

words! {
    /// What a supervisor who joins a running call does in it.
    ObserverMode("mode of an observer") {
        /// Hears everybody and is heard by nobody.
        Listen = "listen",
        /// Hears everybody, and is heard by the colleague whom the caller was transferred to, and by nobody else.
        Whisper = "whisper",
        /// Talks with everybody, in the agent's place.
        Talk = "talk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for status in CallStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(
                serde_json::to_string(status).unwrap(),
                format!("\"{status}\"")
            );
        }
    }
}
