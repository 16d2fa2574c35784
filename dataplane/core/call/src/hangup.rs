//! Why a call ended: one word for the record, the party that ended it, and how it stands.

use callplane_types::{CallStatus, HangupParty};

/// `calls.hangup_cause`: the words of ITU-T Q.850 where it has one, ours for what it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HangupCause {
    /// A side hung up after the answer.
    NormalClearing,
    /// 486 or 600.
    UserBusy,
    /// Nobody answered in time: our ring time, 408 or 480.
    NoAnswer,
    /// The calling side gave up before the answer.
    OriginatorCancel,
    /// 401, 403, 407, 603: they do not want this call.
    CallRejected,
    /// 404, 410, 484, 604: nobody there.
    UnallocatedNumber,
    /// 415, 488, 606 or an answer we cannot use: no codec in common.
    IncompatibleDestination,
    /// 5xx without a closer word.
    NetworkOutOfOrder,
    /// Any other refusal.
    NormalUnspecified,
    /// No packet from the other side for the media timeout.
    MediaTimeout,
    /// The handshake that media has its keys of failed: another certificate than that of the description, one that we
    /// cannot read, or no answer.
    HandshakeFailed,
    /// The caller said nothing for the silence limit.
    SilenceTimeout,
    /// The longest call was reached.
    MaxDuration,
    /// The node drained for longer than it may.
    NodeDrain,
    /// The answer was never acknowledged.
    ProtocolTimeout,
}

impl HangupCause {
    /// The word in `calls.hangup_cause`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NormalClearing => "normal_clearing",
            Self::UserBusy => "user_busy",
            Self::NoAnswer => "no_answer",
            Self::OriginatorCancel => "originator_cancel",
            Self::CallRejected => "call_rejected",
            Self::UnallocatedNumber => "unallocated_number",
            Self::IncompatibleDestination => "incompatible_destination",
            Self::NetworkOutOfOrder => "network_out_of_order",
            Self::NormalUnspecified => "normal_unspecified",
            Self::MediaTimeout => "media_timeout",
            Self::HandshakeFailed => "handshake_failed",
            Self::SilenceTimeout => "silence_timeout",
            Self::MaxDuration => "max_duration",
            Self::NodeDrain => "node_drain",
            Self::ProtocolTimeout => "protocol_timeout",
        }
    }

    /// What a final SIP answer to our INVITE means (RFC 3398 section 7.2.4.1, where it has a row).
    #[must_use]
    pub const fn from_sip_status(status: u16) -> Self {
        match status {
            486 | 600 => Self::UserBusy,
            408 | 480 => Self::NoAnswer,
            487 => Self::OriginatorCancel,
            401 | 403 | 407 | 603 | 607 | 608 => Self::CallRejected,
            404 | 410 | 484 | 604 => Self::UnallocatedNumber,
            415 | 488 | 606 => Self::IncompatibleDestination,
            500..=599 => Self::NetworkOutOfOrder,
            _ => Self::NormalUnspecified,
        }
    }

    /// How a call that never was answered stands with this cause.
    #[must_use]
    pub const fn unanswered_status(self) -> CallStatus {
        match self {
            Self::UserBusy => CallStatus::Busy,
            Self::NoAnswer => CallStatus::NoAnswer,
            Self::OriginatorCancel => CallStatus::Cancelled,
            _ => CallStatus::Failed,
        }
    }
}

/// Who ended a call, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hangup {
    /// Why.
    pub cause: HangupCause,
    /// Who.
    pub party: HangupParty,
}

impl Hangup {
    /// By a guard, a limit or a fault.
    #[must_use]
    pub const fn system(cause: HangupCause) -> Self {
        Self {
            cause,
            party: HangupParty::System,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_becomes_the_status_of_the_data_model() {
        for (sip, status) in [
            (486, CallStatus::Busy),
            (600, CallStatus::Busy),
            (408, CallStatus::NoAnswer),
            (480, CallStatus::NoAnswer),
            (487, CallStatus::Cancelled),
            (404, CallStatus::Failed),
            (603, CallStatus::Failed),
            (503, CallStatus::Failed),
        ] {
            let cause = HangupCause::from_sip_status(sip);
            assert_eq!(cause.unanswered_status(), status, "{sip}");
        }
    }
}
