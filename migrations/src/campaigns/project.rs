//! A Campaign as the operator writes it.

use callplane_types::{CampaignId, TenantId};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::{CallingWindow, DesiredState, WindowZone};
use crate::notify::{self, notify};
use crate::object::{adopt, owned, take_over};
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result};

/// A resolved Campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignSpec {
    /// The custom resource.
    pub object: ObjectRef,
    /// Hash of everything below; nothing is written while it stays the same.
    pub spec_hash: String,
    /// Name for people.
    pub display_name: String,
    /// What is wanted.
    pub desired_state: DesiredState,
    /// `metadata.name` of the Agent in the same namespace.
    pub agent: String,
    /// `metadata.name` of the PhoneNumber in the same namespace that is shown to the called.
    pub caller_number: String,
    /// Do-not-call lists, by name; those that do not exist are created empty. The tenant's
    /// internal lists apply to every campaign whether named or not.
    pub dnc_lists: Vec<String>,
    /// When to call; `None` at any time.
    pub window: Option<CallingWindow>,
    /// In whose local time.
    pub zone: WindowZone,
    /// Calls at once.
    pub max_concurrent_calls: u32,
    /// Calls begun within any minute; `None` for no limit.
    pub calls_per_minute: Option<u32>,
    /// How long to let it ring.
    pub ring_seconds: u32,
    /// Attempts a recipient gets in all.
    pub max_attempts: u32,
    /// Pause between two attempts.
    pub retry_backoff_seconds: u32,
}

/// Writes a Campaign and tells the nodes. [`Error::NotFound`] when its agent or number is missing.
pub async fn project(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    spec: &CampaignSpec,
) -> Result<CampaignId> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let agent = by_object(
        &mut transaction,
        "agent",
        "SELECT id FROM agents
          WHERE k8s_namespace IS NOT DISTINCT FROM $1 AND k8s_name = $2 AND deleted_at IS NULL",
        &spec.object,
        &spec.agent,
    )
    .await?;
    let number = by_object(
        &mut transaction,
        "number",
        "SELECT id FROM phone_numbers
          WHERE k8s_namespace IS NOT DISTINCT FROM $1 AND k8s_name = $2 AND deleted_at IS NULL",
        &spec.object,
        &spec.caller_number,
    )
    .await?;
    if let Some(id) = unchanged(&mut transaction, spec, agent, number).await? {
        transaction.commit().await?;
        return Ok(id);
    }
    let id = upsert(&mut transaction, spec, agent, number).await?;
    link_dnc_lists(&mut transaction, id, &spec.dnc_lists).await?;
    // Another window may be open now for those who were put off.
    sqlx::query(
        "UPDATE campaign_recipients SET next_attempt_at = NULL
          WHERE campaign_id = $1 AND status = 'ready' AND next_attempt_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM campaigns WHERE id = $1 AND synced_at = now())",
    )
    .bind(id.uuid())
    .execute(&mut *transaction)
    .await?;
    notify(&mut transaction, notify::CAMPAIGNS, tenant).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Stops and hides the campaign that `uid` projected; its recipients and calls stay. Says whether
/// there was one.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<bool> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let rows = sqlx::query(
        "UPDATE campaigns
            SET desired_state = 'stop', status = 'stopped', deleted_at = now(), k8s_uid = NULL
          WHERE k8s_uid = $1 AND deleted_at IS NULL",
    )
    .bind(uid)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    notify(&mut transaction, notify::CAMPAIGNS, tenant).await?;
    transaction.commit().await?;
    Ok(rows > 0)
}

async fn by_object(
    connection: &mut PgConnection,
    kind: &'static str,
    query: &'static str,
    object: &ObjectRef,
    name: &str,
) -> Result<Uuid> {
    Ok(sqlx::query(query)
        .bind(&object.namespace)
        .bind(name)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| Error::NotFound {
            kind,
            name: name.to_owned(),
        })?
        .try_get(0)?)
}

/// The campaign, if it is written as `spec` wants it.
async fn unchanged(
    connection: &mut PgConnection,
    spec: &CampaignSpec,
    agent: Uuid,
    number: Uuid,
) -> Result<Option<CampaignId>> {
    sqlx::query(
        "SELECT id FROM campaigns
          WHERE k8s_uid = $1 AND spec_hash = $2 AND agent_id = $3 AND caller_phone_number_id = $4",
    )
    .bind(spec.object.uid)
    .bind(&spec.spec_hash)
    .bind(agent)
    .bind(number)
    .fetch_optional(connection)
    .await?
    .map(|row| Ok(CampaignId::new(row.try_get(0)?)))
    .transpose()
}

