//! The status of a Trunk.

use callplane_crds::TrunkStatus;
use callplane_types::TrunkId;

use crate::controllers::projection::{Common, RowStatus};

impl RowStatus for TrunkStatus {
    fn common(&mut self) -> Common<'_> {
        Common {
            observed_generation: &mut self.observed_generation,
            tenant_id: &mut self.tenant_id,
            row_id: &mut self.trunk_id,
            conditions: &mut self.conditions,
        }
    }
}

/// Says which row it is.
pub(super) fn tell(status: &mut TrunkStatus, id: TrunkId) {
    let TrunkStatus {
        observed_generation: _,
        tenant_id: _,
        trunk_id,
        conditions: _,
    } = status;
    *trunk_id = Some(id.to_string());
}
