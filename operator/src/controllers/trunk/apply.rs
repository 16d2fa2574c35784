//! Writes a Trunk.

use callplane_store::{Fence, OperatorDatabase, Result, trunks};
use callplane_types::{TenantId, TrunkId};

use super::build::Prepared;

/// One fenced transaction; nothing is written when the fingerprint is the same.
pub(super) async fn apply(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    prepared: Prepared,
) -> Result<TrunkId> {
    let Prepared { trunk } = prepared;
    trunks::project(database, fence, tenant, &trunk).await
}
