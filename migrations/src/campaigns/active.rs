//! The campaigns a media node pulls from.

use callplane_types::{AgentId, CampaignId, E164, NumberId, TrunkId};
use sqlx::Row as _;
use uuid::Uuid;

use super::{CallingWindow, WindowZone};
use crate::{Error, Result, TenantDatabase};

/// A campaign that is to be dialled, with what a node needs to place its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveCampaign {
    /// Which.
    pub id: CampaignId,
    /// `metadata.name` of the Campaign.
    pub name: String,
    /// Who speaks.
    pub agent_id: AgentId,
    /// The agent's current version; load its Program with [`crate::agents::program`].
    pub agent_version_id: Uuid,
    /// The number shown to the called.
    pub caller_number: E164,
    /// Its row.
    pub caller_number_id: NumberId,
    /// The trunk calls go out through.
    pub trunk_id: TrunkId,
    /// When to call; `None` at any time.
    pub window: Option<CallingWindow>,
    /// In whose local time.
    pub zone: WindowZone,
    /// Calls at once.
    pub max_concurrent_calls: u32,
    /// How long to let it ring.
    pub ring_seconds: u32,
    /// Attempts a recipient gets in all.
    pub max_attempts: u32,
    /// Pause between two attempts.
    pub retry_backoff_seconds: u32,
}

/// The running campaigns that have an agent with a version, a caller number that may call out, and
/// a trunk.
pub async fn active(database: &TenantDatabase) -> Result<Vec<ActiveCampaign>> {
    let rows = sqlx::query(
        "SELECT c.id, coalesce(c.k8s_name, c.name) AS name, c.agent_id, a.current_version_id,
                n.e164, n.id AS number_id, n.trunk_id,
                (extract(epoch FROM c.call_start_time) / 60)::integer AS from_minute,
                (extract(epoch FROM c.call_end_time) / 60)::integer AS to_minute,
                c.days_of_week, c.time_zone, c.recipient_time_zone, c.max_concurrent_calls,
                c.ring_seconds, c.max_attempts, c.retry_backoff_seconds
           FROM campaigns c
           JOIN agents a ON a.id = c.agent_id AND a.status = 'active' AND a.deleted_at IS NULL
           JOIN phone_numbers n ON n.id = c.caller_phone_number_id
                AND n.outbound_enabled AND n.status = 'active' AND n.deleted_at IS NULL
           JOIN trunks t ON t.id = n.trunk_id AND t.status = 'active'
          WHERE c.desired_state = 'run' AND c.deleted_at IS NULL
            AND (c.start_at IS NULL OR c.start_at <= now())
            AND a.current_version_id IS NOT NULL
          ORDER BY c.id",
    )
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            let count = |column: i32| u32::try_from(column).unwrap_or(0);
            let minute = |column: &str| -> Result<Option<u16>> {
                Ok(row
                    .try_get::<Option<i32>, _>(column)?
                    .and_then(|minute| u16::try_from(minute).ok()))
            };
            let window = minute("from_minute")?
                .zip(minute("to_minute")?)
                .map(|(from_minute, to_minute)| -> Result<CallingWindow> {
                    Ok(CallingWindow {
                        from_minute,
                        to_minute,
                        days: row
                            .try_get::<Vec<i16>, _>("days_of_week")?
                            .into_iter()
                            .filter_map(|day| u8::try_from(day).ok())
                            .collect(),
                    })
                })
                .transpose()?;
            let zone = if row.try_get("recipient_time_zone")? {
                WindowZone::Recipient
            } else {
                WindowZone::Fixed(row.try_get("time_zone")?)
            };
            Ok(ActiveCampaign {
                id: CampaignId::new(row.try_get("id")?),
                name: row.try_get("name")?,
                agent_id: AgentId::new(row.try_get("agent_id")?),
                agent_version_id: row.try_get("current_version_id")?,
                caller_number: row
                    .try_get::<String, _>("e164")?
                    .parse()
                    .map_err(|error| Error::invalid("caller number", error))?,
                caller_number_id: NumberId::new(row.try_get("number_id")?),
                trunk_id: TrunkId::new(row.try_get("trunk_id")?),
                window,
                zone,
                max_concurrent_calls: count(row.try_get("max_concurrent_calls")?),
                ring_seconds: count(row.try_get("ring_seconds")?),
                max_attempts: count(row.try_get("max_attempts")?),
                retry_backoff_seconds: count(row.try_get("retry_backoff_seconds")?),
            })
        })
        .collect()
}
