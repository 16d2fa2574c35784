//! What happens to a call, packets and the passing of time aside.

use callplane_agent::{Recognition, SpeechDown, TurnId, UtteranceId};
use callplane_sip::Event;

use crate::hangup::HangupCause;
use crate::media::Clip;

/// One input.
#[derive(Debug)]
pub enum Input {
    /// From the SIP session of the call.
    Sip(Event),
    /// The INVITE could not be sent at all.
    InviteRefused,
    /// An utterance was synthesised, or not.
    Speech {
        /// Which.
        utterance: UtteranceId,
        /// What it sounds like.
        clip: Result<Clip, SpeechDown>,
    },
    /// A turn was recognised, or not.
    Recognized {
        /// Which.
        turn: TurnId,
        /// What was said; `Ok(None)`: nothing that may be said.
        result: Result<Option<Recognition>, SpeechDown>,
    },
    /// End it now, whatever it is doing.
    HangUp(HangupCause),
}
