//! Writes a Campaign and counts how far it is.

use callplane_store::campaigns::{Progress, project, roll_up};
use callplane_store::{Fence, OperatorDatabase, Result};
use callplane_types::{CampaignId, TenantId};

use super::build::Prepared;

/// What became of a Campaign.
#[derive(Debug)]
pub(super) struct Applied {
    /// Its row.
    pub(super) id: CampaignId,
    /// How far it is.
    pub(super) progress: Progress,
}

/// Two fenced transactions: the row, then the counts.
pub(super) async fn apply(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    prepared: Prepared,
) -> Result<Applied> {
    let Prepared { campaign } = prepared;
    let id = project(database, fence, tenant, &campaign).await?;
    let progress = roll_up(database, fence, tenant, id).await?;
    Ok(Applied { id, progress })
}
