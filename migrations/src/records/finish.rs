//! The one transaction at the end of a call.

use callplane_types::{AgentId, CallId, CampaignId, E164, FlowId, Micros, NumberId, Pii};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::quality::insert_quality;
use super::rows::{
    insert_conversation, insert_costs, insert_events, insert_legs, insert_recording,
    insert_segments, insert_transcription, int,
};
use super::start::{open, own};
use super::stir::insert_stir;
use super::tags::insert_tags;
use super::{Call, CallRecord, EARLIER_CALLS};
use crate::campaigns::record_outcome;
use crate::quotas;
use crate::time::{sql, sql_opt};
use crate::{Error, Result, TenantDatabase};

/// Whether a record was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// Stored now.
    Stored,
    /// It had been stored before; nothing was changed.
    Already,
}

/// Stores a finished call in one transaction: the call, its legs, segments, events, recording,
/// conversation, transcription, costs, quality, signature, tags, detail record and outbox event; the
/// outcome of its campaign attempt; and gives back its quota slot.
///
/// Idempotent by the id of the call: the call detail record, which is written with the rest and
/// never changes, tells a repetition. A call that was closed with `node_lost` because its node was
/// silent, and whose node then delivers the record, takes the record's word.
///
/// References to configuration that was deleted meanwhile become NULL instead of losing the record.
pub async fn finish(database: &TenantDatabase, record: &CallRecord) -> Result<Finished> {
    let CallRecord {
        call,
        legs,
        segments,
        events: _,
        recording,
        conversation,
        transcription,
        costs,
        quality,
        stir,
        campaign,
    } = record;
    own(database, call)?;
    if !call.status.is_final() || call.ended_at.is_none() {
        return Err(Error::invalid("call record", "the call has not ended"));
    }
    let mut transaction = database.pool().begin().await?;
    open(&mut transaction, call).await?;
    if stored_before(&mut transaction, call.id).await? {
        return Ok(Finished::Already);
    }
    let cost = costs.iter().map(|cost| cost.amount).sum();
    close(&mut transaction, call, cost).await?;
    insert_legs(&mut transaction, call.id, legs).await?;
    insert_segments(&mut transaction, call.id, segments).await?;
    insert_events(&mut transaction, record).await?;
    if let Some(recording) = recording {
        insert_recording(&mut transaction, call, recording).await?;
    }
    if let Some(conversation) = conversation {
        insert_conversation(&mut transaction, call.id, conversation).await?;
    }
    if let Some(transcription) = transcription {
        let recording = recording.as_ref().map(|recording| recording.id);
        insert_transcription(&mut transaction, call.id, recording, transcription).await?;
    }
    insert_costs(&mut transaction, call.id, costs).await?;
    insert_quality(&mut transaction, call, quality).await?;
    if let Some(stir) = stir {
        insert_stir(&mut transaction, call.id, stir).await?;
    }
    insert_tags(&mut transaction, call.id, &call.tags).await?;
    insert_cdr(&mut transaction, call.id).await?;
    publish(&mut transaction, call.id).await?;
    // Recipient before quota, as in the claim: no deadlock between the two.
    if let Some(attempt) = campaign {
        record_outcome(&mut transaction, call.id, attempt).await?;
    }
    quotas::release_in(&mut transaction, call.id).await?;
    transaction.commit().await?;
    Ok(Finished::Stored)
}

/// Locks the call, so that two deliveries of the same record follow each other, and looks for its
/// detail record.
async fn stored_before(connection: &mut PgConnection, call: CallId) -> Result<bool> {
    sqlx::query("SELECT 1 FROM calls WHERE id = $1 FOR UPDATE")
        .bind(call.uuid())
        .fetch_one(&mut *connection)
        .await?;
    Ok(sqlx::query("SELECT 1 FROM cdrs WHERE call_id = $1")
        .bind(call.uuid())
        .fetch_optional(connection)
        .await?
        .is_some())
}

