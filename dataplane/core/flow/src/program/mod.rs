//! What the compiler makes of a graph and an agent: all that a media node needs for a call.

mod converse;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use callplane_types::E164;
use serde::{Deserialize, Serialize};

use crate::digits::DigitSpec;
use crate::expression::Expression;
use crate::graph::{NodeKind, NodeRecording, Waiting};
use crate::settings::{AgentSettings, KnowledgeUse, seconds};
use crate::template::Template;
use crate::tool::ToolUse;

pub(crate) use self::converse::{Converse, ProgramNoted, ProgramPrompt};

/// The format this crate writes and reads. It grows when an older media node would misread a
/// program; a new field with a default needs no new format.
pub const FORMAT: u32 = 4;
/// The format of programs that look nothing up, which an older media node would leave to make up what documents say.
const TOOLS: u32 = 3;
/// The format of programs whose nodes say what becomes of the recording, which an older media node would not pause, and
/// have no tools, without which its models would make up what they cannot look up.
const RECORDING: u32 = 2;
/// The format of programs that every media node reads right.
const PLAIN: u32 = 1;

/// A compiled agent: its settings and its flow. Immutable and self-contained: a call keeps the one
/// it started with, whatever is applied meanwhile.
///
/// Only [`compile`](crate::compile) makes one. **What it made ends under any events: a
/// [`Run`](crate::Run) does a bounded number of steps for each event and takes a bounded number of
/// turns.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    format: u32,
    /// Settings of the agent.
    pub agent: AgentSettings,
    pub(crate) first_sentence: Option<Template>,
    pub(crate) start: String,
    /// Variables the call brings along, with their values when it does not.
    pub(crate) inputs: BTreeMap<String, String>,
    pub(crate) nodes: BTreeMap<String, ProgramNode>,
}

/// Why a stored program cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProgram {
    /// Written by a newer or much older version.
    #[error(
        "program format {0} is not one of {PLAIN} to {FORMAT}: apply the Agent again so that it is compiled anew"
    )]
    Format(u64),
    /// Not a program at all.
    #[error("not a program")]
    Json(#[from] serde_json::Error),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramNode {
    pub(crate) step: ProgramStep,
    pub(crate) edges: Edges,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recording: Option<NodeRecording>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) global: Option<ProgramGlobal>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ProgramStep {
    Say {
        text: Template,
        interruptible: bool,
    },
    Ask(Box<Ask>),
    Converse(Box<Converse>),
    Branch,
    Set(Vec<(String, Assigned)>),
    Transfer {
        text: Option<Template>,
        #[serde(flatten)]
        to: TransferTo,
    },
    Hangup {
        text: Option<Template>,
        outcome: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Assigned {
    Text(Template),
    Expression(Expression),
}

/// Who is brought into the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransferTo {
    pub(crate) to: E164,
    pub(crate) whisper: Option<Template>,
    #[serde(rename = "ringSeconds", with = "seconds")]
    pub(crate) ring: Duration,
    pub(crate) waiting: Waiting,
}

/// A question: collect or menu.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ask {
    pub(crate) prompt: Template,
    pub(crate) no_input: Option<Template>,
    pub(crate) no_match: Option<Template>,
    pub(crate) confirm: Option<Template>,
    pub(crate) attempts: u32,
    #[serde(rename = "timeoutSeconds", with = "seconds")]
    pub(crate) timeout: Duration,
    pub(crate) interruptible: bool,
    pub(crate) speech: bool,
    pub(crate) keys: bool,
    pub(crate) wanted: Wanted,
}

/// What a question wants to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Wanted {
    Option {
        variable: Option<String>,
        options: Vec<ProgramOption>,
    },
    Choice {
        variable: String,
        choices: Vec<ProgramChoice>,
    },
    Digits {
        variable: String,
        min: u32,
        spec: DigitSpec,
    },
    YesNo {
        variable: String,
    },
    Number {
        variable: String,
        min: u32,
        max: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramOption {
    #[serde(flatten)]
    pub(crate) choice: ProgramChoice,
    pub(crate) to: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramChoice {
    pub(crate) value: String,
    pub(crate) phrases: Vec<String>,
    pub(crate) digit: Option<char>,
}

/// The ways out of a node, in the order in which they are asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Edges {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) no_input: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) no_match: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_reached: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model_failed: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) digits: BTreeMap<char, String>,
    /// Those that a model chooses from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) prompts: Vec<ProgramPrompt>,
    /// By descending priority.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<(Expression, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) otherwise: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramGlobal {
    pub(crate) phrases: Vec<String>,
    pub(crate) digit: Option<char>,
    pub(crate) condition: Option<Expression>,
    #[serde(rename = "cooldownSeconds", with = "seconds")]
    pub(crate) cooldown: Duration,
    pub(crate) returns: bool,
}

/// What happened at a node, which decides the edges that may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Said, set, or branched; a question answered; a person left; enough turns of a conversation.
    Done,
    NoInput,
    NoMatch,
    /// Nobody was reached.
    NotReached,
    /// The model did not answer.
    ModelFailed,
}

