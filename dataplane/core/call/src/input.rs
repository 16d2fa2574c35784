//! What happens to a call, packets and the passing of time aside.

use callplane_agent::{Recognition, SpeechDown, TurnId, UtteranceId};
use callplane_flow::{LookUpId, Passage, ThinkId, Thought, ToolRunId};
use callplane_sdp::LocalMedia;
use callplane_sip::Event;

use crate::call::PartyId;
use crate::hangup::HangupCause;
use crate::media::Clip;
use crate::setup::Secrecy;

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
    /// A part of the answer of the agent's model.
    Thought {
        /// To which question.
        id: ThinkId,
        /// The part.
        thought: Thought,
    },
    /// What was looked up for the agent.
    Found {
        /// Which look-up.
        id: LookUpId,
        /// What was found, the best first.
        passages: Vec<Passage>,
    },
    /// A tool of the agent has run.
    ToolDone {
        /// Which run.
        id: ToolRunId,
        /// What its model is to be told: what it said, or why there is nothing.
        result: Result<String, String>,
    },
    /// Both sides of an [`Opening::Joined`](crate::Opening::Joined) can hear each other.
    Joined,
    /// The caller of such a call is no longer there.
    Left(Left),
    /// The caller of such a call pressed a key.
    Key(char),
    /// There is a line to the party of an [`Output::Dial`](crate::Output::Dial).
    PartyReady {
        /// Which.
        party: PartyId,
        /// The line.
        line: PartyLine,
    },
    /// There is none, or its INVITE could not be sent.
    PartyUnreachable {
        /// Which.
        party: PartyId,
    },
    /// From the SIP session of a party.
    PartySip {
        /// Whose.
        party: PartyId,
        /// What.
        event: Event,
    },
    /// Somebody follows the call from here on: [`Output::Said`](crate::Output::Said) tells what was said
    /// lately, and what is said from now on. A call that is followed already ignores it.
    Watch,
    /// End it now, whatever it is doing.
    HangUp(HangupCause),
}

/// What another party is called on.
#[derive(Debug)]
pub struct PartyLine {
    /// Where its media is received.
    pub local: LocalMedia,
    /// Whether it is encrypted, and with what of ours.
    pub secrecy: Secrecy,
}

/// Why a caller is no longer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// They hung up.
    HungUp,
    /// Nothing is heard of them any more.
    Lost,
    /// What carries the media failed.
    Failed,
}
