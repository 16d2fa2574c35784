//! A model that answers while time passes.

use std::time::{Duration, Instant};

use callplane_flow::{Think, ThinkId, Thought};
use callplane_providers::{ChatModel, ModelError, Usage};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Conversation;

/// How often a conversation that waits for the model is told that time passes.
const TICK: Duration = Duration::from_millis(100);

/// What comes of a question.
pub(crate) enum Part {
    /// A part of the answer, the last one excepted.
    Thought(ThinkId, Thought),
    /// There will be no more, after so long.
    Ended(ThinkId, Result<Usage, ModelError>, Duration),
}

/// A model, and the question that it answers.
pub(crate) struct Asking {
    model: Option<ChatModel>,
    asked: Option<Asked>,
}

struct Asked {
    id: ThinkId,
    since: Instant,
    parts: mpsc::UnboundedReceiver<Answered>,
    task: JoinHandle<()>,
}

enum Answered {
    Thought(Thought),
    Ended(Result<Usage, ModelError>),
}

impl Asking {
    /// Without a model, nothing is ever answered.
    pub(crate) fn new(model: Option<ChatModel>) -> Self {
        Self { model, asked: None }
    }

    /// Asks; what was asked before is given up.
    pub(crate) fn ask(&mut self, think: Think) {
        self.give_up();
        let Some(model) = self.model.clone() else {
            return;
        };
        let id = think.id;
        let (sender, parts) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let part = |thought| match thought {
                // What it took comes with the end.
                Thought::Done => {}
                thought => drop(sender.send(Answered::Thought(thought))),
            };
            let ended = model.ask(&think, part).await;
            drop(sender.send(Answered::Ended(ended)));
        });
        self.asked = Some(Asked {
            id,
            since: Instant::now(),
            parts,
            task,
        });
    }

    /// The answer to this question is not wanted any more.
    pub(crate) fn stop(&mut self, id: ThinkId) {
        if self.asked.as_ref().is_some_and(|asked| asked.id == id) {
            self.give_up();
        }
    }

    /// Lets time pass until the next part comes, for a tenth of a second at most: then there is none.
    pub(crate) async fn next(&mut self, conversation: &mut Conversation) -> Option<Part> {
        let begun = Instant::now();
        let part = self.part().await;
        let passed = match part {
            Some(_) => begun.elapsed(),
            None => TICK,
        };
        conversation.wait(passed);
        part
    }

    async fn part(&mut self) -> Option<Part> {
        let asked = self.asked.as_mut()?;
        let (id, since) = (asked.id, asked.since);
        let part = tokio::time::timeout(TICK, asked.parts.recv()).await.ok()?;
        match part {
            Some(Answered::Thought(thought)) => Some(Part::Thought(id, thought)),
            Some(Answered::Ended(ended)) => {
                self.asked = None;
                Some(Part::Ended(id, ended, since.elapsed()))
            }
            None => {
                self.asked = None;
                None
            }
        }
    }

    fn give_up(&mut self) {
        if let Some(asked) = self.asked.take() {
            asked.task.abort();
        }
    }
}
