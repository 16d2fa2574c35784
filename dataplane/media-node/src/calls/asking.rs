//! What a call asks of providers: at most one question to the language model at a time, and no longer than the call.

use std::sync::Arc;

use callplane_call::{Input, SpeechDown, TurnAudio, TurnId, UtteranceId};
use callplane_flow::{AgentSettings, LookUp, Think, ThinkId, Thought, ToolRun};
use callplane_providers::{ToolCaller, Usage};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::meta::Meta;
use super::used::{Entry, Used};
use crate::media::MediaInput;
use crate::models::{Answered, TokenCount};
use crate::node::Node;

/// Tools of one call that run at once; others wait.
const TOOLS_AT_ONCE: usize = 4;

/// The questions of one call. They end with it, but for tools, of which it must be known what they did.
#[derive(Debug)]
pub(super) struct Asking {
    used: Used,
    over: CancellationToken,
    _ends: DropGuard,
    thinking: Option<(ThinkId, DropGuard)>,
    looking: Option<DropGuard>,
    tools: Arc<Semaphore>,
}

impl Asking {
    pub(super) fn new() -> Self {
        let over = CancellationToken::new();
        Self {
            used: Used::default(),
            _ends: over.clone().drop_guard(),
            over,
            thinking: None,
            looking: None,
            tools: Arc::new(Semaphore::new(TOOLS_AT_ONCE)),
        }
    }

    /// Asks the agent's model, and its fallbacks while nothing comes of it; the answer goes to `input`.
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
        let (node, used) = (Arc::clone(node), self.used.clone());
        node.tasks.clone().spawn(async move {
            let asked = async {
                for wishes in wishes.in_turn() {
                    let provider = node.directory().provider(&wishes.provider);
                    let mut tokens = Counter(used.begin_chat(&wishes.provider));
                    let models = &node.models;
                    let answered = models
                        .think(provider, &wishes, &think, &mut tokens, &input)
                        .await;
                    match answered {
                        Answered::Whole => return,
                        Answered::Partly => break,
                        Answered::Not => {}
                    }
                }
                let thought = Thought::Failed;
                input.handle(Input::Thought { id, thought }).await;
            };
            tokio::select! {
                () = asked => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Looks something up, and nothing any more that was to be looked up before; what is found goes to `input`.
    pub(super) fn look_up(&mut self, node: &Arc<Node>, look_up: LookUp, input: MediaInput) {
        let stop = self.over.child_token();
        self.looking = Some(stop.clone().drop_guard());
        let node = Arc::clone(node);
        node.tasks.clone().spawn(async move {
            let looked_up = async {
                let id = look_up.id;
                let directory = node.directory();
                let provider = |name: &str| directory.provider(name);
                let models = &node.models;
                let passages = models.look_up(&node.database, provider, &look_up).await;
                input.handle(Input::Found { id, passages }).await;
            };
            tokio::select! {
                () = looked_up => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// No more is wanted of an answer.
    pub(super) fn stop(&mut self, id: ThinkId) {
        self.thinking.take_if(|(thinking, _)| *thinking == id);
    }

    /// Runs a tool of the agent, to its end whatever becomes of the call; what comes of it goes to `input`.
    pub(super) fn run_tool(&self, node: &Arc<Node>, meta: &Meta, run: ToolRun, input: MediaInput) {
        let id = run.id;
        let tool = meta.tool(&run.tool).cloned();
        let caller = ToolCaller {
            tenant: meta.tenant_id.to_string(),
            call: meta.id.to_string(),
            key: format!("{}-{}", meta.id, id.0),
        };
        let (node, at_once) = (Arc::clone(node), Arc::clone(&self.tools));
        node.tasks.clone().spawn(async move {
            let result = match tool {
                Some(tool) => {
                    let until = Instant::now() + tool.timeout;
                    match timeout_at(until, at_once.acquire()).await {
                        Ok(_turn) => {
                            let provider = node.directory().provider(&tool.http.provider);
                            let left = until.saturating_duration_since(Instant::now());
                            let models = &node.models;
                            models.run_tool(provider, &tool, run, &caller, left).await
                        }
                        Err(_elapsed) => Err("it was not done: too much at once".to_owned()),
                    }
                }
                // A flow runs the tools of its own Program only.
                None => Err("it is not set up".to_owned()),
            };
            input.handle(Input::ToolDone { id, result }).await;
        });
    }

    /// Has a sentence spoken by the voice of the agent's provider, and by the built-in one where there is none or while
    /// it fails; the sound goes to `input`.
    pub(super) fn speak(
        &self,
        node: &Arc<Node>,
        agent: Option<&AgentSettings>,
        utterance: UtteranceId,
        text: String,
        input: MediaInput,
    ) {
        let wishes = agent.and_then(|agent| agent.speech.clone());
        let voice = agent.map_or_else(Default::default, |agent| agent.voice.clone());
        let (node, used, over) = (Arc::clone(node), self.used.clone(), self.over.clone());
        node.tasks.clone().spawn(async move {
            let spoken = async {
                if let Some(wishes) = wishes {
                    let provider = node.directory().provider(&wishes.provider);
                    let characters = text.chars().count() as u64;
                    used.spoke(&wishes.provider, characters);
                    let spoken = node.models.speak(provider, &wishes, &text).await;
                    if let Ok(clip) = spoken {
                        return Ok(clip);
                    }
                    used.was_mute(&wishes.provider, characters);
                }
                node.speech.synthesize(&text, &voice).await
            };
            tokio::select! {
                clip = spoken => input.handle(Input::Speech { utterance, clip }).await,
                () = over.cancelled() => {}
            }
        });
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
            self.used.transcribed(
                &provider.name,
                provider.model.as_deref().unwrap_or_default(),
                audio.duration(),
            );
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
