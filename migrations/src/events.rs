//! `events`: the outbox. Whatever happens is written here in the transaction in which it happens; the
//! worker hands it on, and live subscriptions read along.

use callplane_types::{AgentId, WallTime};
use uuid::Uuid;

use crate::column::{each, get};
use crate::{Result, TenantDatabase};

/// A row of `events`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Which; sorts by time.
    pub id: Uuid,
    /// `call.completed` and the like.
    pub event_type: String,
    /// What kind of thing it is about: `call`.
    pub subject_kind: String,
    /// Which of them.
    pub subject_id: Option<Uuid>,
    /// The agent that has to do with it.
    pub agent: Option<AgentId>,
    /// The standard envelope.
    pub payload: serde_json::Value,
    /// When.
    pub created_at: WallTime,
}

/// What happened after an event, oldest first; `None` begins with the oldest that is kept.
///
/// A transaction that takes long appears behind its place: who follows events starts a minute before
/// the last one it has seen, and leaves out what it knows.
pub async fn since(
    database: &TenantDatabase,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Event>> {
    // The id carries the time, which bounds the months that are read.
    let rows = sqlx::query(
        "SELECT id, event_type, subject_kind, subject_id, agent_id, payload, created_at
           FROM events
          WHERE id > $1 AND created_at >= platform.uuid_v7_time($1) - interval '1 day'
          ORDER BY id LIMIT $2",
    )
    .bind(after.unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    each(&rows, read)
}

/// What the worker has not handed on yet, oldest first.
pub async fn unpublished(database: &TenantDatabase, limit: u32) -> Result<Vec<Event>> {
    let rows = sqlx::query(
        "SELECT id, event_type, subject_kind, subject_id, agent_id, payload, created_at
           FROM events WHERE published_at IS NULL ORDER BY created_at LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    each(&rows, read)
}

/// Notes that events were handed on.
pub async fn published(database: &TenantDatabase, events: &[Event]) -> Result<()> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let times: Vec<_> = events
        .iter()
        .map(|event| crate::time::sql(event.created_at))
        .collect();
    sqlx::query(
        "UPDATE events e SET published_at = now()
           FROM unnest($1::uuid[], $2::timestamptz[]) AS p(id, created_at)
          WHERE e.id = p.id AND e.created_at = p.created_at AND e.published_at IS NULL",
    )
    .bind(ids)
    .bind(times)
    .execute(database.pool())
    .await?;
    Ok(())
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Event> {
    Ok(Event {
        id: get(row, "id")?,
        event_type: get(row, "event_type")?,
        subject_kind: get(row, "subject_kind")?,
        subject_id: get(row, "subject_id")?,
        agent: get(row, "agent_id")?,
        payload: get(row, "payload")?,
        created_at: get(row, "created_at")?,
    })
}