async fn upsert(
    connection: &mut PgConnection,
    spec: &CampaignSpec,
    agent: Uuid,
    number: Uuid,
) -> Result<CampaignId> {
    let (zone, of_recipient) = match &spec.zone {
        WindowZone::Recipient => ("UTC", true),
        WindowZone::Fixed(zone) => (zone.as_str(), false),
    };
    let minute =
        |minute: fn(&CallingWindow) -> u16| spec.window.as_ref().map(|w| i32::from(minute(w)));
    let days: Vec<i16> = match &spec.window {
        Some(window) => window.days.iter().map(|day| i16::from(*day)).collect(),
        None => (1..=7).collect(),
    };
    let int = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let imported = adopt!("campaigns", "deleted_at IS NULL AND kind = 'outbound'");
    take_over(connection, imported, &spec.object).await?;
    // now() is the time of the transaction: synced_at tells the caller whether this wrote.
    let written = sqlx::query(
        "INSERT INTO campaigns AS c (k8s_namespace, k8s_name, k8s_uid, k8s_generation, spec_hash,
                synced_at, name, desired_state, agent_id, caller_phone_number_id,
                call_start_time, call_end_time, days_of_week, time_zone, recipient_time_zone,
                max_concurrent_calls, calls_per_minute, ring_seconds, max_attempts,
                retry_backoff_seconds)
         VALUES ($1, $2, $3, $4, $5, now(), $6, $7::text::platform.campaign_desired, $8, $9,
                make_time($10 / 60, $10 % 60, 0), make_time($11 / 60, $11 % 60, 0), $12, $13, $14,
                $15, $16, $17, $18, $19)
         ON CONFLICT (k8s_uid) DO UPDATE
            SET k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = excluded.synced_at, name = excluded.name,
                desired_state = excluded.desired_state, agent_id = excluded.agent_id,
                caller_phone_number_id = excluded.caller_phone_number_id,
                call_start_time = excluded.call_start_time, call_end_time = excluded.call_end_time,
                days_of_week = excluded.days_of_week, time_zone = excluded.time_zone,
                recipient_time_zone = excluded.recipient_time_zone,
                max_concurrent_calls = excluded.max_concurrent_calls,
                calls_per_minute = excluded.calls_per_minute,
                ring_seconds = excluded.ring_seconds, max_attempts = excluded.max_attempts,
                retry_backoff_seconds = excluded.retry_backoff_seconds
          WHERE (c.spec_hash, c.agent_id, c.caller_phone_number_id) IS DISTINCT FROM
                (excluded.spec_hash, excluded.agent_id, excluded.caller_phone_number_id)
         RETURNING id",
    )
    .bind(&spec.object.namespace)
    .bind(&spec.object.name)
    .bind(spec.object.uid)
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .bind(&spec.display_name)
    .bind(spec.desired_state.as_str())
    .bind(agent)
    .bind(number)
    .bind(minute(|window| window.from_minute))
    .bind(minute(|window| window.to_minute))
    .bind(days)
    .bind(zone)
    .bind(of_recipient)
    .bind(int(spec.max_concurrent_calls))
    .bind(spec.calls_per_minute.map(int))
    .bind(int(spec.ring_seconds))
    .bind(int(spec.max_attempts))
    .bind(int(spec.retry_backoff_seconds))
    .fetch_optional(&mut *connection)
    .await;
    let row = owned("campaign", &spec.object, written)?;
    let row = match row {
        Some(row) => row,
        None => {
            sqlx::query("SELECT id FROM campaigns WHERE k8s_uid = $1")
                .bind(spec.object.uid)
                .fetch_one(connection)
                .await?
        }
    };
    Ok(CampaignId::new(row.try_get(0)?))
}

async fn link_dnc_lists(
    connection: &mut PgConnection,
    campaign: CampaignId,
    lists: &[String],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO dnc_lists (name, kind) SELECT unnest($1::text[]), 'internal'
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(lists)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM campaign_dnc_lists d USING dnc_lists l
          WHERE d.campaign_id = $1 AND l.id = d.dnc_list_id AND l.name <> ALL ($2::text[])",
    )
    .bind(campaign.uuid())
    .bind(lists)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO campaign_dnc_lists (campaign_id, dnc_list_id)
         SELECT $1, id FROM dnc_lists WHERE name = ANY ($2::text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(campaign.uuid())
    .bind(lists)
    .execute(connection)
    .await?;
    Ok(())
}
