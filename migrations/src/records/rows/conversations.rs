//! `conversations` and their `messages`. The id of a conversation carries the time of its call, so
//! that both fall into the same month.

use std::collections::HashMap;

use callplane_types::{AgentId, Pii};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::int;
use crate::Result;
use crate::records::{CallRecord, Conversation, EARLIER_CALLS, Message};
use crate::time::{sql, sql_opt};

/// The columns of `conversations`, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    agents: Vec<Option<Uuid>>,
    completed: Vec<bool>,
    contexts: Vec<&'a serde_json::Value>,
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
            agent_id,
            started_at,
            ended_at,
            completed,
            context,
            messages: _,
        } = conversation;
        rows.calls.push(record.call.id.uuid());
        rows.agents.push(agent_id.map(AgentId::uuid));
        rows.completed.push(*completed);
        rows.contexts.push(context);
        rows.started.push(sql(*started_at));
        rows.ended.push(sql_opt(*ended_at));
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    let inserted = sqlx::query(
        "INSERT INTO conversations (id, call_id, agent_id, contact_id, session_id,
                previous_conversation_id, channel, status, context, started_at, ended_at)
         SELECT platform.uuid_v7(platform.uuid_v7_time(c.id)), c.id,
                (SELECT a.id FROM agents a WHERE a.id = r.agent), c.contact_id, c.id::text,
                (SELECT v.id FROM (
                    SELECT p.id FROM calls p
                     WHERE p.customer_number = c.customer_number AND p.initiated_at < c.initiated_at
                     ORDER BY p.initiated_at DESC LIMIT $7) p
                   JOIN conversations v ON v.call_id = p.id
                  ORDER BY v.started_at DESC LIMIT 1),
                'voice',
                CASE WHEN r.completed THEN 'completed' ELSE 'abandoned' END
                    ::platform.conversation_status,
                r.context, r.started_at, r.ended_at
           FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::jsonb[], $5::timestamptz[],
                       $6::timestamptz[])
                AS r(call, agent, completed, context, started_at, ended_at)
           JOIN calls c ON c.id = r.call AND c.id = ANY ($1)
         RETURNING call_id, id",
    )
    .bind(rows.calls)
    .bind(rows.agents)
    .bind(rows.completed)
    .bind(rows.contexts)
    .bind(rows.started)
    .bind(rows.ended)
    .bind(EARLIER_CALLS)
    .fetch_all(&mut *connection)
    .await?;
    let mut ids = HashMap::with_capacity(inserted.len());
    for row in &inserted {
        ids.insert(row.try_get::<Uuid, _>(0)?, row.try_get::<Uuid, _>(1)?);
    }
    insert_messages(connection, records, &ids).await
}

/// The columns of `messages`, each as one array.
#[derive(Default)]
struct MessageColumns<'a> {
    conversations: Vec<Uuid>,
    numbers: Vec<i32>,
    roles: Vec<&'static str>,
    contents: Vec<&'a str>,
    intended: Vec<Option<&'a str>>,
    spoken: Vec<DateTime<Utc>>,
    latencies: Vec<Option<i32>>,
    intents: Vec<Option<&'a str>>,
    confidences: Vec<Option<f32>>,
}

/// `conversations` are those of the calls.
async fn insert_messages(
    connection: &mut PgConnection,
    records: &[&CallRecord],
    conversations: &HashMap<Uuid, Uuid>,
) -> Result<()> {
    let mut rows = MessageColumns::default();
    for record in records {
        let (Some(conversation), Some(id)) = (
            &record.conversation,
            conversations.get(&record.call.id.uuid()),
        ) else {
            continue;
        };
        for (number, message) in (1..).zip(&conversation.messages) {
            let Message {
                role,
                content,
                intended,
                spoken_at,
                latency_ms,
                intent,
                confidence,
            } = message;
            rows.conversations.push(*id);
            rows.numbers.push(number);
            rows.roles.push(role.as_str());
            rows.contents.push(content.expose());
            rows.intended
                .push(intended.as_ref().map(|text| Pii::expose(text).as_str()));
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
        "INSERT INTO messages (conversation_id, seq, role, content, intended, spoken_at,
                latency_ms, intent, intent_confidence)
         SELECT r.conversation, r.number, r.role::platform.message_role, r.content, r.intended,
                r.spoken_at, r.latency, r.intent, r.confidence::numeric
           FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[],
                       $6::timestamptz[], $7::integer[], $8::text[], $9::real[])
                AS r(conversation, number, role, content, intended, spoken_at, latency, intent,
                     confidence)",
    )
    .bind(rows.conversations)
    .bind(rows.numbers)
    .bind(rows.roles)
    .bind(rows.contents)
    .bind(rows.intended)
    .bind(rows.spoken)
    .bind(rows.latencies)
    .bind(rows.intents)
    .bind(rows.confidences)
    .execute(connection)
    .await?;
    Ok(())
}
