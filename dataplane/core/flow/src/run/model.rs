//! What a language model is asked, and what it answers.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Names one question to the model within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThinkId(pub u32);

/// A question to the model. `Debug` shows nothing that was said.
#[derive(Clone, PartialEq)]
pub struct Think {
    /// To be named with each [`Thought`].
    pub id: ThinkId,
    /// Who the model is and what it is to do.
    pub system: String,
    /// The conversation so far: what each side heard of the other.
    pub messages: Vec<ModelMessage>,
    /// What it may call, besides answering in words.
    pub tools: Vec<Tool>,
}

/// One message of the conversation, in the model's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelMessage {
    /// The caller said this.
    User(String),
    /// The agent said this, or called for something.
    Assistant {
        /// What was heard of it; may be empty beside calls.
        text: String,
        /// What it called.
        calls: Vec<ToolCall>,
    },
    /// What came of a call.
    Tool {
        /// [`ToolCall::id`].
        id: String,
        /// The result, for the model.
        content: String,
    },
}

/// Something that the model may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// The model calls for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's own name of the call.
    pub id: String,
    /// Name of the [`Tool`]; the model may have made it up.
    pub name: String,
    /// JSON, if the model kept to it.
    pub arguments: String,
}

/// Names one run of a tool within a run of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolRunId(pub u32);

/// A tool of the agent is to be run. `Debug` shows no arguments.
#[derive(Clone, PartialEq)]
pub struct ToolRun {
    /// To be named with what comes of it.
    pub id: ToolRunId,
    /// Its name: [`Program::tool`](crate::Program::tool) has it.
    pub tool: String,
    /// Its arguments, which are as its parameters say.
    pub arguments: serde_json::Map<String, serde_json::Value>,
    /// When it counts as failed.
    pub timeout: Duration,
}

/// A part of the model's answer, in the order of its making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thought {
    /// Some more text, cut anywhere.
    Text(String),
    /// A complete call.
    Call(ToolCall),
    /// The answer is complete.
    Done,
    /// There will be no more, though the answer is not complete.
    Failed,
}

impl fmt::Debug for Think {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Think")
            .field("id", &self.id.0)
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ToolRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToolRun({}: {})", self.id.0, self.tool)
    }
}
