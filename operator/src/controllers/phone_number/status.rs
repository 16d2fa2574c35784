//! The status of a PhoneNumber.

use callplane_crds::{PhoneNumber, PhoneNumberStatus};
use callplane_types::NumberId;
use k8s_openapi::jiff::Timestamp;

use crate::controllers::projection::{Outcome, Standing, conditions};

/// The status that follows from `outcome`; `None` to leave it as it is.
pub(super) fn status(
    phone_number: &PhoneNumber,
    outcome: &Outcome<NumberId>,
    now: Timestamp,
) -> Option<PhoneNumberStatus> {
    let before = phone_number.status.clone().unwrap_or_default();
    let standing = Standing::new(
        phone_number,
        &before.conditions,
        before.observed_generation,
        before.number_id.is_some() && !outcome.row_undone,
        now,
    );
    let conditions = conditions(standing, outcome.result.as_ref().map(|_| ()))?;
    let observed_generation = phone_number.metadata.generation;
    Some(match &outcome.result {
        Ok((tenant, applied)) => PhoneNumberStatus {
            observed_generation,
            tenant_id: Some(tenant.id.to_string()),
            number_id: Some(applied.to_string()),
            conditions,
        },
        Err(_) if !outcome.row_undone => PhoneNumberStatus {
            observed_generation,
            conditions,
            ..before
        },
        Err(_) => PhoneNumberStatus {
            observed_generation,
            conditions,
            ..PhoneNumberStatus::default()
        },
    })
}
