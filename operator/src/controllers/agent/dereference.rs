//! Reads the Flow that an Agent follows, and the Providers that it asks.

use std::sync::Arc;

use callplane_crds::{Agent, Flow, LocalReference, Provider};
use kube::ResourceExt as _;

use crate::context::Caches;

/// What an Agent refers to.
#[derive(Debug)]
pub(super) struct References {
    /// The Flow, if it exists.
    pub(super) flow: Option<Arc<Flow>>,
    /// The Provider of its model, if it names one and it exists.
    pub(super) model: Option<Arc<Provider>>,
    /// The Provider of its transcription, likewise.
    pub(super) transcription: Option<Arc<Provider>>,
    /// The Providers of its tools, in their order, as far as they exist.
    pub(super) tools: Vec<Option<Arc<Provider>>>,
}

/// Reads what `agent` refers to, from the caches.
pub(super) fn dereference(caches: &Caches, agent: &Agent) -> References {
    let namespace = agent.namespace().unwrap_or_default();
    let provider = |named: &LocalReference| caches.providers.get(&namespace, &named.name);
    let spec = &agent.spec;
    let model = spec.model.as_ref();
    let transcription = spec.transcription.as_ref();
    References {
        flow: caches.flows.get(&namespace, &spec.flow_ref.name),
        model: model.and_then(|model| provider(&model.provider_ref)),
        transcription: transcription.and_then(|one| provider(&one.provider_ref)),
        tools: spec
            .tools
            .iter()
            .map(|tool| provider(&tool.http.provider_ref))
            .collect(),
    }
}
