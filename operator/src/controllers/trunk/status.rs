//! The status of a Trunk.

use callplane_crds::{Trunk, TrunkStatus};
use callplane_types::TrunkId;
use k8s_openapi::jiff::Timestamp;

use crate::controllers::projection::{Outcome, Standing, conditions};

/// The status that follows from `outcome`; `None` to leave it as it is.
pub(super) fn status(
    trunk: &Trunk,
    outcome: &Outcome<TrunkId>,
    now: Timestamp,
) -> Option<TrunkStatus> {
    let before = trunk.status.clone().unwrap_or_default();
    let standing = Standing::new(
        trunk,
        &before.conditions,
        before.observed_generation,
        before.trunk_id.is_some() && !outcome.row_undone,
        now,
    );
    let conditions = conditions(standing, outcome.result.as_ref().map(|_| ()))?;
    let observed_generation = trunk.metadata.generation;
    Some(match &outcome.result {
        Ok((tenant, id)) => TrunkStatus {
            observed_generation,
            tenant_id: Some(tenant.id.to_string()),
            trunk_id: Some(id.to_string()),
            conditions,
        },
        Err(_) if !outcome.row_undone => TrunkStatus {
            observed_generation,
            conditions,
            ..before
        },
        Err(_) => TrunkStatus {
            observed_generation,
            conditions,
            ..TrunkStatus::default()
        },
    })
}