async fn close(connection: &mut PgConnection, call: &Call, cost: Micros) -> Result<()> {
    // Destructured without `..`: a new field must be stored or left out on purpose.
    let Call {
        id,
        tenant_id: _,
        external_call_id: _,
        direction: _,
        status,
        status_reason,
        from_number,
        to_number,
        from_uri,
        to_uri,
        from_phone_number_id,
        to_phone_number_id,
        customer_name,
        agent_id,
        agent_version_id,
        flow_id,
        campaign_id,
        initiated_at,
        ringing_at,
        answered_at,
        connected_at,
        ended_at,
        billing_increment_seconds,
        mos_score,
        jitter_ms,
        packet_loss_percent,
        rate_micros_per_minute,
        currency,
        outcome,
        hangup_cause,
        hangup_by,
        sip_code,
        media_node,
        media_node_epoch,
        tags: _,
        variables,
    } = call;
    sqlx::query(
        "UPDATE calls SET
            status = $2::text::platform.call_status, status_reason = $3,
            from_number = coalesce($4, from_number), to_number = coalesce($5, to_number),
            customer_number = coalesce($6, customer_number),
            from_uri = coalesce($7, from_uri), to_uri = coalesce($8, to_uri),
            from_phone_number_id = coalesce(
                (SELECT n.id FROM phone_numbers n WHERE n.id = $9), from_phone_number_id),
            to_phone_number_id = coalesce(
                (SELECT n.id FROM phone_numbers n WHERE n.id = $10), to_phone_number_id),
            customer_name = coalesce($11, customer_name),
            contact_id = coalesce(contact_id, (SELECT p.id FROM contacts p
                WHERE p.phone = $6 AND p.deleted_at IS NULL ORDER BY p.id LIMIT 1)),
            agent_id = coalesce((SELECT a.id FROM agents a WHERE a.id = $12), agent_id),
            agent_version_id = coalesce($13, agent_version_id),
            flow_id = coalesce((SELECT f.id FROM flows f WHERE f.id = $14), flow_id,
                (SELECT l.flow_id FROM agent_flows l WHERE l.agent_id = $12
                  ORDER BY l.priority, l.id LIMIT 1)),
            campaign_id = coalesce((SELECT c.id FROM campaigns c WHERE c.id = $15), campaign_id),
            initiated_at = $16, ringing_at = $17, answered_at = $18, connected_at = $19,
            ended_at = $20, billing_increment_seconds = $21,
            mos_score = $22::real::numeric, jitter_ms = $23,
            packet_loss_percent = $24::real::numeric,
            rate_micros_per_minute = $25, currency = $26, cost_micros = $27,
            outcome = $28, hangup_cause = $29, hangup_by = $30::text::platform.hangup_party,
            sip_code = $31, media_node = coalesce($32, media_node),
            media_node_epoch = coalesce($33, media_node_epoch), caller_id_area_code = $34,
            missed_call = $2 IN ('busy', 'no_answer', 'cancelled'), blocked = $2 = 'blocked',
            block_reason = CASE WHEN $2 = 'blocked' THEN $3 END,
            previously_connected = earlier.at IS NOT NULL, previously_connected_at = earlier.at,
            metadata = metadata || jsonb_build_object('variables', $35::jsonb)
           FROM (SELECT (
                SELECT p.connected_at FROM (
                    SELECT e.connected_at, e.initiated_at FROM calls e
                     WHERE e.customer_number = $6 AND e.initiated_at < $16
                     ORDER BY e.initiated_at DESC LIMIT $36) p
                 WHERE p.connected_at IS NOT NULL
                 ORDER BY p.initiated_at DESC LIMIT 1) AS at) earlier
          WHERE id = $1",
    )
    .bind(id.uuid())
    .bind(status.as_str())
    .bind(status_reason)
    .bind(from_number.as_ref().map(E164::as_str))
    .bind(to_number.as_ref().map(E164::as_str))
    .bind(call.customer_number().map(E164::as_str))
    .bind(from_uri.as_ref().map(Pii::expose))
    .bind(to_uri.as_ref().map(Pii::expose))
    .bind(from_phone_number_id.map(NumberId::uuid))
    .bind(to_phone_number_id.map(NumberId::uuid))
    .bind(customer_name.as_ref().map(Pii::expose))
    .bind(agent_id.map(AgentId::uuid))
    .bind(agent_version_id)
    .bind(flow_id.map(FlowId::uuid))
    .bind(campaign_id.map(CampaignId::uuid))
    .bind(sql(*initiated_at))
    .bind(sql_opt(*ringing_at))
    .bind(sql_opt(*answered_at))
    .bind(sql_opt(*connected_at))
    .bind(sql_opt(*ended_at))
    .bind(i16::try_from(*billing_increment_seconds).unwrap_or(i16::MAX))
    .bind(mos_score.map(|mos| mos.clamp(1.0, 5.0)))
    .bind(jitter_ms.map(int))
    .bind(packet_loss_percent.map(|percent| percent.clamp(0.0, 100.0)))
    .bind(rate_micros_per_minute.map(|rate| rate.0))
    .bind(currency.as_str())
    .bind(cost.0)
    .bind(outcome)
    .bind(hangup_cause)
    .bind(hangup_by.map(callplane_types::HangupParty::as_str))
    .bind(sip_code.map(i32::from))
    .bind(media_node)
    .bind(media_node_epoch)
    .bind(call.caller_area_code())
    .bind(Json(variables))
    .bind(EARLIER_CALLS)
    .execute(connection)
    .await?;
    Ok(())
}

