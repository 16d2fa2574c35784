//! What a call wants done.

use bytes::Bytes;
use callplane_agent::{Stage, TurnId, UtteranceId};
use callplane_flow::{LookUp, Speech, Think, ThinkId, ToolRun};
use callplane_sip::Command;
use callplane_types::E164;

use crate::call::PartyId;
use crate::facts::{Facts, Message};
use crate::media::TurnAudio;

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
        speech: Speech,
        /// What the caller said.
        audio: TurnAudio,
    },
    /// Look something up in knowledge bases; answer with [`Input::Found`](crate::Input::Found) before its time is over. It
    /// replaces what was to be looked up before.
    LookUp(LookUp),
    /// Ask the agent's model; answer with each [`Input::Thought`](crate::Input::Thought).
    Think(Think),
    /// No more is wanted of an answer of the model.
    StopThinking(ThinkId),
    /// Run a tool of the agent; answer with [`Input::ToolDone`](crate::Input::ToolDone). It is not to be broken off, also
    /// where the call ends.
    RunTool(ToolRun),
    /// The next octets of the recording: 16-bit stereo at 8 kHz, about half a second of it. Give the
    /// buffer to a call that wants one ([`Call::wants_buffer`](crate::Call::wants_buffer)).
    Recorded(Vec<u8>),
    /// The recording was stopped for as long: as much silence comes into the file before what is recorded
    /// next.
    NotRecorded(std::time::Duration),
    /// Find a line to this number; answer with [`Input::PartyReady`](crate::Input::PartyReady) or
    /// [`Input::PartyUnreachable`](crate::Input::PartyUnreachable).
    Dial {
        /// To be named in the answer.
        party: PartyId,
        /// Who is to be rung.
        to: E164,
    },
    /// Send the INVITE to a party with this offer.
    PartyInvite {
        /// Which.
        party: PartyId,
        /// The offer.
        sdp: Bytes,
    },
    /// For the SIP session of a party.
    PartySip {
        /// Whose.
        party: PartyId,
        /// What.
        command: Command,
    },
    /// A stage of a turn took this long; for metrics.
    Stage(Stage, std::time::Duration),
    /// A message of the transcript, as the record will have it; once somebody watches
    /// ([`Input::Watch`](crate::Input::Watch)).
    Said(Message),
    /// The call is over; nothing follows.
    Finished(Box<Facts>),
}
