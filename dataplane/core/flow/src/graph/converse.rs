//! Talking freely: a language model leads the conversation until one of its ends is reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Retry;

/// Lets a language model talk with the caller until one of the node's edges is taken: one with
/// `prompt` when the model finds that it holds, `event: noInput` and `event: noMatch` when the
/// caller stays silent or unintelligible, `event: modelFailed` when the model does not answer, and
/// the edge with nothing else after `maxTurns`. The model sees what was said in the call so far, as far
/// as the other side heard it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Converse {
    /// What the model is to do here; `{{ name }}` is replaced by the value of the variable `name`.
    #[schemars(length(min = 1, max = 8000))]
    pub instructions: String,

    /// What is said on entering the node. The model begins when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub opening: Option<String>,

    /// What the model is to find out and to note in variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub variables: Vec<Noted>,

    /// Tools of the Agent that the model may use here, by their names. None unless named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 63)))]
    pub tools: Vec<String>,

    /// Knowledge bases of the Agent that what the caller says is looked up in here, by their names. All that the Agent
    /// has unless given; none where the list is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)))]
    pub knowledge_bases: Option<Vec<String>>,

    /// Turns of the caller at this node at most, 1 to 100; 20 unless given.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 100))]
    pub max_turns: u32,

    /// Whether the caller may cut in by speaking. True unless given.
    #[serde(default = "super::step::yes")]
    pub interruptible: bool,

    /// Seconds of silence of the caller until it counts as no input, 1 to 60; 8 unless given.
    #[serde(default = "super::ask::eight")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout_seconds: u32,

    /// How often silence, or speech that is not understood, is put up with in a row, and what is said then.
    #[serde(default)]
    pub retry: Retry,
}

/// A variable that the model notes. Until then it is empty text, 0 or false.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    /// The variable: a lower-case letter, then lower-case letters, digits and underscores.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,

    /// What it holds.
    #[serde(default, rename = "type")]
    pub kind: NotedKind,

    /// What it means, for the model.
    #[schemars(length(min = 1, max = 500))]
    pub description: String,

    /// Whether edges with `prompt` are taken only when it is noted. False unless given.
    #[serde(default)]
    pub required: bool,
}

/// What a noted variable holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NotedKind {
    /// Text of at most 2000 characters.
    #[default]
    Text,
    /// A whole number.
    Number,
    /// True or false.
    YesNo,
}

const fn twenty() -> u32 {
    20
}
