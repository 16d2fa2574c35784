//! Reads the Agent and the PhoneNumber of a Campaign.

use std::sync::Arc;

use callplane_crds::{Agent, Campaign, PhoneNumber};
use kube::ResourceExt as _;

use crate::context::Caches;

/// What a Campaign refers to.
#[derive(Debug)]
pub(super) struct References {
    /// The Agent, if it exists.
    pub(super) agent: Option<Arc<Agent>>,
    /// The PhoneNumber that calls are made with, if it exists.
    pub(super) number: Option<Arc<PhoneNumber>>,
}

/// Reads what `campaign` refers to, from the caches.
pub(super) fn dereference(caches: &Caches, campaign: &Campaign) -> References {
    let namespace = campaign.namespace().unwrap_or_default();
    let spec = &campaign.spec;
    References {
        agent: caches.agents.get(&namespace, &spec.agent_ref.name),
        number: caches
            .phone_numbers
            .get(&namespace, &spec.caller_number_ref.name),
    }
}
