//! What a call leaves behind, collected while it goes on.

mod observer;
mod party;
mod quality;
mod timeline;

use std::sync::Arc;
use std::time::Duration;

use callplane_agent::Speaker;
use callplane_flow::Citation;
use callplane_flow::graph::NodeKind;
use callplane_sdp::NegotiationError;
use callplane_srtp::Profile;
use callplane_types::{CallStatus, ObserverMode, Pii, WallTime};

pub use observer::ObserverFacts;
pub use party::PartyFacts;
pub use quality::{FarEndQuality, Measured, Quality, RefusedPackets, Score};
pub(crate) use timeline::Timeline;

use crate::hangup::{Hangup, HangupCause};

/// Everything about one finished call that its record is made of; who called whom is known to
/// whoever made the call.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// How it ended. Always final.
    pub status: CallStatus,
    /// Who ended it, and why.
    pub hangup: Hangup,
    /// What there was no agreement on, of a call that ended for it.
    pub disagreement: Option<NegotiationError>,
    /// The final SIP status to the INVITE, sent or received, when there was one.
    pub sip_status: Option<u16>,
    /// When the INVITE came or went.
    pub initiated_at: WallTime,
    /// When ringing was heard.
    pub ringing_at: Option<WallTime>,
    /// When it was answered.
    pub answered_at: Option<WallTime>,
    /// When the agent began to talk.
    pub connected_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: WallTime,
    /// What was spoken with: the encoding name in SDP.
    pub codec: Option<&'static str>,
    /// What SRTP encrypted media with; nothing if any of it was plain, and for frames that are handed in: whoever
    /// does that knows.
    pub encryption: Option<Profile>,
    /// How it sounded; nothing if no packet came.
    pub quality: Option<Quality>,
    /// Packets of strangers.
    pub refused: RefusedPackets,
    /// The parties that the caller was to be connected with, in order.
    pub parties: Vec<PartyFacts>,
    /// The supervisors who joined it, in order.
    pub observers: Vec<ObserverFacts>,
    /// The nodes of the flow, in order.
    pub segments: Vec<Segment>,
    /// What happened, oldest first.
    pub events: Vec<CallEvent>,
    /// What was said, and heard.
    pub messages: Vec<Message>,
    /// What the flow knows at the end.
    pub variables: serde_json::Map<String, serde_json::Value>,
    /// How the flow ended; nothing if the call ended before it.
    pub ending: Option<callplane_flow::Ending>,
    /// Its recording; nothing if nothing was recorded.
    pub recording: Option<Recorded>,
    /// What speech was used for it.
    pub speech: SpeechUse,
}

/// What was recorded of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When the audio begins.
    pub started_at: WallTime,
    /// Where it has silence because nothing was recorded, in order.
    pub gaps: Vec<Gap>,
}

/// A stretch of a recording in which neither side was recorded, counted from the beginning of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Beginning.
    pub from: Duration,
    /// End.
    pub to: Duration,
    /// Why.
    pub reason: GapReason,
}

/// Why a stretch of a call was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// The recording was paused.
    Paused,
    /// It was stopped, and started again.
    Stopped,
}

impl GapReason {
    /// The word in `call_recordings.gaps`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

/// Time spent in one node of the flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Name of the node.
    pub node: String,
    /// What it does.
    pub kind: NodeKind,
    /// Beginning.
    pub started_at: WallTime,
    /// End.
    pub ended_at: WallTime,
}

/// One event of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// When.
    pub at: WallTime,
    /// What.
    pub kind: EventKind,
}

/// What can happen to a call. Nothing in it says what somebody said or pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The status changed.
    Status {
        /// Before; nothing for the first.
        from: Option<CallStatus>,
        /// After.
        to: CallStatus,
    },
    /// Both sides can hear each other: the agent begins.
    Connected,
    /// A key was pressed.
    Dtmf,
    /// The caller cut the agent off.
    BargeIn,
    /// The other side put us on hold.
    Hold,
    /// And came back.
    Resumed,
    /// Another party is rung.
    TransferStarted,
    /// It and the caller can talk.
    Transferred,
    /// It was not reached.
    TransferFailed {
        /// Why.
        cause: HangupCause,
    },
    /// It is gone, and the caller still there.
    TransferEnded,
    /// A supervisor listens in, or talks.
    ObserverJoined {
        /// Which of it.
        mode: ObserverMode,
    },
    /// One is gone.
    ObserverLeft {
        /// What they had done.
        mode: ObserverMode,
    },
    /// The recording began, or went on after a stop.
    RecordingStarted,
    /// From here on it has silence.
    RecordingPaused,
    /// And here it went on.
    RecordingResumed,
    /// It ended before the call did.
    RecordingStopped,
    /// Speech did not answer.
    SpeechDown,
    /// A tool of the agent runs.
    ToolCalled {
        /// Its name.
        tool: String,
    },
    /// It has run.
    ToolAnswered {
        /// Its name.
        tool: String,
    },
    /// It has not, or did not say in time whether it has.
    ToolFailed {
        /// Its name.
        tool: String,
    },
    /// An expression of the flow failed.
    FlowExpressionFailed {
        /// Name of the node.
        node: String,
        /// What failed.
        message: String,
    },
}

impl EventKind {
    /// The word in `call_events.event_type`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Status { to, .. } => match to {
                CallStatus::InProgress => "answered",
                to if to.is_final() => "ended",
                to => to.as_str(),
            },
            Self::Connected => "connected",
            Self::Dtmf => "dtmf",
            Self::BargeIn => "barge_in",
            Self::Hold => "hold",
            Self::Resumed => "resumed",
            Self::TransferStarted => "transfer_started",
            Self::Transferred => "transferred",
            Self::TransferFailed { .. } => "transfer_failed",
            Self::TransferEnded => "transfer_ended",
            Self::ObserverJoined { .. } => "observer_joined",
            Self::ObserverLeft { .. } => "observer_left",
            Self::RecordingStarted => "recording_started",
            Self::RecordingPaused => "recording_paused",
            Self::RecordingResumed => "recording_resumed",
            Self::RecordingStopped => "recording_stopped",
            Self::SpeechDown => "speech_down",
            Self::ToolCalled { .. } => "tool_called",
            Self::ToolAnswered { .. } => "tool_answered",
            Self::ToolFailed { .. } => "tool_failed",
            Self::FlowExpressionFailed { .. } => "flow_expression_failed",
        }
    }
}

/// One message of the transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who.
    pub speaker: Speaker,
    /// What reached the other side.
    pub text: Pii<String>,
    /// What the agent was going to say, when less of it was heard.
    pub intended: Option<Pii<String>>,
    /// When it began.
    pub at: WallTime,
    /// What the caller had waited for it.
    pub latency: Option<Duration>,
    /// How sure the recogniser was, 0 to 1.
    pub confidence: Option<f32>,
    /// The passages of documents that the agent's model had at hand.
    pub citations: Arc<[Citation]>,
}

/// What speech was used, for its costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpeechUse {
    /// Characters sent to synthesis.
    pub synthesized_characters: u64,
    /// Audio sent to recognition.
    pub recognized: Duration,
}
