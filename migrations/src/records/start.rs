//! The small writes while a call goes on, so that a lost node leaves a trace of its calls.

use callplane_types::{CallId, WallTime};

use super::Call;
use crate::time::{sql, sql_opt};
use crate::{Error, Result, TenantDatabase};

/// Opens the row of an inbound call; [`crate::campaigns::claim`] has opened it for an outbound one.
/// Repeating it changes nothing.
pub async fn start(database: &TenantDatabase, call: &Call) -> Result<()> {
    let mut connection = database.pool().acquire().await?;
    own(database, call)?;
    open(&mut connection, call).await
}

/// Notes the answer of a call that is open. Without effect on a call that has ended.
pub async fn answered(database: &TenantDatabase, call: CallId, at: WallTime) -> Result<()> {
    sqlx::query(
        "UPDATE calls SET status = 'in_progress', answered_at = $2, connected_at = $2
          WHERE id = $1 AND status IN ('queued', 'initiated', 'ringing')",
    )
    .bind(call.uuid())
    .bind(sql(at))
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Refuses a record that would land in another tenant's schema.
pub(super) fn own(database: &TenantDatabase, call: &Call) -> Result<()> {
    if call.tenant_id == database.tenant() {
        Ok(())
    } else {
        Err(Error::invalid(
            "call record",
            "it belongs to another tenant",
        ))
    }
}

/// Inserts the row of `calls` with what is known at the start, unless it is there.
pub(super) async fn open(connection: &mut sqlx::PgConnection, call: &Call) -> Result<()> {
    let status = if call.status.is_final() {
        // The final status comes with the rest, in the same transaction.
        callplane_types::CallStatus::Initiated
    } else {
        call.status
    };
    sqlx::query(
        "INSERT INTO calls (id, external_call_id, direction, status, initiated_at, ringing_at,
                from_number, to_number, from_uri, to_uri, from_phone_number_id,
                to_phone_number_id, customer_number, agent_id, agent_version_id, flow_id,
                campaign_id, billing_increment_seconds, currency, media_node, media_node_epoch)
         VALUES ($1, $2, $3::text::platform.call_direction, $4::text::platform.call_status, $5, $6,
                $7, $8, $9, $10,
                (SELECT id FROM phone_numbers WHERE id = $11),
                (SELECT id FROM phone_numbers WHERE id = $12), $13,
                (SELECT id FROM agents WHERE id = $14), $15,
                (SELECT id FROM flows WHERE id = $16),
                (SELECT id FROM campaigns WHERE id = $17), $18, $19, $20, $21)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(call.id.uuid())
    .bind(&call.external_call_id)
    .bind(call.direction.as_str())
    .bind(status.as_str())
    .bind(sql(call.initiated_at))
    .bind(sql_opt(call.ringing_at))
    .bind(call.from_number.as_ref().map(callplane_types::E164::as_str))
    .bind(call.to_number.as_ref().map(callplane_types::E164::as_str))
    .bind(call.from_uri.as_ref().map(callplane_types::Pii::expose))
    .bind(call.to_uri.as_ref().map(callplane_types::Pii::expose))
    .bind(
        call.from_phone_number_id
            .map(callplane_types::NumberId::uuid),
    )
    .bind(call.to_phone_number_id.map(callplane_types::NumberId::uuid))
    .bind(call.customer_number().map(callplane_types::E164::as_str))
    .bind(call.agent_id.map(callplane_types::AgentId::uuid))
    .bind(call.agent_version_id)
    .bind(call.flow_id.map(callplane_types::FlowId::uuid))
    .bind(call.campaign_id.map(callplane_types::CampaignId::uuid))
    .bind(i16::try_from(call.billing_increment_seconds).unwrap_or(i16::MAX))
    .bind(call.currency.as_str())
    .bind(&call.media_node)
    .bind(call.media_node_epoch)
    .execute(connection)
    .await?;
    Ok(())
}
