//! What the kinds that become rows of a tenant's schema have in common.
//!
//! Trunk, Provider, KnowledgeBase, Flow, Agent, PhoneNumber and Campaign take the same way: find the tenant of the
//! namespace, check, write one row (and what hangs on it) in one fenced transaction, tell it in the
//! status; on deletion undo the row. [`Projector`] walks that way; a kind says in its
//! [`Projection`] what is its own.
//!
//! **A row is undone only by the uid that it carries**, so the loser of a conflict may be deleted
//! without harm to the winner.

mod conditions;
mod error;
mod fingerprint;
#[cfg(test)]
pub(super) mod fixture;
mod object;
mod problem;
mod projector;
mod reference;
mod status;
mod tenant;
mod wake;

pub(super) use error::Error;
pub(super) use fingerprint::fingerprint;
pub(super) use object::object_ref;
pub(super) use problem::Problem;
pub(super) use projector::{Projection, Projector};
pub(super) use reference::{key, key_of, usable};
pub(super) use status::{Common, RowStatus};
pub(super) use tenant::{TenantRef, tenant_of};
pub(super) use wake::wake_with_tenant;
