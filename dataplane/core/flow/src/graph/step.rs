//! One node of a graph and what it does.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Collect, Converse, Edge, Global, Retry, Transfer};

/// One node of a conversation: exactly one of `say`, `collect`, `menu`, `converse`, `branch`, `set`,
/// `transfer` and `hangup`, and the edges that leave it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.say), has(self.collect), has(self.menu), has(self.converse), has(self.branch), has(self.set), has(self.transfer), has(self.hangup)].exists_one(x, x)",
    "message": "a node does exactly one thing: give it one of say, collect, menu, converse, branch, set, transfer and hangup",
}]))]
pub struct Node {
    /// Says something and goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Say>,

    /// Asks for one piece of information, by speech or by digits, and keeps it in a variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect: Option<Collect>,

    /// Offers options and goes where the chosen one points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub menu: Option<Menu>,

    /// Lets a language model talk with the caller until one of the edges is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converse: Option<Converse>,

    /// Does nothing but choose an edge by its expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,

    /// Gives variables a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Set>,

    /// Rings a person and joins the caller with them. It needs two edges: `event: notReached` for
    /// when nobody answers, and one with neither event nor if for when the person hung up and the
    /// caller is still there. The call goes out over the trunk of the tenant's own number, whose
    /// PhoneNumber must have outbound.enabled; without it nobody is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,

    /// Ends the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangup: Option<Hangup>,

    /// Where to go next. Always asked in this order: edges with `event` or `prompt`, edges with `if`
    /// by descending priority, then the one edge with nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub edges: Vec<Edge>,

    /// What becomes of the recording of the call at this node. It goes on as before when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<NodeRecording>,

    /// Makes the node reachable from everywhere, as an operator or a help node is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<Global>,

    /// What the node is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub description: Option<String>,
}

/// What becomes of the recording of the call at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NodeRecording {
    /// While the conversation is at this node, question, answers and confirmation, nothing of
    /// either side is recorded: silence stands in its place, and the record of the call says from
    /// when to when. For what must not be kept, such as the number of a card.
    Pause,
    /// Recorded from here on, also where the Agent records no call.
    Start,
    /// Not recorded from here on, until a node starts it again.
    Stop,
}

/// Says something and goes on when it was said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Say {
    /// What to say; `{{ name }}` is replaced by the value of the variable `name`.
    #[schemars(length(min = 1, max = 2000))]
    pub text: String,

    /// Whether the caller may cut it short by speaking or by pressing a digit. True unless given.
    #[serde(default = "yes")]
    pub interruptible: bool,
}

/// Offers options by spoken phrases and digits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Menu {
    /// The question; `{{ name }}` is replaced by the value of the variable `name`.
    #[schemars(length(min = 1, max = 2000))]
    pub prompt: String,

    /// The options. Each phrase and each digit may occur once.
    #[schemars(length(min = 1, max = 24))]
    pub options: Vec<MenuOption>,

    /// A variable that keeps the `value` of the chosen option as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub variable: Option<String>,

    /// Whether the caller may answer before the question was said to its end. True unless given.
    #[serde(default = "yes")]
    pub interruptible: bool,

    /// Seconds of silence after the question until it counts as no input, 1 to 60; 8 unless given.
    #[serde(default = "super::ask::eight")]
    #[schemars(range(min = 1, max = 60))]
    pub timeout_seconds: u32,

    /// How often and with which words to ask again.
    #[serde(default)]
    pub retry: Retry,
}

/// One option of a menu.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MenuOption {
    /// What a caller may say for it: words, without digits and punctuation, in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    pub phrases: Vec<String>,

    /// The key for it: one of 0 to 9, `*` and `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9*#]$"), length(max = 1))]
    pub digit: Option<String>,

    /// The text kept in the menu's variable; the first phrase unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub value: Option<String>,

    /// Name of the node to go to.
    #[schemars(length(min = 1, max = 63))]
    pub to: String,
}

/// Chooses an edge by its expressions. It has no settings of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Branch {}

