//! Inserts of the rows below a call.

use callplane_types::{AgentId, CallId, LegId, Pii, SegmentId, TrunkId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::{
    Call, CallRecord, Conversation, Cost, EARLIER_CALLS, Leg, Recording, Segment, Transcription,
};
use crate::Result;
use crate::time::{sql, sql_opt};

pub(super) async fn insert_legs(
    connection: &mut PgConnection,
    call: CallId,
    legs: &[Leg],
) -> Result<()> {
    for (leg_no, leg) in (1_i16..).zip(legs) {
        let Leg {
            id,
            kind,
            endpoint_kind,
            direction,
            from_uri,
            to_uri,
            trunk_id,
            agent_id,
            carrier_leg_id,
            status,
            initiated_at,
            answered_at,
            ended_at,
            hangup_cause,
            sip_code,
            codec,
            media,
        } = leg;
        sqlx::query(
            "INSERT INTO call_legs (call_id, leg_no, id, kind, endpoint_kind, direction, from_uri,
                    to_uri, trunk_id, agent_id, carrier_leg_id, status, initiated_at, answered_at,
                    ended_at, hangup_cause, sip_code, codec, media)
             VALUES ($1, $2, $3, $4::text::platform.leg_kind, $5::text::platform.endpoint_kind,
                    $6::text::platform.call_direction, $7, $8,
                    (SELECT id FROM trunks WHERE id = $9), (SELECT id FROM agents WHERE id = $10),
                    $11, $12::text::platform.call_status, $13, $14, $15, $16, $17, $18, $19)",
        )
        .bind(call.uuid())
        .bind(leg_no)
        .bind(LegId::uuid(*id))
        .bind(kind.as_str())
        .bind(endpoint_kind.as_str())
        .bind(direction.as_str())
        .bind(from_uri.as_ref().map(Pii::expose))
        .bind(to_uri.as_ref().map(Pii::expose))
        .bind(trunk_id.map(TrunkId::uuid))
        .bind(agent_id.map(AgentId::uuid))
        .bind(carrier_leg_id)
        .bind(status.as_str())
        .bind(sql(*initiated_at))
        .bind(sql_opt(*answered_at))
        .bind(sql_opt(*ended_at))
        .bind(hangup_cause)
        .bind(sip_code.map(i32::from))
        .bind(codec)
        .bind(media)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// All segments in one statement: a long flow has hundreds. The node is that of the newest version
/// of the call's flow that was there when the call began, which is the one it runs.
pub(super) async fn insert_segments(
    connection: &mut PgConnection,
    call: CallId,
    segments: &[Segment],
) -> Result<()> {
    let mut rows = SegmentColumns::default();
    for segment in segments {
        let Segment {
            id,
            kind,
            started_at,
            ended_at,
            agent_id,
            node,
            metadata,
        } = segment;
        rows.ids.push(SegmentId::uuid(*id));
        rows.kinds.push(kind.as_str());
        rows.begins.push(sql(*started_at));
        rows.ends.push(sql_opt(*ended_at));
        rows.agents.push(agent_id.map(AgentId::uuid));
        rows.nodes.push(node.as_deref());
        rows.metadata.push(metadata);
    }
    sqlx::query(
        "INSERT INTO call_segments (call_id, seq, id, kind, started_at, ended_at, agent_id,
                flow_node_id, metadata)
         SELECT $1, s.seq, s.id, s.kind::platform.segment_kind, s.started_at, s.ended_at,
                (SELECT a.id FROM agents a WHERE a.id = s.agent_id),
                (SELECT n.id FROM calls c
                   JOIN flow_versions v ON v.flow_id = c.flow_id
                   JOIN flow_nodes n ON n.flow_version_id = v.id AND n.node_key = s.node
                  WHERE c.id = $1
                  ORDER BY v.created_at <= c.initiated_at DESC, v.version DESC LIMIT 1),
                s.metadata
           FROM unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::uuid[],
                       $7::text[], $8::jsonb[])
                WITH ORDINALITY
                AS s(id, kind, started_at, ended_at, agent_id, node, metadata, seq)",
    )
    .bind(call.uuid())
    .bind(rows.ids)
    .bind(rows.kinds)
    .bind(rows.begins)
    .bind(rows.ends)
    .bind(rows.agents)
    .bind(rows.nodes)
    .bind(rows.metadata)
    .execute(connection)
    .await?;
    Ok(())
}

