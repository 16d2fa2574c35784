//! What a call wants done.

use std::sync::Arc;

use bytes::Bytes;
use callplane_agent::{Stage, TurnId, UtteranceId};
use callplane_flow::Grammar;
use callplane_sip::Command;

use crate::facts::Facts;

/// One wish. Packets are not among them: [`Call::tick`](crate::Call::tick) lends them.
#[derive(Debug)]
pub enum Output {
    /// Outbound: send the INVITE with this offer.
    Invite {
        /// The offer.
        sdp: Bytes,
    },
    /// For the SIP session of the call.
    Sip(Command),
    /// The call was answered; for the row that says so before it ends.
    Answered,
    /// Have text spoken; answer with [`Input::Speech`](crate::Input::Speech).
    Synthesize {
        /// To be named in the answer.
        utterance: UtteranceId,
        /// What to say.
        text: String,
    },
    /// Recognise a turn; answer with [`Input::Recognized`](crate::Input::Recognized).
    Recognize {
        /// To be named in the answer.
        turn: TurnId,
        /// What may be said.
        grammar: Arc<Grammar>,
        /// The caller's audio, 8 kHz.
        audio: Vec<i16>,
    },
    /// The next octets of the recording: 16-bit stereo at 8 kHz, about a second of it. Give the
    /// buffer back with [`Call::recycle`](crate::Call::recycle).
    Recorded(Vec<u8>),
    /// A stage of a turn took this long; for metrics.
    Stage(Stage, std::time::Duration),
    /// The call is over; nothing follows.
    Finished(Box<Facts>),
}
