//! The controllers, one folder a kind.

pub mod agent;
pub mod campaign;
pub mod flow;
pub mod knowledge_base;
pub mod media_pool;
pub mod phone_number;
mod projection;
pub mod provider;
pub mod tenant;
pub mod trunk;

use callplane_kit::Manager;

use crate::context::{Caches, Context};

/// Wires the kinds that become rows of a tenant's schema.
pub fn wire_projections(manager: &mut Manager, context: &Context, caches: &Caches) {
    trunk::wire(manager, context, caches);
    provider::wire(manager, context, caches);
    knowledge_base::wire(manager, context, caches);
    flow::wire(manager, context, caches);
    agent::wire(manager, context, caches);
    phone_number::wire(manager, context, caches);
    campaign::wire(manager, context, caches);
}
