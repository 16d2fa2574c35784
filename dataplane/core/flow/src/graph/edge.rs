//! Where a conversation goes next.
//!
//! The field is `event`, not `on`: in the YAML 1.1 that kubectl reads, a bare `on` is the boolean
//! true. The rules for the API server say `self.__if__` because `if` is a reserved word of CEL and
//! Kubernetes escapes such field names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One way out of a node: with `event`, after that event; with `prompt`, when the model of a
/// converse node finds that it holds; with `if`, when the expression is true; with neither, when no
/// other edge is taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "[has(self.event), has(self.prompt), has(self.__if__)].filter(x, x).size() <= 1",
        "message": "an edge has one of event, prompt and if: lead it to a branch node that asks the expression",
    },
    {
        "rule": "has(self.digit) == (has(self.event) && self.event == 'digit')",
        "message": "digit belongs to event: digit, and event: digit needs it",
    },
]))]
pub struct Edge {
    /// Name of the node to go to.
    #[schemars(length(min = 1, max = 63))]
    pub to: String,

    /// The event after which the edge is taken: noInput, noMatch and digit at a question, digit
    /// while a say node speaks, notReached at a transfer, noInput, noMatch, digit and modelFailed at
    /// a converse node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EdgeEvent>,

    /// The key of `event: digit`: one of 0 to 9, `*` and `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9*#]$"), length(max = 1))]
    pub digit: Option<String>,

    /// When the model of a converse node is to take the edge, in words: `the caller wants to book`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub prompt: Option<String>,

    /// A CEL expression over the variables that must be true, such as `age >= 18`. Comprehensions
    /// (all, exists, map, filter) and functions whose cost grows faster than their input are
    /// refused.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub condition: Option<String>,

    /// Which `if` is asked first: the higher, and among equals the one written first. 0 unless
    /// given.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: i32,
}

/// What happened at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EdgeEvent {
    /// The caller stayed silent the last time the question was asked.
    NoInput,
    /// The caller was not understood the last time the question was asked.
    NoMatch,
    /// The caller pressed the key `digit` while the node spoke or listened.
    Digit,
    /// The person of a transfer was not reached: busy, no answer in time, refused, or no line.
    NotReached,
    /// The model of a converse node did not answer, or answered nothing.
    ModelFailed,
}

/// How a node is reached from everywhere: by what the caller says or presses while any node
/// listens, or by an expression that becomes true.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.phrases) || has(self.digit) || has(self.__if__)",
    "message": "a global node needs phrases, digit or if",
}]))]
pub struct Global {
    /// What a caller may say at any question to get here: words, without digits and punctuation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    pub phrases: Vec<String>,

    /// The key that gets here from any question that does not use it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9*#]$"), length(max = 1))]
    pub digit: Option<String>,

    /// A CEL expression. With phrases or digit it must be true too; alone it is asked each
    /// time a question was answered or given up.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub condition: Option<String>,

    /// Seconds after which the node may be reached this way again, 0 to 3600; 0 unless given.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3600))]
    pub cooldown_seconds: u32,

    /// Whether the conversation goes back to where it was when no edge of this node is taken.
    /// False unless given.
    #[serde(default, rename = "return")]
    pub returns: bool,
}

// === impl Edge ===

impl Edge {
    /// The edge taken when no other is.
    pub fn to(to: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            ..Self::default()
        }
    }

    /// The edge taken after `event`.
    pub fn on(event: EdgeEvent, to: impl Into<String>) -> Self {
        Self {
            event: Some(event),
            ..Self::to(to)
        }
    }

    /// The edge that the model of a converse node takes when `prompt` holds.
    pub fn prompt(prompt: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            prompt: Some(prompt.into()),
            ..Self::to(to)
        }
    }

    /// The edge taken when the expression `condition` is true.
    pub fn when(condition: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            condition: Some(condition.into()),
            ..Self::to(to)
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(priority: &i32) -> bool {
    *priority == 0
}
