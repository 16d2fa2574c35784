//! Conversations that a language model leads.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Lower, shorten};
use crate::graph::{Converse, Noted};
use crate::program::{ProgramNoted, ProgramStep};
use crate::settings::MAX_KNOWLEDGE_BASES;
use crate::template::Template;
use crate::tool::{BUILT_IN, MAX_TOOLS};

/// The longest instructions, in characters.
const MAX_INSTRUCTIONS: usize = 8_000;
/// What is said after silence, and after speech that was not understood, unless the node says it.
const ARE_YOU_THERE: &str = "Are you still there?";
const SAY_AGAIN: &str = "Sorry, I did not catch that.";

impl Lower<'_> {
    pub(super) fn converse(&mut self, converse: &Converse) -> Option<ProgramStep> {
        let Converse {
            instructions,
            opening,
            variables,
            tools,
            knowledge_bases,
            max_turns,
            interruptible,
            timeout_seconds,
            retry,
        } = converse;
        let instructions = self.text("instructions", instructions, MAX_INSTRUCTIONS);
        let opening = self.optional("opening", opening.as_ref());
        let no_input = retry.no_input.as_deref().unwrap_or(ARE_YOU_THERE);
        let no_input = self.template("retry.noInput", no_input);
        let no_match = retry.no_match.as_deref().unwrap_or(SAY_AGAIN);
        let no_match = self.template("retry.noMatch", no_match);
        self.within("maxTurns", *max_turns, 1, 100);
        self.within("timeoutSeconds", *timeout_seconds, 1, 60);
        self.within("retry.attempts", retry.attempts, 1, 10);
        let variables = self.noted(variables);
        self.tools(tools);
        self.knowledge_bases(knowledge_bases.as_deref().unwrap_or_default());
        Some(ProgramStep::Converse(Box::new(crate::program::Converse {
            instructions: instructions?,
            opening: opening?,
            variables,
            tools: tools.clone(),
            knowledge_bases: knowledge_bases.clone(),
            max_turns: *max_turns,
            interruptible: *interruptible,
            timeout: Duration::from_secs(u64::from(*timeout_seconds)),
            attempts: retry.attempts,
            no_input: no_input?,
            no_match: no_match?,
        })))
    }

    fn within(&mut self, field: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.problem(
                format!("{field} is not {least} to {most}"),
                format!("use {least} to {most}"),
            );
        }
    }

    /// Whether the agent has them is looked at with the agent: a flow may serve several.
    fn tools(&mut self, names: &[String]) {
        if names.len() > MAX_TOOLS {
            self.problem(
                format!("the node names more than {MAX_TOOLS} tools"),
                format!("keep to {MAX_TOOLS}"),
            );
        }
        for (index, name) in names.iter().enumerate() {
            if BUILT_IN.contains(&name.as_str()) {
                self.problem(
                    format!("`{name}` is a tool that every converse node has itself"),
                    "leave it out",
                );
            }
            if names[..index].contains(name) {
                self.problem(
                    format!("the tool `{}` is named twice", shorten(name)),
                    "name it once",
                );
            }
        }
    }

    /// Whether the agent has them is looked at with the agent, as of tools.
    fn knowledge_bases(&mut self, names: &[String]) {
        if names.len() > MAX_KNOWLEDGE_BASES {
            self.problem(
                format!("the node names more than {MAX_KNOWLEDGE_BASES} knowledge bases"),
                format!("keep to {MAX_KNOWLEDGE_BASES}"),
            );
        }
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                self.problem(
                    format!("the knowledge base `{}` is named twice", shorten(name)),
                    "name it once",
                );
            }
        }
    }

    fn noted(&mut self, given: &[Noted]) -> Vec<ProgramNoted> {
        if given.len() > 20 {
            self.problem("the node notes more than 20 variables", "keep to 20");
        }
        let mut names = BTreeSet::new();
        for one in given {
            self.variable(&one.name);
            if !names.insert(&one.name) {
                self.problem(
                    format!("`{}` is noted twice", shorten(&one.name)),
                    "keep it once",
                );
            }
            if one.description.trim().is_empty() || one.description.chars().count() > 500 {
                self.problem(
                    format!(
                        "the description of `{}` is empty or longer than 500 characters",
                        shorten(&one.name)
                    ),
                    "tell the model in a sentence what to note",
                );
            }
        }
        given
            .iter()
            .map(|one| ProgramNoted {
                name: one.name.clone(),
                kind: one.kind,
                description: one.description.clone(),
                required: one.required,
            })
            .collect()
    }

    /// Whether a text fits for an edge that the model may take.
    pub(super) fn prompt(&mut self, text: &str) {
        if text.trim().is_empty() || text.chars().count() > 500 {
            self.problem(
                "the prompt of an edge is empty or longer than 500 characters",
                "tell the model in a sentence when to take it",
            );
        }
    }

    fn text(&mut self, field: &str, text: &str, longest: usize) -> Option<Template> {
        if text.trim().is_empty() || text.chars().count() > longest {
            self.problem(
                format!("{field} are empty or longer than {longest} characters"),
                "say it shorter, or in several nodes",
            );
            return None;
        }
        self.parse(field, text)
    }
}