/// The columns of `call_segments`, each as one array.
#[derive(Default)]
struct SegmentColumns<'a> {
    ids: Vec<Uuid>,
    kinds: Vec<&'static str>,
    begins: Vec<DateTime<Utc>>,
    ends: Vec<Option<DateTime<Utc>>>,
    agents: Vec<Option<Uuid>>,
    nodes: Vec<Option<&'a str>>,
    metadata: Vec<&'a serde_json::Value>,
}

/// All events in one statement: a talkative call has hundreds.
pub(super) async fn insert_events(
    connection: &mut PgConnection,
    record: &CallRecord,
) -> Result<()> {
    let events = &record.events;
    let types: Vec<&str> = events
        .iter()
        .map(|event| event.event_type.as_str())
        .collect();
    let times: Vec<_> = events.iter().map(|event| sql(event.at)).collect();
    let from: Vec<_> = events
        .iter()
        .map(|event| event.from_status.map(|status| status.as_str()))
        .collect();
    let to: Vec<_> = events
        .iter()
        .map(|event| event.to_status.map(|status| status.as_str()))
        .collect();
    let metadata: Vec<_> = events.iter().map(|event| &event.metadata).collect();
    sqlx::query(
        "INSERT INTO call_events (call_id, event_type, event_timestamp, from_status, to_status,
                metadata)
         SELECT $1, e.event_type, e.at, e.from_status::platform.call_status,
                e.to_status::platform.call_status, e.metadata
           FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::jsonb[])
                WITH ORDINALITY AS e(event_type, at, from_status, to_status, metadata, position)
          ORDER BY e.position",
    )
    .bind(record.call.id.uuid())
    .bind(types)
    .bind(times)
    .bind(from)
    .bind(to)
    .bind(metadata)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_recording(
    connection: &mut PgConnection,
    call: &Call,
    recording: &Recording,
) -> Result<()> {
    let Recording {
        id,
        object_url,
        mime_type,
        channels,
        duration_seconds,
        size_bytes,
        sha256,
        encryption,
        consent_obtained,
    } = recording;
    sqlx::query(
        "INSERT INTO call_recordings (call_id, id, recording_sid, status, object_url, mime_type,
                channels, duration_seconds, size_bytes, sha256, encryption, consent_obtained,
                retain_until)
         VALUES ($1, $2, 'RE' || replace($2::text, '-', ''), 'available', $3, $4, $5, $6, $7, $8,
                $9, $10, $11 + interval '7 years')",
    )
    .bind(call.id.uuid())
    .bind(id)
    .bind(object_url)
    .bind(mime_type)
    .bind(i16::from(*channels))
    .bind(int(*duration_seconds))
    .bind(i64::try_from(*size_bytes).unwrap_or(i64::MAX))
    .bind(sha256.as_ref().map(|hash| hash.as_slice()))
    .bind(encryption)
    .bind(consent_obtained)
    .bind(sql_opt(call.ended_at))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_conversation(
    connection: &mut PgConnection,
    call: CallId,
    conversation: &Conversation,
) -> Result<()> {
    let Conversation {
        agent_id,
        started_at,
        ended_at,
        completed,
        context,
        messages,
    } = conversation;
    let id: Uuid = sqlx::query(
        "INSERT INTO conversations (id, call_id, agent_id, contact_id, session_id,
                previous_conversation_id, channel, status, context, started_at, ended_at)
         SELECT platform.uuid_v7(platform.uuid_v7_time($1)), $1,
                (SELECT id FROM agents WHERE id = $2), c.contact_id, $1::uuid::text,
                (SELECT v.id FROM (
                    SELECT p.id FROM calls p
                     WHERE p.customer_number = c.customer_number AND p.initiated_at < c.initiated_at
                     ORDER BY p.initiated_at DESC LIMIT $7) p
                   JOIN conversations v ON v.call_id = p.id
                  ORDER BY v.started_at DESC LIMIT 1),
                'voice',
                CASE WHEN $3 THEN 'completed' ELSE 'abandoned' END::platform.conversation_status,
                $4, $5, $6
           FROM calls c WHERE c.id = $1
         RETURNING id",
    )
    .bind(call.uuid())
    .bind(agent_id.map(AgentId::uuid))
    .bind(completed)
    .bind(context)
    .bind(sql(*started_at))
    .bind(sql_opt(*ended_at))
    .bind(EARLIER_CALLS)
    .fetch_one(&mut *connection)
    .await?
    .try_get(0)?;
    let roles: Vec<&str> = messages
        .iter()
        .map(|message| message.role.as_str())
        .collect();
    let contents: Vec<&str> = messages
        .iter()
        .map(|message| message.content.expose().as_str())
        .collect();
    let intended: Vec<Option<&str>> = messages
        .iter()
        .map(|message| message.intended.as_ref().map(|text| text.expose().as_str()))
        .collect();
    let spoken: Vec<_> = messages
        .iter()
        .map(|message| sql(message.spoken_at))
        .collect();
    let latencies: Vec<_> = messages
        .iter()
        .map(|message| message.latency_ms.map(int))
        .collect();
    let intents: Vec<_> = messages
        .iter()
        .map(|message| message.intent.as_deref())
        .collect();
    let confidences: Vec<_> = messages.iter().map(|message| message.confidence).collect();
    sqlx::query(
        "INSERT INTO messages (conversation_id, seq, role, content, intended, spoken_at,
                latency_ms, intent, intent_confidence)
         SELECT $1, m.seq, m.role::platform.message_role, m.content, m.intended, m.spoken_at,
                m.latency_ms, m.intent, m.confidence::numeric
           FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::integer[],
                       $7::text[], $8::real[])
                WITH ORDINALITY
                AS m(role, content, intended, spoken_at, latency_ms, intent, confidence, seq)",
    )
    .bind(id)
    .bind(roles)
    .bind(contents)
    .bind(intended)
    .bind(spoken)
    .bind(latencies)
    .bind(intents)
    .bind(confidences)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_transcription(
    connection: &mut PgConnection,
    call: CallId,
    recording: Option<Uuid>,
    transcription: &Transcription,
) -> Result<()> {
    let Transcription {
        id,
        provider,
        model,
        language,
        text,
        segments,
        confidence_percent,
    } = transcription;
    sqlx::query(
        "INSERT INTO transcriptions (call_id, id, recording_id, provider, model, language, status,
                text, segments, confidence)
         VALUES ($1, $2, $3, $4, $5, $6, 'completed', $7, $8, $9::real::numeric)",
    )
    .bind(call.uuid())
    .bind(id)
    .bind(recording)
    .bind(provider)
    .bind(model)
    .bind(language)
    .bind(text.expose())
    .bind(segments.expose())
    .bind(confidence_percent.map(|percent| percent.clamp(0.0, 100.0)))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_costs(
    connection: &mut PgConnection,
    call: CallId,
    costs: &[Cost],
) -> Result<()> {
    for cost in costs {
        let Cost {
            component,
            provider,
            quantity_micros,
            unit,
            unit_rate,
            amount,
            currency,
        } = cost;
        sqlx::query(
            "INSERT INTO call_costs (call_id, component, provider, quantity, unit, unit_rate,
                    amount_micros, currency)
             VALUES ($1, $2::text::platform.cost_component, $3, $4::bigint / 1000000::numeric, $5,
                    $6::bigint / 1000000::numeric, $7, $8)",
        )
        .bind(call.uuid())
        .bind(component.as_str())
        .bind(provider)
        .bind(quantity_micros)
        .bind(unit)
        .bind(unit_rate.0)
        .bind(amount.0)
        .bind(currency.as_str())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) fn int(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
