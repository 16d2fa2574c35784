//! The status of a Flow.

use callplane_crds::{Flow, FlowStatus};
use k8s_openapi::jiff::Timestamp;

use super::apply::Applied;
use crate::controllers::projection::{Outcome, Standing, conditions};

/// Notes of a conversion that a status holds; a document of hundreds of objectives may have as many.
const MAX_NOTES: usize = 20;

/// The status that follows from `outcome`; `None` to leave it as it is.
pub(super) fn status(
    flow: &Flow,
    outcome: &Outcome<Applied>,
    now: Timestamp,
) -> Option<FlowStatus> {
    let before = flow.status.clone().unwrap_or_default();
    let standing = Standing::new(
        flow,
        &before.conditions,
        before.observed_generation,
        before.flow_id.is_some() && !outcome.row_undone,
        now,
    );
    let conditions = conditions(standing, outcome.result.as_ref().map(|_| ()))?;
    let observed_generation = flow.metadata.generation;
    Some(match &outcome.result {
        Ok((tenant, applied)) => FlowStatus {
            observed_generation,
            tenant_id: Some(tenant.id.to_string()),
            flow_id: Some(applied.version.flow_id.to_string()),
            version: Some(applied.version.version),
            nodes: i32::try_from(applied.nodes).ok(),
            notes: applied.notes.iter().take(MAX_NOTES).cloned().collect(),
            conditions,
        },
        Err(_) if !outcome.row_undone => FlowStatus {
            observed_generation,
            conditions,
            ..before
        },
        Err(_) => FlowStatus {
            observed_generation,
            conditions,
            ..FlowStatus::default()
        },
    })
}
