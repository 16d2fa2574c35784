//! The language model that leads the conversation: asked, waited for, and covered when it is slow.

use callplane_flow::{Event, Think, ThinkId, Thought};
use callplane_types::Instant;

use super::Agent;
use crate::output::{Output, Stage};
use crate::speech::Origin;

/// What callers hear when the model takes its time.
pub const FILLER: &str = "One moment, please.";

/// A question to the model whose answer is not complete.
#[derive(Debug)]
pub(super) struct Thinking {
    id: ThinkId,
    asked: Instant,
    /// When something of the answer came last.
    heard: Option<Instant>,
    is_covered: bool,
}

impl Thinking {
    pub(super) const fn id(&self) -> ThinkId {
        self.id
    }
}

impl Agent {
    pub(super) fn think(&mut self, now: Instant, think: Think) {
        self.thinking = Some(Thinking {
            id: think.id,
            asked: now,
            heard: None,
            is_covered: false,
        });
        self.outputs.push_back(Output::Think(think));
    }

    pub(super) fn stop_thinking(&mut self, id: ThinkId) {
        if self.thinking.take_if(|it| it.id == id).is_some() {
            self.outputs.push_back(Output::StopThinking(id));
        }
    }

    pub(super) fn thought(&mut self, now: Instant, id: ThinkId, thought: Thought) {
        let Some(thinking) = self.thinking.as_mut().filter(|it| it.id == id) else {
            return;
        };
        if thinking.heard.replace(now).is_none() && thought != Thought::Failed {
            let took = now - thinking.asked;
            self.outputs.push_back(Output::Stage(Stage::Model, took));
        }
        if matches!(thought, Thought::Done | Thought::Failed) {
            self.thinking = None;
        }
        self.tell(now, Event::Thought { id, thought });
    }

    /// A model that says nothing for too long has failed; before that the caller is told to wait.
    pub(super) fn check_model(&mut self, now: Instant) {
        let is_callers_turn = self.gate.in_turn() || self.recognizing.is_some();
        let is_idle = self.speech.idle() && !is_callers_turn;
        let Some(thinking) = self.thinking.as_mut() else {
            return;
        };
        let id = thinking.id;
        if now - thinking.heard.unwrap_or(thinking.asked) >= self.policy.model_timeout {
            self.stop_thinking(id);
            return self.tell(
                now,
                Event::Thought {
                    id,
                    thought: Thought::Failed,
                },
            );
        }
        let is_late = now - self.last_sound >= self.policy.filler_after;
        if is_late && is_idle && !std::mem::replace(&mut thinking.is_covered, true) {
            let text = FILLER.to_owned();
            let utterance = self.speech.say(now, Origin::Filler, text.clone(), true);
            self.outputs
                .push_back(Output::Synthesize { utterance, text });
        }
    }
}
