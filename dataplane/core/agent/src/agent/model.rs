//! The language model that leads the conversation: asked, waited for, and covered when it is slow.

use callplane_flow::{Event, Think, ThinkId, Thought};
use callplane_types::Instant;

use super::Agent;
use crate::output::{Output, Stage};
use crate::speech::Origin;

/// What callers hear when the model, or what it had done, takes its time.
pub const FILLER: &str = "One moment, please.";
/// What they hear when it takes much longer, again and again.
pub const STILL_THERE: &str = "I am still on it.";

/// What the caller was told while they wait for one thing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cover {
    is_begun: bool,
}

/// A question to the model whose answer is not complete.
#[derive(Debug)]
pub(super) struct Thinking {
    id: ThinkId,
    asked: Instant,
    /// When something of the answer came last.
    heard: Option<Instant>,
    cover: Cover,
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
            cover: Cover::default(),
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
        // What it called for is done when it is done.
        let acts = thought == Thought::Done;
        let event = Event::Thought { id, thought };
        match acts {
            true => self.tell_in_turn(now, event),
            false => self.tell(now, event),
        }
    }

    /// A model that says nothing for too long has failed; before that the caller is told to wait.
    pub(super) fn check_model(&mut self, now: Instant) {
        let Some(thinking) = self.thinking.as_ref() else {
            return;
        };
        let (id, mut cover) = (thinking.id, thinking.cover);
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
        self.cover(now, &mut cover);
        if let Some(thinking) = self.thinking.as_mut() {
            thinking.cover = cover;
        }
    }

    /// Says that it goes on, where nobody has said anything for too long.
    pub(super) fn cover(&mut self, now: Instant, cover: &mut Cover) {
        let is_callers_turn = self.gate.in_turn() || self.recognizing.is_some();
        let (text, after) = match cover.is_begun {
            false => (FILLER, self.policy.filler_after),
            true => (STILL_THERE, self.policy.filler_again),
        };
        if !self.speech.idle() || is_callers_turn || now - self.last_sound < after {
            return;
        }
        cover.is_begun = true;
        let text = text.to_owned();
        let utterance = self.speech.say(now, Origin::Filler, text.clone(), true);
        self.outputs
            .push_back(Output::Synthesize { utterance, text });
    }
}
