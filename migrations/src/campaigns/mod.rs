//! Campaigns: what the operator projects, what media nodes pull.
//!
//! **A recipient is dialled at most once per attempt.** [`claim`] commits `dialing` with the
//! attempt, the epoch of the node and the SIP Call-ID before an INVITE may leave; what happens
//! after that commit without an outcome is `unknown` and stays so (see
//! [`crate::media_nodes::sweep`]).

mod active;
mod claim;
mod outcome;
mod progress;
mod project;
mod recipients;

pub use active::{ActiveCampaign, active};
pub use claim::{Candidate, Claimed, Decision, Refusal, claim, sip_call_id};
pub use outcome::outcome;
pub use progress::{Phase, Progress, progress, roll_up};
pub use project::{CampaignSpec, project, remove};
pub use recipients::{
    Imported, NewRecipient, Recipient, RecipientStatus, Rejected, find, import, recipients,
};

pub(crate) use outcome::record_outcome;

use crate::words::words;

words! {
    /// `platform.recipient_outcome`: how the last attempt to reach a recipient went.
    RecipientOutcome {
        /// Somebody or something answered.
        Answered = "answered",
        /// 486 or 600.
        Busy = "busy",
        /// Rang out, or was not there.
        NoAnswer = "no_answer",
        /// Any other failure.
        Failed = "failed",
        /// Given up by us before an answer.
        Cancelled = "cancelled",
        /// The node was lost between `dialing` and an outcome: it may have rung.
        Unknown = "unknown",
        /// Not dialled: do-not-call or no consent.
        Suppressed = "suppressed",
    }
}

words! {
    /// `platform.campaign_desired`: what the custom resource wants.
    DesiredState {
        /// Not started yet.
        Draft = "draft",
        /// Dial.
        Run = "run",
        /// Dial nobody new; calls that are going go on.
        Pause = "pause",
        /// Dial nobody any more.
        Stop = "stop",
    }
}

/// When numbers may be rung, in local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallingWindow {
    /// First minute of the day, 0 to 1439.
    pub from_minute: u16,
    /// The minute after the last, 1 to 1440.
    pub to_minute: u16,
    /// ISO days, 1 is Monday.
    pub days: Vec<u8>,
}

/// Whose local time a [`CallingWindow`] is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowZone {
    /// Each recipient's own.
    Recipient,
    /// One IANA zone for all.
    Fixed(String),
}
