//! A graph into a program, with every mistake that can be known before the first call.
//!
//! What passes has one start, every node reachable, no dead end, every variable bound before it is
//! used and of one type, every expression readable and of the right type, no phrase with two
//! meanings, and no loop that a silent or misunderstood caller could be caught in.

mod bindings;
mod loops;
mod lower;
mod structure;
mod tools;

use std::collections::BTreeMap;
use std::fmt;

use crate::graph::Graph;
use crate::program::Program;
use crate::settings::{AgentSettings, MAX_KNOWLEDGE_BASES};
use crate::template::Template;

/// Variables that every call brings along: the two numbers in E.164 as far as they are known, and
/// `inbound` or `outbound`.
pub const CALL_VARIABLES: &[&str] = &["caller_number", "called_number", "direction"];

/// A mistake in a graph: where it is, what it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the node; `None` for the graph as a whole or the agent.
    pub node: Option<String>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do, as an order without a full stop.
    pub fix: String,
}

impl Problem {
    fn at(node: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            node: Some(node.to_owned()),
            message: message.into(),
            fix: fix.into(),
        }
    }

    fn general(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            node: None,
            message: message.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Problem {
    /// One sentence, fit for a condition's message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = &self.node {
            write!(f, "node `{node}`: ")?;
        }
        write!(f, "{}; {}", self.message, self.fix)
    }
}

/// Compiles a graph for an agent. A flow alone is checked with [`AgentSettings::default`].
///
/// # Errors
/// Every mistake found, in the order of the nodes' names. Some are found only when others are
/// gone: types and bindings are looked at when the graph hangs together.
pub fn compile(graph: &Graph, agent: &AgentSettings) -> Result<Program, Vec<Problem>> {
    let mut problems = Vec::new();
    let nodes = lower::nodes(graph, &mut problems);
    let inputs = lower::inputs(graph, &mut problems);
    let first_sentence = first_sentence(agent, &inputs, &mut problems);
    tools::check(agent, &mut problems);
    knowledge(agent, &mut problems);
    structure::check(graph, &nodes, &mut problems);
    if problems.is_empty() {
        bindings::check(&graph.start, &inputs, &nodes, &mut problems);
        loops::check(&nodes, &mut problems);
    }
    if problems.is_empty() {
        Ok(Program::new(
            agent.clone(),
            first_sentence,
            graph.start.clone(),
            inputs,
            nodes,
        ))
    } else {
        problems.sort_by(|a, b| a.node.cmp(&b.node));
        Err(problems)
    }
}

fn knowledge(agent: &AgentSettings, problems: &mut Vec<Problem>) {
    let bases = &agent.knowledge_bases;
    if bases.len() > MAX_KNOWLEDGE_BASES {
        problems.push(Problem::general(
            format!("the agent has more than {MAX_KNOWLEDGE_BASES} knowledge bases"),
            format!("keep to {MAX_KNOWLEDGE_BASES}"),
        ));
    }
    for (index, known) in bases.iter().enumerate() {
        if bases[..index].iter().any(|other| other.name == known.name) {
            problems.push(Problem::general(
                format!("the agent names the knowledge base `{}` twice", known.name),
                "name it once",
            ));
        }
    }
}

fn first_sentence(
    agent: &AgentSettings,
    inputs: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<Template> {
    let text = agent.first_sentence.as_deref()?;
    if text.trim().is_empty() {
        return None;
    }
    match Template::parse(text) {
        Ok(template) => {
            for name in template.variables() {
                if !inputs.contains_key(name) {
                    problems.push(Problem::general(
                        format!("the first sentence uses `{name}`, which no call brings along"),
                        "declare it under inputs of the flow or leave it out",
                    ));
                }
            }
            Some(template)
        }
        Err(error) => {
            problems.push(Problem::general(
                format!("the first sentence cannot be read: {error}"),
                "write {{ name }} for the variable name",
            ));
            None
        }
    }
}
