//! Reads the Trunk and the Agent of a PhoneNumber.

use std::sync::Arc;

use callplane_crds::{Agent, PhoneNumber, Trunk};
use kube::ResourceExt as _;

use crate::context::Caches;

/// What a PhoneNumber refers to.
#[derive(Debug)]
pub(super) struct References {
    /// The Trunk, if it exists.
    pub(super) trunk: Option<Arc<Trunk>>,
    /// The Agent that answers, if the number has one and it exists.
    pub(super) agent: Option<Arc<Agent>>,
}

/// Reads what `number` refers to, from the caches.
pub(super) fn dereference(caches: &Caches, number: &PhoneNumber) -> References {
    let namespace = number.namespace().unwrap_or_default();
    let spec = &number.spec;
    References {
        trunk: caches.trunks.get(&namespace, &spec.trunk_ref.name),
        agent: spec
            .inbound
            .as_ref()
            .and_then(|inbound| caches.agents.get(&namespace, &inbound.agent_ref.name)),
    }
}
