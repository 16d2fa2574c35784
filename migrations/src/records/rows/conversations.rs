//! `conversations` and their `messages`.

use callplane_types::AgentId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::int;
use crate::Result;
use crate::records::{CallRecord, Conversation, EARLIER_CALLS, Message, Spoken};
use crate::time::{sql, sql_opt};

/// The columns of `conversations`, each as one array.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    calls: Vec<Uuid>,
    agents: Vec<Option<Uuid>>,
    completed: Vec<bool>,
    contexts: Vec<Option<&'a serde_json::Value>>,
    contexts_enc: Vec<Option<&'a [u8]>>,
    started: Vec<DateTime<Utc>>,
    ended: Vec<Option<DateTime<Utc>>>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for record in records {
        let Some(conversation) = &record.conversation else {
            continue;
        };
        let Conversation {
            id,
            agent_id,
            started_at,
            ended_at,
            completed,
            context,
            messages: _,
        } = conversation;
        rows.ids.push(*id);
        rows.calls.push(record.call.id.uuid());
        rows.agents.push(agent_id.map(AgentId::uuid));
        rows.completed.push(*completed);
        rows.contexts.push(context.as_clear());
        rows.contexts_enc.push(context.as_sealed());
        rows.started.push(sql(*started_at));
        rows.ended.push(sql_opt(*ended_at));
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO conversations (id, call_id, agent_id, contact_id, session_id,
                previous_conversation_id, channel, status, context, context_enc, started_at,
                ended_at)
         SELECT r.id, c.id,
                (SELECT a.id FROM agents a WHERE a.id = r.agent), c.contact_id, c.id::text,
                (SELECT v.id FROM (
                    SELECT p.id FROM calls p
                     WHERE p.customer_number = c.customer_number AND p.initiated_at < c.initiated_at
                     ORDER BY p.initiated_at DESC LIMIT $8) p
                   JOIN conversations v ON v.call_id = p.id
                  ORDER BY v.started_at DESC LIMIT 1),
                'voice',
                CASE WHEN r.completed THEN 'completed' ELSE 'abandoned' END
                    ::platform.conversation_status,
                coalesce(r.context, '{}'), r.context_enc, r.started_at, r.ended_at
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::jsonb[],
                       $6::timestamptz[], $7::timestamptz[], $9::bytea[])
                AS r(id, call, agent, completed, context, started_at, ended_at, context_enc)
           JOIN calls c ON c.id = r.call AND c.id = ANY ($2)",
    )
    .bind(rows.ids)
    .bind(rows.calls)
    .bind(rows.agents)
    .bind(rows.completed)
    .bind(rows.contexts)
    .bind(rows.started)
    .bind(rows.ended)
    .bind(EARLIER_CALLS)
    .bind(rows.contexts_enc)
    .execute(&mut *connection)
    .await?;
    insert_messages(connection, records).await
}

/// The columns of `messages`, each as one array.
#[derive(Default)]
struct MessageColumns<'a> {
    ids: Vec<Uuid>,
    conversations: Vec<Uuid>,
    numbers: Vec<i32>,
    roles: Vec<&'static str>,
    contents: Vec<Option<&'a str>>,
    contents_enc: Vec<Option<&'a [u8]>>,
    intended: Vec<Option<&'a str>>,
    intended_enc: Vec<Option<&'a [u8]>>,
    spoken: Vec<DateTime<Utc>>,
    latencies: Vec<Option<i32>>,
    intents: Vec<Option<&'a str>>,
    confidences: Vec<Option<f32>>,
}

async fn insert_messages(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = MessageColumns::default();
    for conversation in records
        .iter()
        .filter_map(|record| record.conversation.as_ref())
    {
        for (number, message) in (1..).zip(&conversation.messages) {
            let Message {
                id,
                role,
                content,
                intended,
                spoken_at,
                latency_ms,
                intent,
                confidence,
            } = message;
            rows.ids.push(*id);
            rows.conversations.push(conversation.id);
            rows.numbers.push(number);
            rows.roles.push(role.as_str());
            let intended = intended.as_ref();
            rows.contents.push(content.as_clear().map(String::as_str));
            rows.contents_enc.push(content.as_sealed());
            rows.intended
                .push(intended.and_then(Spoken::as_clear).map(String::as_str));
            rows.intended_enc.push(intended.and_then(Spoken::as_sealed));
            rows.spoken.push(sql(*spoken_at));
            rows.latencies.push(latency_ms.map(int));
            rows.intents.push(intent.as_deref());
            rows.confidences.push(*confidence);
        }
    }
    if rows.conversations.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO messages (id, conversation_id, seq, role, content, content_enc, intended,
                intended_enc, spoken_at, latency_ms, intent, intent_confidence)
         SELECT r.id, r.conversation, r.number, r.role::platform.message_role, r.content, r.content_enc,
                r.intended, r.intended_enc, r.spoken_at, r.latency, r.intent, r.confidence::numeric
           FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[],
                       $7::timestamptz[], $8::integer[], $9::text[], $10::real[], $11::bytea[], $12::bytea[])
                AS r(id, conversation, number, role, content, intended, spoken_at, latency, intent,
                     confidence, content_enc, intended_enc)",
    )
    .bind(rows.ids)
    .bind(rows.conversations)
    .bind(rows.numbers)
    .bind(rows.roles)
    .bind(rows.contents)
    .bind(rows.intended)
    .bind(rows.spoken)
    .bind(rows.latencies)
    .bind(rows.intents)
    .bind(rows.confidences)
    .bind(rows.contents_enc)
    .bind(rows.intended_enc)
    .execute(connection)
    .await?;
    Ok(())
}
