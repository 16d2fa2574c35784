//! Writes a PhoneNumber.

use callplane_store::numbers::project;
use callplane_store::{Fence, OperatorDatabase, Result};
use callplane_types::{NumberId, TenantId};

use super::build::Prepared;

/// One fenced transaction over the registry and the tenant's schema. The registry decides between
/// two that want the same number.
pub(super) async fn apply(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    prepared: Prepared,
) -> Result<NumberId> {
    let Prepared { number } = prepared;
    project(database, fence, tenant, &number).await
}
