//! Every node by itself: sizes, names, templates, expressions, phrases, keys.

mod converse;
mod edges;
mod questions;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CALL_VARIABLES, Problem};
use crate::expression::Expression;
use crate::graph::{Assignment, Graph, MAX_NAME, MAX_NODES, MAX_TEXT, Node, Step, Transfer};
use crate::program::{Assigned, ProgramNode, ProgramStep, TransferTo};
use crate::template::{Template, is_variable};

/// The name that stands for the answer in a confirmation, and so for no variable.
pub(super) const VALUE: &str = "value";

/// The nodes that are right by themselves.
pub(super) fn nodes(graph: &Graph, problems: &mut Vec<Problem>) -> BTreeMap<String, ProgramNode> {
    if graph.nodes.len() > MAX_NODES {
        problems.push(Problem::general(
            format!("the graph has {} nodes", graph.nodes.len()),
            format!("keep to {MAX_NODES}, or split the flow"),
        ));
        return BTreeMap::new();
    }
    let mut lowered = BTreeMap::new();
    for (name, node) in &graph.nodes {
        let before = problems.len();
        let mut lower = Lower {
            node: name,
            problems,
        };
        let result = lower.node(node);
        if let (Some(result), true) = (result, problems.len() == before) {
            lowered.insert(name.clone(), result);
        }
    }
    lowered
}

/// The variables a call brings along, those of every call included.
pub(super) fn inputs(graph: &Graph, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let mut inputs: BTreeMap<String, String> = CALL_VARIABLES
        .iter()
        .map(|name| ((*name).to_owned(), String::new()))
        .collect();
    if graph.inputs.len() > 50 {
        problems.push(Problem::general(
            "the graph has more than 50 inputs",
            "keep to 50",
        ));
        return inputs;
    }
    for (name, input) in &graph.inputs {
        if !is_variable(name) || name == VALUE {
            problems.push(Problem::general(
                format!("the input `{}` has no name of a variable", shorten(name)),
                NAME_FIX,
            ));
        }
        inputs.insert(name.clone(), input.default.clone());
    }
    inputs
}

const NAME_FIX: &str = "use a lower-case letter, then lower-case letters, digits and underscores, 63 in all, and not `value`";

struct Lower<'a> {
    node: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Lower<'_> {
    fn problem(&mut self, message: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(Problem::at(self.node, message, fix));
    }

    fn node(&mut self, node: &Node) -> Option<ProgramNode> {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if self.node.is_empty() || self.node.len() > MAX_NAME || !self.node.bytes().all(inner) {
            self.problems.push(Problem::at(
                &shorten(self.node),
                "this is no name of a node",
                "use 1 to 63 letters, digits, hyphens and underscores",
            ));
            return None;
        }
        let Some(step) = node.step() else {
            self.problem(
                "a node does exactly one thing",
                "give it one of say, collect, menu, converse, branch, set, transfer and hangup",
            );
            return None;
        };
        let edges = self.edges(node, step);
        let global = node.global.as_ref().and_then(|global| self.global(global));
        let step = match step {
            Step::Say(say) => ProgramStep::Say {
                text: self.template("text", &say.text)?,
                interruptible: say.interruptible,
            },
            Step::Collect(collect) => ProgramStep::Ask(Box::new(self.collect(collect, &edges)?)),
            Step::Menu(menu) => ProgramStep::Ask(Box::new(self.menu(menu, &edges)?)),
            Step::Converse(converse) => self.converse(converse)?,
            Step::Branch(_) => ProgramStep::Branch,
            Step::Set(set) => ProgramStep::Set(self.assignments(&set.variables)?),
            Step::Transfer(transfer) => self.transfer(transfer)?,
            Step::Hangup(hangup) => ProgramStep::Hangup {
                text: self.optional("text", hangup.text.as_ref())?,
                outcome: hangup.outcome.clone(),
            },
        };
        Some(ProgramNode {
            step,
            edges,
            recording: node.recording,
            global,
        })
    }

    fn template(&mut self, field: &str, text: &str) -> Option<Template> {
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT {
            self.problem(
                format!("{field} is empty or longer than {MAX_TEXT} characters"),
                "say something shorter, or in several nodes",
            );
            return None;
        }
        self.parse(field, text)
    }

    fn parse(&mut self, field: &str, text: &str) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                self.problem(
                    format!("{field} cannot be read: {error}"),
                    "write {{ name }} for the variable name",
                );
                None
            }
        }
    }

    fn optional(&mut self, field: &str, text: Option<&String>) -> Option<Option<Template>> {
        match text {
            None => Some(None),
            Some(text) => self.template(field, text).map(Some),
        }
    }

    fn transfer(&mut self, transfer: &Transfer) -> Option<ProgramStep> {
        let Transfer {
            to,
            text,
            whisper,
            waiting,
            ring_seconds,
        } = transfer;
        let number = to.parse();
        if number.is_err() {
            self.problem(
                format!("`{}` is no telephone number", shorten(to)),
                "write + and 7 to 15 digits, as in +15551230001",
            );
        }
        if !(5..=120).contains(ring_seconds) {
            self.problem("ringSeconds is not 5 to 120", "use 5 to 120");
        }
        let text = self.optional("text", text.as_ref());
        let whisper = self.optional("whisper", whisper.as_ref());
        Some(ProgramStep::Transfer {
            text: text?,
            to: TransferTo {
                to: number.ok()?,
                whisper: whisper?,
                ring: Duration::from_secs(u64::from(*ring_seconds)),
                waiting: *waiting,
            },
        })
    }

    fn expression(&mut self, source: &str) -> Option<Expression> {
        match Expression::parse(source) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.problem(error.to_string(), "correct the expression");
                None
            }
        }
    }

    fn variable(&mut self, name: &str) {
        if !is_variable(name) || name == VALUE {
            self.problem(
                format!("`{}` is no name of a variable", shorten(name)),
                NAME_FIX,
            );
        }
    }

    fn assignments(&mut self, given: &[Assignment]) -> Option<Vec<(String, Assigned)>> {
        if given.is_empty() || given.len() > 20 {
            self.problem("set has no variable or more than 20", "set 1 to 20");
            return None;
        }
        given.iter().map(|one| self.assignment(one)).collect()
    }

    fn assignment(&mut self, given: &Assignment) -> Option<(String, Assigned)> {
        self.variable(&given.variable);
        let value = match (&given.text, &given.expression) {
            (Some(text), None) if text.is_empty() => Assigned::Text(Template::parse("").ok()?),
            (Some(text), None) => Assigned::Text(self.template("text", text)?),
            (None, Some(source)) => Assigned::Expression(self.expression(source)?),
            _ => {
                self.problem(
                    format!("`{}` needs one value", shorten(&given.variable)),
                    "give it exactly one of text and expression",
                );
                return None;
            }
        };
        Some((given.variable.clone(), value))
    }
}

/// Names in messages stay readable, whatever was written.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
