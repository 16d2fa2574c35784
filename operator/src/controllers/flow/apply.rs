//! Writes a Flow.

use callplane_store::flows::{FlowVersion, project};
use callplane_store::{Fence, OperatorDatabase, Result};
use callplane_types::TenantId;

use super::build::Prepared;

/// What became of a Flow.
#[derive(Debug)]
pub(super) struct Applied {
    /// Its active version.
    pub(super) version: FlowVersion,
    /// Its nodes.
    pub(super) nodes: usize,
    /// What could not be converted.
    pub(super) notes: Vec<String>,
}

/// One fenced transaction.
pub(super) async fn apply(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    prepared: Prepared,
) -> Result<Applied> {
    let Prepared { flow, notes } = prepared;
    Ok(Applied {
        version: project(database, fence, tenant, &flow).await?,
        nodes: flow.nodes.len(),
        notes,
    })
}
