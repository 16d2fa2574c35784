//! Reads the Flow that an Agent follows.

use std::sync::Arc;

use callplane_crds::{Agent, Flow};
use kube::ResourceExt as _;

use crate::context::Caches;

/// What an Agent refers to.
#[derive(Debug)]
pub(super) struct References {
    /// The Flow, if it exists.
    pub(super) flow: Option<Arc<Flow>>,
}

/// Reads what `agent` refers to, from the caches.
pub(super) fn dereference(caches: &Caches, agent: &Agent) -> References {
    let namespace = agent.namespace().unwrap_or_default();
    References {
        flow: caches.flows.get(&namespace, &agent.spec.flow_ref.name),
    }
}
