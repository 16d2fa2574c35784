//! The status of an object that becomes a row.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::Resource as _;
use kube::core::object::HasStatus as _;

use super::conditions::{Standing, conditions};
use super::projector::{Outcome, Projection, StatusOf};

/// A status of such a kind.
pub(crate) trait RowStatus: Clone + Default {
    /// The fields that every kind has.
    fn common(&mut self) -> Common<'_>;
}

/// What every such status says; the names of the fields differ from kind to kind.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    /// Generation of the spec that the status is about.
    pub(crate) observed_generation: &'a mut Option<i64>,
    /// The tenant whose database has the row.
    pub(crate) tenant_id: &'a mut Option<String>,
    /// The row.
    pub(crate) row_id: &'a mut Option<String>,
    /// Its conditions.
    pub(crate) conditions: &'a mut Vec<Condition>,
}

/// The status that follows from `outcome`; `None` to leave it as it is. An object that failed keeps
/// what its status said of its row, unless that was undone.
pub(super) fn status<P: Projection>(
    object: &P::Object,
    outcome: &Outcome<P::Applied>,
    now: Timestamp,
) -> Option<StatusOf<P>> {
    let mut status = object.status().cloned().unwrap_or_default();
    let before = status.common();
    let has_row = before.row_id.is_some() && !outcome.row_undone;
    let observed = *before.observed_generation;
    let standing = Standing::new(object, before.conditions, observed, has_row, now);
    let mut conditions = conditions(standing, outcome.result.as_ref().map(|_| ()))?;
    let applied = outcome.result.as_ref().ok().map(|(_, applied)| applied);
    P::judge(&mut conditions, object, applied);
    if outcome.row_undone {
        status = StatusOf::<P>::default();
    }
    if let Ok((tenant, applied)) = &outcome.result {
        P::tell(&mut status, object, applied, now);
        *status.common().tenant_id = Some(tenant.id.to_string());
    }
    let common = status.common();
    *common.observed_generation = object.meta().generation;
    *common.conditions = conditions.into_vec();
    Some(status)
}
