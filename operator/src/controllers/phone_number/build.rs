//! The rows of a PhoneNumber: its place in the registry, and its route.

use callplane_store::numbers::NumberSpec;

use super::validate::Valid;
use crate::controllers::projection::fingerprint;

/// What should be in the database.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) number: NumberSpec,
}

/// Makes the rows.
pub(super) fn build(valid: Valid) -> Prepared {
    let Valid {
        object,
        number,
        label,
        trunk,
        agent,
        outbound,
    } = valid;
    Prepared {
        number: NumberSpec {
            spec_hash: fingerprint(&(&number, &label, &trunk, &agent, outbound)),
            object,
            number,
            label,
            trunk: Some(trunk),
            inbound: agent.is_some(),
            agent,
            outbound,
        },
    }
}
