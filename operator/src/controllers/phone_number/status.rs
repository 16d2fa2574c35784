//! The status of a PhoneNumber.

use callplane_crds::PhoneNumberStatus;
use callplane_types::NumberId;

use crate::controllers::projection::{Common, RowStatus};

impl RowStatus for PhoneNumberStatus {
    fn common(&mut self) -> Common<'_> {
        Common {
            observed_generation: &mut self.observed_generation,
            tenant_id: &mut self.tenant_id,
            row_id: &mut self.number_id,
            conditions: &mut self.conditions,
        }
    }
}

/// Says which row it is.
pub(super) fn tell(status: &mut PhoneNumberStatus, id: NumberId) {
    let PhoneNumberStatus {
        observed_generation: _,
        tenant_id: _,
        number_id,
        conditions: _,
    } = status;
    *number_id = Some(id.to_string());
}
