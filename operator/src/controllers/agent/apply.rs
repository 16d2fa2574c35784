//! Writes an Agent.

use callplane_store::agents::{AgentVersion, project};
use callplane_store::{Fence, OperatorDatabase, Result};
use callplane_types::TenantId;

use super::build::Prepared;

/// One fenced transaction: the agent, its version, its flows, its knowledge bases.
pub(super) async fn apply(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    prepared: Prepared,
) -> Result<AgentVersion> {
    let Prepared { agent } = prepared;
    project(database, fence, tenant, &agent).await
}
