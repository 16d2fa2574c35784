//! What a flow wants done, and what it is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::knowledge::{Citation, LookUp, LookUpId, Passage};
use super::model::{Think, ThinkId, Thought, ToolRun, ToolRunId};
use super::{Transfer, TransferEnd};
use crate::digits::DigitSpec;
use crate::grammar::Grammar;
use crate::graph::NodeKind;
use crate::value::Value;

/// Names one sentence within a run, so that its end can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SayId(pub u32);

/// What the run wants done, in this order. `Debug` shows nothing the caller said.
#[derive(Clone, PartialEq)]
pub enum Action {
    /// A node was entered. For segments and events; nothing is to be done.
    Entered {
        /// Name of the node in its graph.
        node: String,
        /// Its kind.
        kind: NodeKind,
    },
    /// Do this to the recording of the call, at once.
    Record(RecordingAction),
    /// Say this after everything that is still to be said, and report [`Event::SayDone`].
    Say {
        /// Names the sentence in [`Event::SayDone`].
        id: SayId,
        /// The words.
        text: String,
        /// Whether the caller may cut it short. While a sentence that is not interruptible is
        /// said, what the caller says is not an answer; keys wait for its end.
        interruptible: bool,
        /// The passages that were given to the model that made it up; none for other sentences.
        citations: Arc<[Citation]>,
    },
    /// Listen for one answer, from now on, also while the question is still said. It is in force
    /// until one answer was reported, another `Listen` replaces it or [`Action::StopListening`].
    Listen(Listen),
    /// Listen no more.
    StopListening,
    /// The flow learned the value of a variable from the caller or set it itself.
    Captured {
        /// The variable.
        variable: String,
        /// Its value.
        value: Value,
    },
    /// An expression could not be evaluated; the flow went on as if it were false or without a
    /// value. For the events of the call.
    Failed {
        /// Name of the node.
        node: String,
        /// What failed, without the values of variables.
        message: String,
    },
    /// Look something up in knowledge bases, and report [`Event::Found`], once, also where nothing was found or the time
    /// is over. Until then the model is not asked; the next one replaces it.
    LookUp(LookUp),
    /// Ask the model, and report each [`Event::Thought`] of its answer.
    Think(Think),
    /// The rest of an answer is not wanted; nothing more of it is to be reported.
    StopThinking(ThinkId),
    /// Run a tool, and report [`Event::ToolDone`], once. What comes of it is wanted also when the conversation went on
    /// meanwhile; it is not to be broken off.
    RunTool(ToolRun),
    /// Ring a person and join the caller with them, and report [`Event::Transferred`]. Until then
    /// the caller is not listened to. Everything said before was reported done.
    Transfer(Transfer),
    /// Hang up; the run is over. Everything said before was reported done.
    Hangup(Ending),
}

/// What is to be done to the recording of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordingAction {
    /// Record from now on.
    Start,
    /// Record no more, until it is started again.
    Stop,
    /// Record silence.
    Pause,
    /// Record what is said again.
    Resume,
}

/// What can be said.
#[derive(Debug, Clone, PartialEq)]
pub enum Speech {
    /// One of the phrases of a grammar.
    Grammar(Arc<Grammar>),
    /// Anything.
    Free,
}

/// How to listen for one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Listen {
    /// What can be said; `None` when speech is no answer here.
    pub speech: Option<Speech>,
    /// What can be pressed; `None` when keys are no answer here. [`DigitCollector`] follows it.
    ///
    /// [`DigitCollector`]: crate::DigitCollector
    pub digits: Option<DigitSpec>,
    /// Silence after the last sentence until [`Event::NoInput`]; `None`: never.
    pub timeout: Option<Duration>,
}

/// What the run is told.
#[derive(Clone, PartialEq)]
pub enum Event {
    /// The call is answered and both sides can hear. Once, first.
    Started,
    /// A sentence was said to its end or cut short.
    SayDone {
        /// Which.
        id: SayId,
        /// The words that really reached the caller; the whole text unless it was cut short.
        heard: String,
    },
    /// The answer: words as the recogniser wrote them. The run finds out what they mean, and
    /// treats what means nothing as [`Event::NoMatch`].
    Heard {
        /// The words.
        text: String,
    },
    /// The answer was speech that the recogniser did not understand.
    NoMatch,
    /// There was no answer in time.
    NoInput,
    /// The answer: pressed keys as [`DigitCollector`](crate::DigitCollector) made them one.
    Digits {
        /// The keys, without the terminator.
        digits: String,
    },
    /// A part of the model's answer to [`Action::Think`].
    Thought {
        /// To which.
        id: ThinkId,
        /// The part.
        thought: Thought,
    },
    /// What was found for [`Action::LookUp`], the best first; nothing where nothing was found in time.
    Found {
        /// Which look-up.
        id: LookUpId,
        /// The passages.
        passages: Vec<Passage>,
    },
    /// A tool has run, or failed to: what the model is to be told of it.
    ToolDone {
        /// Which run.
        id: ToolRunId,
        /// What it said, or why there is nothing.
        result: Result<String, String>,
    },
    /// A transfer ended, and the caller is still there.
    Transferred(TransferEnd),
    /// The other side hung up or the call was ended by a guard; the run is over.
    Hangup,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// The word of the hangup node that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The node at which it ended.
    pub node: String,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// A hangup node was reached.
    Completed,
    /// The call ended first.
    CallEnded,
    /// More turns than [`Limits::max_turns`](crate::Limits::max_turns).
    TurnLimit,
    /// The program is broken: a target that does not exist, or no edge to take. The compiler lets
    /// none such pass.
    Fault,
}

impl EndReason {
    /// The word in events and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::CallEnded => "call_ended",
            Self::TurnLimit => "turn_limit",
            Self::Fault => "fault",
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entered { node, kind } => write!(f, "Entered({node}: {kind})"),
            Self::Record(action) => write!(f, "Record({action:?})"),
            Self::Say { id, .. } => write!(f, "Say({})", id.0),
            Self::Listen(_) => f.write_str("Listen"),
            Self::StopListening => f.write_str("StopListening"),
            Self::Captured { variable, .. } => write!(f, "Captured({variable})"),
            Self::Failed { node, message } => write!(f, "Failed({node}: {message})"),
            Self::LookUp(look_up) => look_up.fmt(f),
            Self::Think(think) => think.fmt(f),
            Self::StopThinking(id) => write!(f, "StopThinking({})", id.0),
            Self::RunTool(run) => run.fmt(f),
            Self::Transfer(transfer) => transfer.fmt(f),
            Self::Hangup(ending) => write!(f, "Hangup({ending:?})"),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "Started",
            Self::SayDone { .. } => "SayDone",
            Self::Heard { .. } => "Heard",
            Self::NoMatch => "NoMatch",
            Self::NoInput => "NoInput",
            Self::Digits { .. } => "Digits",
            Self::Thought { .. } => "Thought",
            Self::Found { .. } => "Found",
            Self::ToolDone { .. } => "ToolDone",
            Self::Transferred(_) => "Transferred",
            Self::Hangup => "Hangup",
        })
    }
}
