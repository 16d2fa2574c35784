//! Conversation flows: the graph people write, its compiler, and the `Program` a call runs.
//!
//! ```text
//! Graph (custom resource) --compile--> Program (database) --Run--> actions for one call
//!    ^ convert: objective graphs and react-flow documents of other platforms
//! ```
//!
//! Nothing here speaks, listens or waits. [`Run::handle`] takes what happened, [`Run::poll`] gives
//! what is to be done; the same events give the same actions, in production and in replay.

#![forbid(unsafe_code)]

mod compile;
pub mod convert;
mod digits;
mod expression;
mod grammar;
pub mod graph;
mod program;
mod run;
mod settings;
mod template;
mod tool;
mod value;

pub use compile::{CALL_VARIABLES, Problem, compile};
pub use digits::{DigitCollector, DigitSpec, is_key};
pub use expression::{Expression, InvalidExpression};
pub use grammar::{Builtin, Grammar};
pub use graph::{Graph, Waiting};
pub use program::{FORMAT, InvalidProgram, MissingBase, MissingTool, Program};
pub use run::{
    Action, Citation, EndReason, Ending, Event, Listen, LookUp, LookUpId, ModelMessage, Passage,
    RecordingAction, Run, SayId, Speech, Think, ThinkId, Thought, Tool, ToolCall, ToolRun,
    ToolRunId, Transfer, TransferEnd,
};
pub use settings::{
    AgentSettings, AudioCodec, KnowledgeUse, Limits, MAX_KNOWLEDGE_BASES, ModelFallback, ModelUse,
    Recording, RecordingFormat, SpeechUse, TranscriptionUse, TurnTaking, Voice,
};
pub use tool::{
    HttpMethod, HttpUse, InvalidParameters, InvalidPath, MAX_TOOLS, Parameters, PathTemplate,
    ToolUse,
};
pub use value::Value;
