//! What a model may call for at a converse node: the way out, notes, and tools of the agent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, json};

use super::Way;
use crate::graph::NotedKind;
use crate::program::{Converse, Program, ProgramNode, ProgramNoted};
use crate::run::Run;
use crate::run::action::Action;
use crate::run::model::{Tool, ToolCall, ToolRun, ToolRunId};
use crate::tool::ToolUse;
use crate::value::Value;

/// The tool by which the model takes an edge.
const GO_TO: &str = "go_to";
/// The tool by which it notes variables.
const NOTE: &str = "note";
/// Tools that one call may run.
const MAX_TOOL_RUNS: u32 = 100;
/// Octets of the arguments of a call.
const MAX_ARGUMENTS: usize = 8 * 1024;

/// What became of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// It is done.
    Done(&'static str),
    /// A tool of the agent runs.
    Running(ToolRunId),
    /// Nothing was done; the model is told why.
    Refused(String),
}

/// What an answer may call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// Whatever the node has.
    All,
    /// What the node has itself: the agent's tools were called for often enough in this turn.
    BuiltIn,
}

impl Run {
    /// Does what the model called for, and leaves the node last: it may have been decided too early where a tool runs.
    /// **What may be called is what the node and the agent say, whatever the model writes.**
    pub(super) fn call_all(
        &mut self,
        converse: &Converse,
        calls: &[ToolCall],
        offer: Offer,
    ) -> Vec<Called> {
        let mut all: Vec<Option<Called>> = calls
            .iter()
            .map(|call| (call.name != GO_TO).then(|| self.call(converse, call, offer)))
            .collect();
        let is_running = all
            .iter()
            .any(|called| matches!(called, Some(Called::Running(_))));
        for (call, called) in calls.iter().zip(&mut all) {
            if called.is_none() {
                *called = Some(match is_running {
                    true => Called::Refused(format!(
                        "look first at what comes of the tools, then call {GO_TO}"
                    )),
                    false => self.call(converse, call, offer),
                });
            }
        }
        all.into_iter().flatten().collect()
    }

    fn call(&mut self, converse: &Converse, call: &ToolCall, offer: Offer) -> Called {
        if call.arguments.len() > MAX_ARGUMENTS {
            return Called::Refused("the arguments are too long".to_owned());
        }
        let arguments: Map<String, serde_json::Value> = match call.arguments.trim() {
            "" => Map::new(),
            text => match serde_json::from_str(text) {
                Ok(arguments) => arguments,
                Err(_) => return Called::Refused("the arguments are no JSON object".to_owned()),
            },
        };
        let done = match call.name.as_str() {
            GO_TO => self.go_to(converse, &arguments),
            NOTE => self.note(converse, arguments),
            name => {
                let program = Arc::clone(&self.program);
                return match tool_of(&program, converse, name) {
                    Some(tool) => self.run_tool(tool, arguments, offer),
                    None => Called::Refused("there is no such tool here".to_owned()),
                };
            }
        };
        done.map_or_else(Called::Refused, Called::Done)
    }

    fn run_tool(
        &mut self,
        tool: &ToolUse,
        arguments: Map<String, serde_json::Value>,
        offer: Offer,
    ) -> Called {
        if offer == Offer::BuiltIn {
            return Called::Refused("answer the caller first".to_owned());
        }
        if let Err(mistake) = tool.parameters.check(&arguments) {
            return Called::Refused(mistake);
        }
        if tool.http.path.fill(&mut arguments.clone()).is_none() {
            let names: Vec<&str> = tool.http.path.arguments().collect();
            return Called::Refused(format!(
                "none of these may be missing, empty or a path of its own: {}",
                names.join(", ")
            ));
        }
        if self.tool_runs >= MAX_TOOL_RUNS {
            return Called::Refused("no more tools can be called in this conversation".to_owned());
        }
        let id = ToolRunId(self.tool_runs);
        self.tool_runs += 1;
        self.running.push(id);
        self.actions.push_back(Action::RunTool(ToolRun {
            id,
            tool: tool.name.clone(),
            arguments,
            timeout: tool.timeout,
        }));
        Called::Running(id)
    }