// === impl Program ===

impl Program {
    pub(crate) fn new(
        agent: AgentSettings,
        first_sentence: Option<Template>,
        start: String,
        inputs: BTreeMap<String, String>,
        nodes: BTreeMap<String, ProgramNode>,
    ) -> Self {
        Self {
            format: format_of(&agent, &nodes),
            agent,
            first_sentence,
            start,
            inputs,
            nodes,
        }
    }

    /// Reads a stored program.
    ///
    /// # Errors
    /// When it has another format or is none.
    pub fn from_json(json: serde_json::Value) -> Result<Self, InvalidProgram> {
        let format = json.get("format").and_then(serde_json::Value::as_u64);
        match format {
            Some(format) if !(PLAIN.into()..=FORMAT.into()).contains(&format) => {
                Err(InvalidProgram::Format(format))
            }
            _ => Ok(serde_json::from_value(json)?),
        }
    }

    /// The program as it is stored.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("maps with text as keys and no failing serializer")
    }

    /// Names and kinds of the nodes.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, NodeKind)> {
        self.nodes
            .iter()
            .map(|(name, node)| (name.as_str(), node.kind()))
    }

    /// The tool of this name that the agent has.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&ToolUse> {
        self.agent.tools.iter().find(|tool| tool.name == name)
    }

    /// Tools that a node names and the agent does not have. Models are not offered them.
    pub fn missing_tools(&self) -> impl Iterator<Item = MissingTool<'_>> {
        let named = self.nodes.iter().flat_map(|(name, node)| {
            let tools = node.converse().map_or(&[][..], |converse| &converse.tools);
            tools.iter().map(|tool| MissingTool { node: name, tool })
        });
        named.filter(|missing| self.tool(missing.tool).is_none())
    }

    /// The knowledge bases that a node looks things up in.
    pub(crate) fn bases<'a>(
        &'a self,
        converse: &'a Converse,
    ) -> impl Iterator<Item = &'a KnowledgeUse> {
        let named = converse.knowledge_bases.as_deref();
        let all = self.agent.knowledge_bases.iter();
        all.filter(move |known| named.is_none_or(|named| named.contains(&known.name)))
    }

    /// Knowledge bases that a node names and the agent does not have. Nothing is looked up in them.
    pub fn missing_bases(&self) -> impl Iterator<Item = MissingBase<'_>> {
        let named = self.nodes.iter().flat_map(|(node, program)| {
            let bases = program
                .converse()
                .and_then(|converse| converse.knowledge_bases.as_deref());
            let bases = bases.unwrap_or_default().iter();
            bases.map(move |base| MissingBase { node, base })
        });
        let has = |base: &str| self.agent.knowledge_bases.iter().any(|it| it.name == base);
        named.filter(move |missing| !has(missing.base))
    }

    /// Names of the variables that a call may bring along.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().map(String::as_str)
    }
}

/// A tool that a node names and the agent does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingTool<'a> {
    /// Name of the node.
    pub node: &'a str,
    /// Name of the tool.
    pub tool: &'a str,
}

impl fmt::Display for MissingTool<'_> {
    /// What is wrong and what to do, fit for a condition's message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, tool } = self;
        write!(
            f,
            "node `{node}` uses the tool `{tool}`, which the Agent does not have; add it to spec.tools, or take it out of \
             the node"
        )
    }
}

/// A knowledge base that a node names and the agent does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingBase<'a> {
    /// Name of the node.
    pub node: &'a str,
    /// Name of the knowledge base.
    pub base: &'a str,
}

impl fmt::Display for MissingBase<'_> {
    /// What is wrong and what to do, fit for a condition's message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, base } = self;
        write!(
            f,
            "node `{node}` looks things up in `{base}`, which the Agent does not have; add it to spec.knowledgeBases, or \
             take it out of the node"
        )
    }
}

