//! The graph that people write: `Flow.spec.graph` of the custom resource, word for word.
//!
//! Every doc comment on a field is what `kubectl explain` shows, every bound is in the schema, so
//! that the API server refuses what is too large before anything here runs. What a schema cannot
//! say (targets exist, variables are bound) is checked by [`compile`](crate::compile).

mod ask;
mod converse;
mod edge;
mod step;
mod transfer;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::ask::{Answer, Choice, Collect, DigitRules, InputMode, NumberRange, Retry};
pub use self::converse::{Converse, Noted, NotedKind};
pub use self::edge::{Edge, EdgeEvent, Global};
pub use self::step::{
    Assignment, Branch, Hangup, Menu, MenuOption, Node, NodeKind, NodeRecording, Say, Set, Step,
};
pub use self::transfer::{Transfer, Waiting};

/// The largest number of nodes of a graph; also `maxProperties` of the schema.
pub const MAX_NODES: usize = 200;
/// The longest text of a prompt or template, in characters.
pub const MAX_TEXT: usize = 2000;
/// The longest expression, in bytes.
pub const MAX_EXPRESSION: usize = 4096;
/// The longest phrase, in characters.
pub const MAX_PHRASE: usize = 100;
/// The longest name of a node or a variable, in characters.
pub const MAX_NAME: usize = 63;

/// A conversation as a graph of nodes, from the first words to the hang-up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    /// Name of the node at which a call begins.
    #[schemars(length(min = 1, max = 63))]
    pub start: String,

    /// The nodes by name. A name is 1 to 63 letters, digits, hyphens and underscores and is what
    /// call records, events and metrics show.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 200))]
    pub nodes: BTreeMap<String, Node>,

    /// Variables that the call brings along, such as the columns of a campaign's recipients, each
    /// with the text it has when the call does not bring it. A variable is text; use int() in an
    /// expression to count with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub inputs: BTreeMap<String, Input>,
}

/// What a variable is that the call brings along.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The text the variable has when the call does not bring it.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub default: String,

    /// What the variable means, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
}
