//! Asks a language model, and carries its answer into the call part by part.

use std::sync::Arc;

use callplane_call::Input;
use callplane_flow::{ModelUse, Think, Thought};
use callplane_providers::{ModelError, Usage};
use tokio::sync::mpsc;

use super::Models;
use super::known::{Asks, KnownProvider};
use super::question::{Kind, Question};
use crate::media::MediaInput;

/// Who is told what an answer cost, also of one that was not waited for.
pub(crate) trait TokenCount: Send {
    /// What it costs so far; replaces what was said before.
    fn count(&mut self, usage: Usage);
}

/// What came of asking a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// A complete answer.
    Whole,
    /// A part of one, which the call was told.
    Partly,
    /// Nothing: somebody else may be asked.
    Not,
}

impl Models {
    /// Asks `provider` and tells the call each part of the answer, the last of them [`Thought::Done`] where it is whole. Drop
    /// the future when no more is wanted.
    pub(crate) async fn think(
        &self,
        provider: Option<Arc<KnownProvider>>,
        wishes: &ModelUse,
        think: &Think,
        tokens: &mut impl TokenCount,
        input: &MediaInput,
    ) -> Answered {
        let mut has_begun = false;
        let asked = self.ask(provider, wishes, think, tokens, input, &mut has_begun);
        match (asked.await, has_begun) {
            (Some(()), _) => Answered::Whole,
            (None, true) => Answered::Partly,
            (None, false) => Answered::Not,
        }
    }

    /// Nothing where there is no complete answer; `has_begun` says whether the call was told a part of one.
    async fn ask(
        &self,
        provider: Option<Arc<KnownProvider>>,
        wishes: &ModelUse,
        think: &Think,
        tokens: &mut impl TokenCount,
        input: &MediaInput,
        has_begun: &mut bool,
    ) -> Option<()> {
        let Some(provider) = provider else {
            self.count(&wishes.provider, Kind::Chat, "no_provider");
            return None;
        };
        let Asks::Chat(model) = &provider.asks else {
            self.count(&wishes.provider, Kind::Chat, "no_provider");
            return None;
        };
        let model = model.used_as(wishes);
        let _turn = self.at_once.acquire().await.ok()?;
        let question = Question::begin(self, Arc::clone(&provider), Kind::Chat)?;
        let begun = self.clock.now();
        let mut answered = 0;
        // An answer has 64 KiB at most, so what waits here is bounded.
        let (sender, mut parts) = mpsc::unbounded_channel();
        let estimate = model.estimate(think, 0);
        tokens.count(estimate);
        let asking = async {
            let sender = sender;
            model
                .ask(think, |thought| {
                    if !std::mem::replace(has_begun, true) {
                        let took = self.clock.now() - begun;
                        self.metrics.models.first_part(&provider.name, took);
                    }
                    answered += size(&thought);
                    tokens.count(Usage {
                        completion_tokens: Usage::tokens_of(answered),
                        ..estimate
                    });
                    // The receiver is in this same task.
                    drop(sender.send(thought));
                })
                .await
        };
        let telling = async {
            while let Some(thought) = parts.recv().await {
                let id = think.id;
                input.handle(Input::Thought { id, thought }).await;
            }
        };
        let (ended, ()) = tokio::join!(asking, telling);
        question.end(ended.as_ref().err());
        match ended {
            Ok(usage) => {
                tokens.count(usage);
                Some(())
            }
            Err(error) => {
                if is_unread(&error) {
                    tokens.count(Usage::default());
                }
                None
            }
        }
    }
}

/// Whether the model has not even read the question, and nobody pays for that.
const fn is_unread(error: &ModelError) -> bool {
    match error {
        ModelError::Forbidden
        | ModelError::Connection
        | ModelError::Unauthorized { .. }
        | ModelError::Busy { .. }
        | ModelError::Unavailable { .. }
        | ModelError::Refused { .. } => true,
        ModelError::TooSlow(_)
        | ModelError::Cut
        | ModelError::TooLong
        | ModelError::Protocol(_) => false,
    }
}

/// Octets of a part, as far as they are the model's.
fn size(thought: &Thought) -> usize {
    match thought {
        Thought::Text(text) => text.len(),
        Thought::Call(call) => call.id.len() + call.name.len() + call.arguments.len(),
        Thought::Done | Thought::Failed => 0,
    }
}
