//! Reads the Flow that an Agent follows, and the Providers that it asks.

use std::sync::Arc;

use callplane_crds::{Agent, Flow, KnowledgeBase, LocalReference, Provider};
use kube::ResourceExt as _;

use crate::context::Caches;

/// What an Agent refers to.
#[derive(Debug)]
pub(super) struct References {
    /// The Flow, if it exists.
    pub(super) flow: Option<Arc<Flow>>,
    /// The Providers of its models and of its voice.
    pub(super) asked: Asked,
    /// The Providers of its tools, in their order, as far as they exist.
    pub(super) tools: Vec<Option<Arc<Provider>>>,
    /// Its KnowledgeBases, in their order, as far as they exist.
    pub(super) bases: Vec<Option<Arc<KnowledgeBase>>>,
}

/// The Providers that an Agent asks, as far as it names them and they exist.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// That of its model.
    pub(super) model: Option<Arc<Provider>>,
    /// Those of the fallbacks of its model, in their order.
    pub(super) fallbacks: Vec<Option<Arc<Provider>>>,
    /// That of its transcription.
    pub(super) transcription: Option<Arc<Provider>>,
    /// That of its speech.
    pub(super) speech: Option<Arc<Provider>>,
}

/// Reads what `agent` refers to, from the caches.
pub(super) fn dereference(caches: &Caches, agent: &Agent) -> References {
    let namespace = agent.namespace().unwrap_or_default();
    let provider = |named: &LocalReference| caches.providers.get(&namespace, &named.name);
    let spec = &agent.spec;
    let model = spec.model.as_ref();
    let fallbacks = model.into_iter().flat_map(|model| &model.fallbacks);
    let transcription = spec.transcription.as_ref();
    let speech = spec.speech.as_ref();
    let tools = spec.tools.iter();
    References {
        flow: caches.flows.get(&namespace, &spec.flow_ref.name),
        asked: Asked {
            model: model.and_then(|model| provider(&model.provider_ref)),
            fallbacks: fallbacks.map(|one| provider(&one.provider_ref)).collect(),
            transcription: transcription.and_then(|one| provider(&one.provider_ref)),
            speech: speech.and_then(|one| provider(&one.provider_ref)),
        },
        tools: tools
            .map(|tool| provider(&tool.http.provider_ref))
            .collect(),
        bases: spec
            .knowledge_bases
            .iter()
            .map(|named| caches.knowledge_bases.get(&namespace, &named.name))
            .collect(),
    }
}
