//! One question to the model: how it is asked, and what is done when its answer is complete.

use std::sync::Arc;

use callplane_types::Instant;
use serde_json::Map;

use super::Way;
use super::calls::tools;
use crate::program::{Cause, Converse};
use crate::run::Run;
use crate::run::action::Action;
use crate::run::model::{ModelMessage, Think, ThinkId, ToolCall};
use crate::run::sentences::Sentences;

/// How often the model is asked in one turn: after calls, and when it answered nothing.
const MAX_ROUNDS: u32 = 3;
/// Calls of one answer that are looked at.
const MAX_CALLS: usize = 16;
/// What every model is told.
const ON_THE_TELEPHONE: &str = "You are speaking with somebody on the telephone. Answer in one or two short \
    sentences of plain spoken words, without lists, marks or emoji. Write numbers as they are said. What the caller \
    says comes from a speech recogniser and may be misheard: ask back when it makes no sense.";

/// An answer of the model that is not complete.
#[derive(Debug)]
pub(super) struct Thinking {
    pub(super) id: ThinkId,
    pub(super) round: u32,
    pub(super) sentences: Sentences,
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    /// Messages of earlier rounds of this turn.
    pub(super) rounds: Vec<ModelMessage>,
}

impl Thinking {
    /// The model called for something; what is too much is passed over.
    pub(super) fn called(&mut self, call: ToolCall) {
        if self.calls.len() < MAX_CALLS {
            self.calls.push(call);
        }
    }
}

impl Run {
    pub(super) fn think(&mut self, round: u32, rounds: Vec<ModelMessage>) {
        let program = Arc::clone(&self.program);
        let Some(node) = program.nodes.get(&self.node) else {
            return self.fault();
        };
        let Some(converse) = node.converse() else {
            return self.fault();
        };
        let id = ThinkId(self.thought);
        self.thought = self.thought.wrapping_add(1);
        let mut messages = self.dialogue.messages();
        messages.extend(rounds.iter().cloned());
        self.actions.push_back(Action::Think(Think {
            id,
            system: self.system(converse),
            messages,
            tools: tools(node, converse),
        }));
        if let Some(conversing) = self.conversing() {
            conversing.thinking = Some(Thinking {
                id,
                round,
                sentences: Sentences::default(),
                text: String::new(),
                calls: Vec::new(),
                rounds,
            });
        }
    }

    fn system(&self, converse: &Converse) -> String {
        let mut system = String::new();
        if let Some(prompt) = &self.program.agent.prompt {
            system.push_str(prompt.trim());
            system.push_str("\n\n");
        }
        system.push_str(ON_THE_TELEPHONE);
        system.push_str("\n\n");
        system.push_str(converse.instructions.render(&self.variables).trim());
        let known: Map<_, _> = converse
            .variables
            .iter()
            .filter(|noted| self.is_noted(noted))
            .filter_map(|noted| {
                let value = serde_json::to_value(self.variables.get(&noted.name)?).ok()?;
                Some((noted.name.clone(), value))
            })
            .collect();
        if !known.is_empty() {
            system.push_str("\n\nNoted so far: ");
            system.push_str(&serde_json::Value::Object(known).to_string());
        }
        system
    }

    /// The model's answer is complete: what it called for is done.
    pub(super) fn answered_in_full(&mut self, now: Instant, converse: &Converse) {
        let Some(conversing) = self.conversing() else {
            return;
        };
        let Some(mut thinking) = conversing.thinking.take() else {
            return;
        };
        if let Some(rest) = thinking.sentences.finish() {
            self.say_here(rest, converse);
        }
        let mut results = Vec::new();
        let mut refused = false;
        for call in &thinking.calls {
            let result = self.call(converse, call);
            refused |= result.is_err();
            let content = result.unwrap_or_else(|why| format!("error: {why}"));
            results.push(ModelMessage::Tool {
                id: call.id.clone(),
                content,
            });
        }
        let Some(conversing) = self.conversing() else {
            return;
        };
        let is_silent = thinking.text.trim().is_empty();
        if conversing.leaving.is_some() || !(refused || is_silent) {
            self.listen_freely(now, true);
            return self.settle(now);
        }
        if thinking.round >= MAX_ROUNDS {
            if is_silent {
                conversing.leaving = Some(Way::Cause(Cause::ModelFailed));
            } else {
                self.listen_freely(now, true);
            }
            return self.settle(now);
        }
        let mut rounds = thinking.rounds;
        if !thinking.calls.is_empty() {
            rounds.push(ModelMessage::Assistant {
                text: thinking.text,
                calls: thinking.calls,
            });
            rounds.extend(results);
        }
        self.think(thinking.round + 1, rounds);
    }

    /// Asks for no more of the answer that is being made.
    pub(super) fn stop_thinking(&mut self) {
        if let Some(conversing) = self.conversing()
            && let Some(thinking) = conversing.thinking.take()
        {
            self.actions.push_back(Action::StopThinking(thinking.id));
        }
    }
}
