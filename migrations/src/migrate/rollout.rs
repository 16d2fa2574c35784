//! All tenants' schemas, a few at a time.

use std::num::NonZeroUsize;
use std::time::Duration;

use callplane_types::{TenantId, TenantName};
use futures::StreamExt as _;

use super::{File, Migrated, TENANT, state, tenant_with};
use crate::{Fence, OperatorDatabase, Result};

/// How much of the database a roll-forward may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Schemas at a time.
    pub at_once: NonZeroUsize,
    /// Rest after each schema before its place takes the next.
    pub pause: Duration,
}

/// What became of one schema.
#[derive(Debug)]
pub struct RolledForward {
    /// Whose it is.
    pub tenant: TenantName,
    /// What was done, or why it could not be.
    pub outcome: Result<Migrated>,
}

/// Rolls the schemas of all tenants forward that lack a file, and tells of each as soon as it is
/// done. **One that fails stops no other**; it is told among the rest.
///
/// Fails only when it cannot be read which schemas there are.
pub async fn tenants(
    database: &OperatorDatabase,
    fence: &Fence,
    throttle: Throttle,
    tell: impl FnMut(RolledForward),
) -> Result<()> {
    let behind = behind(database).await?;
    these(database, fence, throttle, TENANT, behind, tell).await;
    Ok(())
}

/// Rolls some tenants forward to the last of `files`.
pub(crate) async fn these(
    database: &OperatorDatabase,
    fence: &Fence,
    throttle: Throttle,
    files: &[File],
    tenants: Vec<(TenantName, TenantId)>,
    mut tell: impl FnMut(RolledForward),
) {
    let mut done = futures::stream::iter(tenants)
        .map(async |(name, id)| {
            let outcome = tenant_with(database, fence, id, files).await;
            tokio::time::sleep(throttle.pause).await;
            RolledForward {
                tenant: name,
                outcome,
            }
        })
        .buffer_unordered(throttle.at_once.get());
    while let Some(schema) = done.next().await {
        tell(schema);
    }
}

/// The tenants whose schema is not as this version wants it.
pub async fn behind(database: &OperatorDatabase) -> Result<Vec<(TenantName, TenantId)>> {
    let states = state::states(database).await?;
    Ok(states
        .into_iter()
        .filter(|state| !state.is_current())
        .filter_map(|state| state.tenant)
        .collect())
}