/// The detail record is copied from the row of the call, so that the two cannot differ.
async fn insert_cdr(connection: &mut PgConnection, call: CallId) -> Result<()> {
    sqlx::query(
        "INSERT INTO cdrs (call_id, direction, from_number, to_number, status, started_at,
                answered_at, ended_at, duration_seconds, billable_seconds, cost_micros, currency,
                hangup_cause, mos_score, record)
         SELECT id, direction, from_number, to_number, status, initiated_at, answered_at, ended_at,
                duration_seconds, billable_seconds, cost_micros, currency, hangup_cause, mos_score,
                jsonb_strip_nulls(jsonb_build_object(
                    'agent_id', agent_id, 'campaign_id', campaign_id, 'hangup_by', hangup_by,
                    'sip_code', sip_code, 'outcome', outcome,
                    'billing_increment_seconds', billing_increment_seconds,
                    'rate_micros_per_minute', rate_micros_per_minute))
           FROM calls WHERE id = $1",
    )
    .bind(call.uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// The outbox event: the standard envelope without what was said, which its readers may ask for.
/// `call.completed`; `call.blocked` for one that a quota or another limit kept out; `call.ended`.
async fn publish(connection: &mut PgConnection, call: CallId) -> Result<()> {
    sqlx::query(
        "INSERT INTO events (event_type, subject_kind, subject_id, agent_id, payload)
         SELECT named.type, 'call', id, agent_id,
                jsonb_build_object(
                    'type', named.type, 'at', ended_at, 'tenant', tenant_id,
                    'data', jsonb_build_object('call', jsonb_build_object(
                        'id', id, 'direction', direction, 'status', status, 'outcome', outcome,
                        'hangup_cause', hangup_cause,
                        'duration_seconds', duration_seconds, 'billable_seconds', billable_seconds,
                        'cost_micros', cost_micros, 'currency', currency)))
           FROM calls, LATERAL (SELECT 'call.' || CASE WHEN status IN ('completed', 'blocked')
                THEN status::text ELSE 'ended' END AS type) AS named
          WHERE id = $1",
    )
    .bind(call.uuid())
    .execute(connection)
    .await?;
    Ok(())
}
