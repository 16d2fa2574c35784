//! What a model may call for at a converse node: the way out, and notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, json};

use super::Way;
use crate::graph::NotedKind;
use crate::program::{Converse, ProgramNode, ProgramNoted};
use crate::run::Run;
use crate::run::model::{Tool, ToolCall};
use crate::value::Value;

/// The tool by which the model takes an edge.
const GO_TO: &str = "go_to";
/// The tool by which it notes variables.
const NOTE: &str = "note";

impl Run {
    /// Does what the model called for. **What may be called is what the node says, whatever the model writes.**
    pub(super) fn call(&mut self, converse: &Converse, call: &ToolCall) -> Result<String, String> {
        let arguments: Map<String, serde_json::Value> = match call.arguments.trim() {
            "" => Map::new(),
            text => serde_json::from_str(text)
                .map_err(|_| "the arguments are no JSON object".to_owned())?,
        };
        match call.name.as_str() {
            GO_TO => self.go_to(converse, &arguments),
            NOTE => self.note(converse, arguments),
            _ => Err(format!(
                "there is no such tool; there are {GO_TO} and {NOTE}"
            )),
        }
    }

    fn go_to(
        &mut self,
        converse: &Converse,
        arguments: &Map<String, serde_json::Value>,
    ) -> Result<String, String> {
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
        Ok("done".to_owned())
    }

    fn note(
        &mut self,
        converse: &Converse,
        arguments: Map<String, serde_json::Value>,
    ) -> Result<String, String> {
        let mut wrong = Vec::new();
        for (name, value) in arguments {
            let noted = converse.variables.iter().find(|noted| noted.name == name);
            match noted.and_then(|noted| of_kind(noted.kind, &value)) {
                Some(value) => self.capture(&name, value),
                None => wrong.push(name),
            }
        }
        match wrong.is_empty() {
            true => Ok("noted".to_owned()),
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

/// What a model may call at a node.
pub(super) fn tools(node: &ProgramNode, converse: &Converse) -> Vec<Tool> {
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
