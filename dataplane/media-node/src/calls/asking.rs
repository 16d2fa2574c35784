//! What a call asks of providers: at most one question to the language model at a time, and no longer than the call.

use std::sync::Arc;

use callplane_call::{Input, SpeechDown, TurnAudio, TurnId};
use callplane_flow::{AgentSettings, Think, ThinkId, Thought};
use callplane_providers::Usage;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::used::{Entry, Used};
use crate::media::MediaInput;
use crate::models::TokenCount;
use crate::node::Node;

/// The questions of one call. They end with it.
#[derive(Debug)]
pub(super) struct Asking {
    used: Used,
    over: CancellationToken,
    _ends: DropGuard,
    thinking: Option<(ThinkId, DropGuard)>,
}

impl Asking {
    pub(super) fn new() -> Self {
        let over = CancellationToken::new();
        Self {
            used: Used::default(),
            _ends: over.clone().drop_guard(),
            over,
            thinking: None,
        }
    }

    /// Asks the agent's model; the answer goes to `input`.
    pub(super) fn think(
        &mut self,
        node: &Arc<Node>,
        agent: Option<&AgentSettings>,
        think: Think,
        input: MediaInput,
    ) {
        let id = think.id;
        let stop = self.over.child_token();
        self.thinking = Some((id, stop.clone().drop_guard()));
        let Some(wishes) = agent.and_then(|agent| agent.model.clone()) else {
            // The operator accepts no such agent; a Program of another version may have one.
            let thought = Thought::Failed;
            node.tasks.spawn(async move {
                input.handle(Input::Thought { id, thought }).await;
            });
            return;
        };
        let provider = node.directory().provider(&wishes.provider);
        let mut tokens = Counter(self.used.begin_chat(&wishes.provider));
        let node = Arc::clone(node);
        node.tasks.clone().spawn(async move {
            let asked = node
                .models
                .think(provider, &wishes, think, &mut tokens, input);
            tokio::select! {
                () = asked => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// No more is wanted of an answer.
    pub(super) fn stop(&mut self, id: ThinkId) {
        self.thinking.take_if(|(thinking, _)| *thinking == id);
    }

    /// Has a turn written down in which anything may be said; the words go to `input`.
    pub(super) fn transcribe(
        &mut self,
        node: &Arc<Node>,
        agent: Option<&AgentSettings>,
        turn: TurnId,
        audio: TurnAudio,
        input: MediaInput,
    ) {
        let wishes = agent.and_then(|agent| agent.transcription.clone());
        let provider = wishes
            .as_ref()
            .and_then(|wishes| node.directory().provider(&wishes.provider));
        if let Some(provider) = &provider {
            self.used
                .transcribed(&provider.name, &provider.model, audio.duration());
        }
        let node = Arc::clone(node);
        let over = self.over.clone();
        node.tasks.clone().spawn(async move {
            let recognized = async {
                let result = match &wishes {
                    Some(wishes) => node.models.transcribe(provider, wishes, audio).await,
                    // The embedded recogniser knows phrases only.
                    None => Err(SpeechDown),
                };
                input.handle(Input::Recognized { turn, result }).await;
            };
            tokio::select! {
                () = recognized => {}
                () = over.cancelled() => {}
            }
        });
    }

    /// What was used, once the call is over: nothing is asked any more.
    pub(super) fn finish(self) -> Used {
        self.used
    }
}

/// Counts the tokens of one question.
struct Counter(Entry);

impl TokenCount for Counter {
    fn count(&mut self, usage: Usage) {
        self.0.set(usage);
    }
}