/// The lowest format whose readers get all of it right.
fn format_of(agent: &AgentSettings, nodes: &BTreeMap<String, ProgramNode>) -> u32 {
    let talks = |node: &ProgramNode| node.converse().is_some();
    if !agent.knowledge_bases.is_empty() && nodes.values().any(talks) {
        return FORMAT;
    }
    let uses_tools = |node: &ProgramNode| node.converse().is_some_and(|it| !it.tools.is_empty());
    if nodes.values().any(uses_tools) {
        return TOOLS;
    }
    match nodes.values().any(|node| node.recording.is_some()) {
        true => RECORDING,
        false => PLAIN,
    }
}

// === impl ProgramNode ===

impl ProgramNode {
    pub(crate) fn kind(&self) -> NodeKind {
        match &self.step {
            ProgramStep::Say { .. } => NodeKind::Say,
            ProgramStep::Ask(ask) if matches!(ask.wanted, Wanted::Option { .. }) => NodeKind::Menu,
            ProgramStep::Ask(_) => NodeKind::Collect,
            ProgramStep::Converse(_) => NodeKind::Converse,
            ProgramStep::Branch => NodeKind::Branch,
            ProgramStep::Set(_) => NodeKind::Set,
            ProgramStep::Transfer { .. } => NodeKind::Transfer,
            ProgramStep::Hangup { .. } => NodeKind::Hangup,
        }
    }

    pub(crate) fn ask(&self) -> Option<&Ask> {
        match &self.step {
            ProgramStep::Ask(ask) => Some(ask),
            _ => None,
        }
    }

    pub(crate) fn converse(&self) -> Option<&Converse> {
        match &self.step {
            ProgramStep::Converse(converse) => Some(converse),
            _ => None,
        }
    }

    /// Whether the caller is listened to, so that global nodes can be called for.
    pub(crate) const fn listens(&self) -> bool {
        matches!(self.step, ProgramStep::Ask(_) | ProgramStep::Converse(_))
    }

    pub(crate) fn transfer(&self) -> Option<&TransferTo> {
        match &self.step {
            ProgramStep::Transfer { to, .. } => Some(to),
            _ => None,
        }
    }

    pub(crate) fn returns(&self) -> bool {
        self.global.as_ref().is_some_and(|global| global.returns)
    }

    /// The causes after which the node is left; not by keys.
    pub(crate) fn causes(&self) -> &'static [Cause] {
        match self.step {
            ProgramStep::Say { .. } | ProgramStep::Branch | ProgramStep::Set(_) => &[Cause::Done],
            ProgramStep::Ask(_) => &[Cause::Done, Cause::NoInput, Cause::NoMatch],
            ProgramStep::Converse(_) => &[
                Cause::Done,
                Cause::NoInput,
                Cause::NoMatch,
                Cause::ModelFailed,
            ],
            ProgramStep::Transfer { .. } => &[Cause::Done, Cause::NotReached],
            ProgramStep::Hangup { .. } => &[],
        }
    }

    /// Whether a cause is settled before expressions are asked, and by which targets: the event's
    /// edge, or the options of a menu.
    pub(crate) fn settled(&self, cause: Cause) -> Option<Vec<&str>> {
        match (cause, &self.step) {
            (Cause::NoInput, _) => self.edges.no_input.as_deref().map(|to| vec![to]),
            (Cause::NoMatch, _) => self.edges.no_match.as_deref().map(|to| vec![to]),
            (Cause::NotReached, _) => self.edges.not_reached.as_deref().map(|to| vec![to]),
            (Cause::ModelFailed, _) => self.edges.model_failed.as_deref().map(|to| vec![to]),
            (Cause::Done, ProgramStep::Ask(ask)) => match &ask.wanted {
                Wanted::Option { options, .. } => {
                    Some(options.iter().map(|option| option.to.as_str()).collect())
                }
                _ => None,
            },
            (Cause::Done, _) => None,
        }
    }

    /// The variable a question binds when it is answered.
    pub(crate) fn answered_variable(&self) -> Option<&str> {
        match &self.ask()?.wanted {
            Wanted::Option { variable, .. } => variable.as_deref(),
            Wanted::Choice { variable, .. }
            | Wanted::Digits { variable, .. }
            | Wanted::YesNo { variable }
            | Wanted::Number { variable, .. } => Some(variable),
        }
    }

    /// Every target with the cause, keys excepted.
    pub(crate) fn targets(&self, cause: Cause) -> Vec<&str> {
        self.settled(cause).unwrap_or_else(|| {
            let conditions = self.edges.conditions.iter().map(|(_, to)| to.as_str());
            conditions.chain(self.edges.otherwise.as_deref()).collect()
        })
    }
}

impl ProgramGlobal {
    /// Whether only its expression leads to it.
    pub(crate) const fn is_conditional(&self) -> bool {
        self.phrases.is_empty() && self.digit.is_none()
    }
}
