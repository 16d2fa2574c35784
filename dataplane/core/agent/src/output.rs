//! What the agent wants done, and what it has to report.

use std::sync::Arc;
use std::time::Duration;

use callplane_flow::graph::NodeKind;
use callplane_flow::{Citation, LookUp, RecordingAction, Speech, Think, ThinkId, ToolRun, Waiting};
use callplane_types::{E164, Instant};

use crate::input::TurnId;
use crate::ledger::UtteranceId;

/// One wish or one fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Have `text` spoken; answered by `SpeechReady` or `SpeechFailed`.
    Synthesize {
        /// To be named in the answer.
        utterance: UtteranceId,
        /// What to say.
        text: String,
    },
    /// Send a clip now; `Played` reports its progress.
    Play {
        /// Which utterance.
        utterance: UtteranceId,
        /// From where.
        sound: Sound,
    },
    /// Stop sending at the frame border.
    StopPlayout,
    /// Begin, or give up, keeping the caller's audio for the recogniser.
    Capture(Capture),
    /// Recognise what was captured; answered by `Recognized`.
    Recognize {
        /// To be named in the answer.
        turn: TurnId,
        /// What the caller may say.
        speech: Speech,
    },
    /// The flow entered a node.
    Entered {
        /// Name of the node.
        node: String,
        /// What it does.
        kind: NodeKind,
    },
    /// Do this to the recording of the call, at once.
    Record(RecordingAction),
    /// An expression of the flow failed; the conversation went on.
    Failed {
        /// Name of the node.
        node: String,
        /// What failed, without the values of variables.
        message: String,
    },
    /// The caller cut the agent off.
    BargeIn,
    /// Speech did not answer, and the caller is told so or left to the keys.
    SpeechDown,
    /// One message of the transcript.
    Message(Message),
    /// How long a stage of a turn took.
    Stage(Stage, Duration),
    /// Look something up in knowledge bases; answered by `Found`. It replaces what was to be looked up before.
    LookUp(LookUp),
    /// Ask the model; answered by parts of `Thought`.
    Think(Think),
    /// No more is wanted of an answer of the model.
    StopThinking(ThinkId),
    /// Run a tool; answered by `ToolDone`. It is not to be broken off, whatever becomes of the conversation.
    RunTool(ToolRun),
    /// Ring a person and join the caller with them; answered by `Transferred`. Until then the
    /// agent neither speaks nor listens; frames still tell it the time.
    Transfer(Transfer),
    /// The conversation is over: hang up.
    HangUp(Ending),
}

/// Whom to bring into the call, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The number to ring.
    pub to: E164,
    /// How long to ring.
    pub ring: Duration,
    /// What the caller hears until both are joined.
    pub waiting: Waiting,
    /// What to play to the person who answers, before both are joined. A `Synthesize` of it was
    /// asked for just before; its `SpeechReady` and `SpeechFailed` may be given to the agent or
    /// not, and there is no `Played` of it. It is not in the transcript, which holds what the
    /// caller heard. How long it is waited for is decided by who plays it.
    pub whisper: Option<UtteranceId>,
}

/// Where the samples of an utterance are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// What was synthesised for it.
    Speech,
    /// The clip kept for the time when speech is down.
    Apology,
}

/// What to do with the caller's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// Keep it from a little before now.
    Begin,
    /// Forget it.
    Discard,
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The agent.
    Agent,
    /// The caller, by voice.
    Caller,
    /// The caller, by keys.
    Keys,
}

/// One message of the transcript. **The agent's text is what the caller heard of it.**
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who.
    pub speaker: Speaker,
    /// What reached the other side.
    pub text: String,
    /// When it began.
    pub at: Instant,
    /// What the agent was going to say, when less of it was heard.
    pub intended: Option<String>,
    /// From the caller's last word or key to the first frame of this answer of the agent.
    pub latency: Option<Duration>,
    /// How sure the recogniser was, 0 to 1.
    pub confidence: Option<f32>,
    /// The passages of documents that the agent's model had at hand.
    pub citations: Arc<[Citation]>,
}

/// A part of the time between the caller's last word and the agent's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Last voice to the decision that the turn is over.
    Endpoint,
    /// That decision to the recogniser's answer.
    Recognize,
    /// Question to the model to the first of its answer.
    Model,
    /// Text known to audio ready.
    Synthesize,
    /// Last voice, or last key, to the first frame of the answer: what the caller waits.
    Total,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 5] = [
        Self::Endpoint,
        Self::Recognize,
        Self::Model,
        Self::Synthesize,
        Self::Total,
    ];

    /// The word in the label `stage`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Recognize => "recognize",
            Self::Model => "model",
            Self::Synthesize => "synthesize",
            Self::Total => "total",
        }
    }
}

/// Why the agent hangs up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The flow came to its end.
    Flow(callplane_flow::Ending),
    /// The caller was silent for too long.
    Silence,
    /// The longest conversation was reached.
    MaxDuration,
}