    fn go_to(
        &mut self,
        converse: &Converse,
        arguments: &Map<String, serde_json::Value>,
    ) -> Result<&'static str, String> {
        let program = Arc::clone(&self.program);
        let node = program.nodes.get(&self.node);
        let prompts = node.map_or(&[][..], |node| &node.edges.prompts);
        let to = arguments.get("to").and_then(serde_json::Value::as_str);
        let to = prompts.iter().find(|prompt| Some(prompt.to.as_str()) == to);
        let to = to.ok_or("`to` is none of the places given")?.to.clone();
        let missing: Vec<&str> = converse
            .variables
            .iter()
            .filter(|noted| noted.required && !self.is_noted(noted))
            .map(|noted| noted.name.as_str())
            .collect();
        if !missing.is_empty() {
            return Err(format!("ask for and note first: {}", missing.join(", ")));
        }
        if let Some(conversing) = self.conversing() {
            conversing.leaving = Some(Way::Prompt(to));
        }
        Ok("done")
    }

    fn note(
        &mut self,
        converse: &Converse,
        arguments: Map<String, serde_json::Value>,
    ) -> Result<&'static str, String> {
        let mut wrong = Vec::new();
        for (name, value) in arguments {
            let noted = converse.variables.iter().find(|noted| noted.name == name);
            match noted.and_then(|noted| of_kind(noted.kind, &value)) {
                Some(value) => self.capture(&name, value),
                None => wrong.push(name),
            }
        }
        match wrong.is_empty() {
            true => Ok("noted"),
            false => Err(format!(
                "unknown, or of the wrong type: {}",
                wrong.join(", ")
            )),
        }
    }

    pub(super) fn is_noted(&self, noted: &ProgramNoted) -> bool {
        self.captured.contains(&noted.name)
    }
}

/// The tool of the agent that the node lets its model use by this name.
fn tool_of<'a>(program: &'a Program, converse: &Converse, name: &str) -> Option<&'a ToolUse> {
    let is_named = converse.tools.iter().any(|tool| tool == name);
    program.tool(name).filter(|_| is_named)
}

/// What a model may call at a node.
pub(super) fn tools(
    program: &Program,
    node: &ProgramNode,
    converse: &Converse,
    offer: Offer,
) -> Vec<Tool> {
    let mut tools = built_in(node, converse);
    if offer == Offer::All {
        let named = converse.tools.iter();
        tools.extend(named.filter_map(|name| {
            let tool = program.tool(name)?;
            Some(Tool {
                name: tool.name.clone(),
                description: tool.description.clone(),
                parameters: tool.parameters.schema().clone(),
            })
        }));
    }
    tools
}

fn built_in(node: &ProgramNode, converse: &Converse) -> Vec<Tool> {
    let mut tools = Vec::new();
    if !converse.variables.is_empty() {
        let properties: Map<_, _> = converse
            .variables
            .iter()
            .map(|noted| {
                let schema =
                    json!({ "type": json_type(noted.kind), "description": noted.description });
                (noted.name.clone(), schema)
            })
            .collect();
        tools.push(Tool {
            name: NOTE.to_owned(),
            description:
                "Notes what the caller said, as soon as it is said. Call it with what is new."
                    .to_owned(),
            parameters: json!({
                "type": "object", "properties": properties, "additionalProperties": false,
            }),
        });
    }
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for prompt in &node.edges.prompts {
        places.entry(&prompt.to).or_default().push(&prompt.when);
    }
    if !places.is_empty() {
        let when: Vec<String> = places
            .iter()
            .map(|(to, when)| format!("{to}: {}", when.join("; or ")))
            .collect();
        let names: Vec<&str> = places.keys().copied().collect();
        tools.push(Tool {
            name: GO_TO.to_owned(),
            description: format!(
                "Ends this part of the conversation. Call it when one of these holds.\n{}",
                when.join("\n")
            ),
            parameters: json!({
                "type": "object",
                "properties": { "to": { "type": "string", "enum": names } },
                "required": ["to"],
                "additionalProperties": false,
            }),
        });
    }
    tools
}

const fn json_type(kind: NotedKind) -> &'static str {
    match kind {
        NotedKind::Text => "string",
        NotedKind::Number => "integer",
        NotedKind::YesNo => "boolean",
    }
}

/// What the model gave, if it is of the kind that the variable has.
fn of_kind(kind: NotedKind, value: &serde_json::Value) -> Option<Value> {
    match kind {
        NotedKind::Text => value.as_str().map(Value::text),
        NotedKind::Number => value.as_i64().map(Value::Integer),
        NotedKind::YesNo => value.as_bool().map(Value::Boolean),
    }
}
