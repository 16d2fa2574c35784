//! What another party leaves behind.

use callplane_srtp::Profile;
use callplane_types::{E164, WallTime};

use super::{Quality, RefusedPackets};
use crate::call::PartyId;
use crate::hangup::{Hangup, HangupCause};

/// Somebody whom the caller was to be connected with.
#[derive(Debug, Clone, PartialEq)]
pub struct PartyFacts {
    /// Which, as in [`Output::Dial`](crate::Output::Dial).
    pub party: PartyId,
    /// Who was rung.
    pub to: E164,
    /// When it began.
    pub started_at: WallTime,
    /// When ringing was heard of.
    pub ringing_at: Option<WallTime>,
    /// When they answered.
    pub answered_at: Option<WallTime>,
    /// When they and the caller could talk.
    pub joined_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: WallTime,
    /// Who ended it, and why: their side is the callee, all of the rest of the call is the caller.
    pub hangup: Hangup,
    /// The final SIP status to the INVITE, if there was one.
    pub sip_status: Option<u16>,
    /// What was spoken with: the encoding name in SDP.
    pub codec: Option<&'static str>,
    /// What SRTP encrypted media with; nothing if any of it was plain.
    pub encryption: Option<Profile>,
    /// How it sounded; nothing if no packet came.
    pub quality: Option<Quality>,
    /// Packets of strangers.
    pub refused: RefusedPackets,
}

impl PartyFacts {
    pub(crate) fn new(party: PartyId, to: E164, started_at: WallTime) -> Self {
        Self {
            party,
            to,
            started_at,
            ringing_at: None,
            answered_at: None,
            joined_at: None,
            ended_at: started_at,
            hangup: Hangup::system(HangupCause::NormalUnspecified),
            sip_status: None,
            codec: None,
            encryption: None,
            quality: None,
            refused: RefusedPackets::default(),
        }
    }
}
