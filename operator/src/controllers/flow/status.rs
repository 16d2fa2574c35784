//! The status of a Flow.

use callplane_crds::FlowStatus;

use super::apply::Applied;
use crate::controllers::projection::{Common, RowStatus};

impl RowStatus for FlowStatus {
    fn common(&mut self) -> Common<'_> {
        Common {
            observed_generation: &mut self.observed_generation,
            tenant_id: &mut self.tenant_id,
            row_id: &mut self.flow_id,
            conditions: &mut self.conditions,
        }
    }
}

/// Notes of a conversion that a status holds; a document of hundreds of objectives may have as many.
const MAX_NOTES: usize = 20;

/// Says which row and which version of it is in force, and what the conversion left out.
pub(super) fn tell(status: &mut FlowStatus, applied: &Applied) {
    let FlowStatus {
        observed_generation: _,
        tenant_id: _,
        flow_id,
        version,
        nodes,
        notes,
        conditions: _,
    } = status;
    *flow_id = Some(applied.version.flow_id.to_string());
    *version = Some(applied.version.version);
    *nodes = i32::try_from(applied.nodes).ok();
    *notes = applied.notes.iter().take(MAX_NOTES).cloned().collect();
}
