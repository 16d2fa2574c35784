//! The row of a Campaign.

use callplane_crds::DesiredState;
use callplane_store::campaigns::{self, CampaignSpec, WindowZone};
use serde_json::json;

use super::validate::Valid;
use crate::controllers::projection::fingerprint;

/// Attempts that a recipient gets. A call is never repeated by itself.
const MAX_ATTEMPTS: u32 = 1;

/// What should be in the database.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) campaign: CampaignSpec,
}

/// Makes the row.
pub(super) fn build(valid: Valid) -> Prepared {
    let Valid {
        object,
        display_name,
        desired_state,
        agent,
        caller_number,
        dnc_lists,
        window,
        zone,
        max_concurrent_calls,
        ring_seconds,
    } = valid;
    let zone_name = match &zone {
        WindowZone::Recipient => None,
        WindowZone::Fixed(name) => Some(name),
    };
    let spec_hash = fingerprint(&json!({
        "displayName": display_name,
        "desiredState": desired_state,
        "agent": agent,
        "callerNumber": caller_number,
        "dncLists": dnc_lists,
        "window": [window.from_minute, window.to_minute],
        "days": window.days,
        "zone": zone_name,
        "maxConcurrentCalls": max_concurrent_calls,
        "ringSeconds": ring_seconds,
        "maxAttempts": MAX_ATTEMPTS,
    }));
    Prepared {
        campaign: CampaignSpec {
            object,
            spec_hash,
            display_name,
            desired_state: match desired_state {
                DesiredState::Run => campaigns::DesiredState::Run,
                DesiredState::Pause => campaigns::DesiredState::Pause,
                DesiredState::Stop => campaigns::DesiredState::Stop,
            },
            agent,
            caller_number,
            dnc_lists,
            window: Some(window),
            zone,
            max_concurrent_calls,
            calls_per_minute: None,
            ring_seconds,
            max_attempts: MAX_ATTEMPTS,
            retry_backoff_seconds: 0,
        },
    }
}
