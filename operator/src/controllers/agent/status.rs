//! The status of an Agent.

use callplane_crds::AgentStatus;
use callplane_store::agents::AgentVersion;

use crate::controllers::projection::{Common, RowStatus};

impl RowStatus for AgentStatus {
    fn common(&mut self) -> Common<'_> {
        Common {
            observed_generation: &mut self.observed_generation,
            tenant_id: &mut self.tenant_id,
            row_id: &mut self.agent_id,
            conditions: &mut self.conditions,
        }
    }
}

/// Says which row and which version of it is in force.
pub(super) fn tell(status: &mut AgentStatus, applied: &AgentVersion) {
    let AgentStatus {
        observed_generation: _,
        tenant_id: _,
        agent_id,
        version,
        conditions: _,
    } = status;
    *agent_id = Some(applied.agent_id.to_string());
    *version = Some(applied.version);
}
