//! Writes a KnowledgeBase.

use callplane_store::knowledge::projection::{self, BaseSpec, Progress};
use callplane_store::{Fence, OperatorDatabase, Result};
use callplane_types::TenantId;

/// One fenced transaction: the base and all its documents, or nothing.
pub(super) async fn apply(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    prepared: BaseSpec,
) -> Result<Progress> {
    projection::project(database, fence, tenant, &prepared).await
}