/// Gives variables a value, in the order written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Set {
    /// The variables and their values.
    #[schemars(length(min = 1, max = 20))]
    pub variables: Vec<Assignment>,
}

/// One variable and its value: exactly one of `text` and `expression`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.text) != has(self.expression)",
    "message": "give the variable exactly one of text and expression",
}]))]
pub struct Assignment {
    /// The variable: a lower-case letter, then lower-case letters, digits and underscores.
    #[schemars(length(min = 1, max = 63))]
    pub variable: String,

    /// The value as text; `{{ name }}` is replaced by the value of the variable `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub text: Option<String>,

    /// The value as a CEL expression over the variables, such as `attempts + 1` or `size(name) > 0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub expression: Option<String>,
}

/// Ends the call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hangup {
    /// What to say before, not interruptible; `{{ name }}` is replaced as everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub text: Option<String>,

    /// One word for how the conversation went, kept with the call: `booked`, `not_interested`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    pub outcome: Option<String>,
}

/// What a node does, borrowed from it.
#[derive(Debug, Clone, Copy)]
#[expect(
    missing_docs,
    reason = "each variant is documented by the type it holds"
)]
pub enum Step<'a> {
    Say(&'a Say),
    Collect(&'a Collect),
    Menu(&'a Menu),
    Converse(&'a Converse),
    Branch(&'a Branch),
    Set(&'a Set),
    Transfer(&'a Transfer),
    Hangup(&'a Hangup),
}

/// The kind of a node: the column `flow_nodes.type` and the word in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeKind {
    /// [`Say`].
    Say,
    /// [`Collect`].
    Collect,
    /// [`Menu`].
    Menu,
    /// [`Converse`].
    Converse,
    /// [`Branch`].
    Branch,
    /// [`Set`].
    Set,
    /// [`Transfer`].
    Transfer,
    /// [`Hangup`].
    Hangup,
}

impl NodeKind {
    /// The word in SQL, metrics and logs; also the name of the field of [`Node`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Say => "say",
            Self::Collect => "collect",
            Self::Menu => "menu",
            Self::Converse => "converse",
            Self::Branch => "branch",
            Self::Set => "set",
            Self::Transfer => "transfer",
            Self::Hangup => "hangup",
        }
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Node ===

impl Node {
    /// What the node does; nothing if it says none or several things.
    #[must_use]
    pub fn step(&self) -> Option<Step<'_>> {
        let steps = [
            self.say.as_ref().map(Step::Say),
            self.collect.as_ref().map(Step::Collect),
            self.menu.as_ref().map(Step::Menu),
            self.converse.as_ref().map(Step::Converse),
            self.branch.as_ref().map(Step::Branch),
            self.set.as_ref().map(Step::Set),
            self.transfer.as_ref().map(Step::Transfer),
            self.hangup.as_ref().map(Step::Hangup),
        ];
        let mut given = steps.into_iter().flatten();
        let step = given.next();
        step.filter(|_| given.next().is_none())
    }

    /// A node that says something and goes on to `to`.
    pub fn say(text: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            say: Some(Say {
                text: text.into(),
                interruptible: true,
            }),
            edges: vec![Edge::to(to)],
            ..Self::default()
        }
    }

    /// A node that hangs up.
    #[must_use]
    pub fn hangup(text: Option<String>, outcome: Option<String>) -> Self {
        Self {
            hangup: Some(Hangup { text, outcome }),
            ..Self::default()
        }
    }
}

impl Step<'_> {
    /// The kind of the node.
    #[must_use]
    pub const fn kind(self) -> NodeKind {
        match self {
            Self::Say(_) => NodeKind::Say,
            Self::Collect(_) => NodeKind::Collect,
            Self::Menu(_) => NodeKind::Menu,
            Self::Converse(_) => NodeKind::Converse,
            Self::Branch(_) => NodeKind::Branch,
            Self::Set(_) => NodeKind::Set,
            Self::Transfer(_) => NodeKind::Transfer,
            Self::Hangup(_) => NodeKind::Hangup,
        }
    }
}

pub(super) const fn yes() -> bool {
    true
}
