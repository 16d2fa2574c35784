//! Writes a Provider.

use callplane_store::{Fence, OperatorDatabase, Result, providers};
use callplane_types::{ProviderId, TenantId};

use super::build::Prepared;
use super::check::Checked;

/// What is in the database, and what is known of the endpoint.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) id: ProviderId,
    pub(super) checked: Checked,
}

/// One fenced transaction; nothing is written when the fingerprint is the same. **An endpoint that does not answer is
/// written all the same**: it may answer the media nodes, and later.
pub(super) async fn apply(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    prepared: Prepared,
) -> Result<Applied> {
    let Prepared { provider, checked } = prepared;
    let id = providers::project(database, fence, tenant, &provider).await?;
    Ok(Applied { id, checked })
}
