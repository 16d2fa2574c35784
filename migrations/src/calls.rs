//! Looking at calls.

pub mod analyses;
mod find;
mod open;
mod search;

pub use find::{CallFilter, by_external_id, by_sid, find};
pub use open::{NotOpened, Opened, open};
pub use search::{Found, search};

use callplane_types::{CallId, CallStatus, Direction, Pii, WallTime};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder, Row as _};

use crate::time::{wall, wall_opt};
use crate::words::known;
use crate::{Error, Result, TenantDatabase};

/// A line of the list of calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallSummary {
    /// Which.
    pub id: CallId,
    /// As the tenant sees it.
    pub direction: Direction,
    /// How it stands.
    pub status: CallStatus,
    /// Calling number.
    pub from_number: Option<Pii<String>>,
    /// Called number.
    pub to_number: Option<Pii<String>>,
    /// Who spoke, `metadata.name` of the Agent.
    pub agent: Option<String>,
    /// Which campaign placed it.
    pub campaign: Option<String>,
    /// When it began.
    pub initiated_at: WallTime,
    /// When it was answered.
    pub answered_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// Started seconds from the answer, rounded up to the increment.
    pub billable_seconds: i32,
    /// In millionths of `currency`.
    pub cost_micros: i64,
    /// ISO 4217.
    pub currency: String,
    /// Why it ended.
    pub hangup_cause: Option<String>,
    /// Which media node carried it.
    pub media_node: Option<String>,
}

/// What a [`CallSummary`] is read from; a condition on `c` follows.
const SUMMARY: &str = "SELECT c.id, c.direction::text AS direction, c.status::text AS status,
        c.from_number, c.to_number, coalesce(a.k8s_name, a.name) AS agent, c.campaign_name,
        c.initiated_at, c.answered_at, c.ended_at, c.billable_seconds, c.cost_micros, c.currency,
        c.hangup_cause, c.media_node
   FROM calls c LEFT JOIN agents a ON a.id = c.agent_id";

/// The newest calls, newest first: those that began before `before`, at most `limit`.
pub async fn list(
    database: &TenantDatabase,
    before: Option<CallId>,
    limit: u32,
) -> Result<Vec<CallSummary>> {
    // Primary key: the id sorts by time.
    let mut query = QueryBuilder::<Postgres>::new(SUMMARY);
    if let Some(before) = before {
        query.push(" WHERE c.id < ").push_bind(before.uuid());
    }
    query
        .push(" ORDER BY c.id DESC LIMIT ")
        .push_bind(i64::from(limit));
    let rows = query.build().fetch_all(database.pool()).await?;
    known(&rows, read)
}

/// Everything about one call, as the documents of the control API show it: the row of `calls` and,
/// by table, the rows below it. Sealed values are there as they are stored; [`open`] opens them.
pub async fn show(database: &TenantDatabase, call: CallId) -> Result<serde_json::Value> {
    let row = sqlx::query(
        "SELECT to_jsonb(c) || jsonb_build_object(
            'agent', (SELECT coalesce(a.k8s_name, a.name) FROM agents a WHERE a.id = c.agent_id),
            'variables', coalesce(c.metadata -> 'variables', '{}'),
            'legs', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.leg_no), '[]')
                       FROM call_legs x WHERE x.call_id = c.id),
            'segments', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.seq), '[]')
                       FROM call_segments x WHERE x.call_id = c.id),
            'events', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.row_no), '[]')
                       FROM call_events x WHERE x.call_id = c.id),
            'recordings', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]')
                       FROM call_recordings x WHERE x.call_id = c.id AND x.deleted_at IS NULL),
            'transcriptions', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]')
                       FROM transcriptions x WHERE x.call_id = c.id),
            'costs', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]')
                       FROM call_costs x WHERE x.call_id = c.id),
            'cdr', (SELECT to_jsonb(x) FROM cdrs x WHERE x.call_id = c.id),
            'quality', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.sampled_at, x.leg_no, x.stream), '[]')
                       FROM voice_quality_metrics x WHERE x.call_id = c.id),
            'signatures', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]')
                       FROM stir_shaken_statuses x WHERE x.call_id = c.id),
            'messages', (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY v.started_at, m.seq), '[]')
                       FROM conversations v JOIN messages m ON m.conversation_id = v.id
                      WHERE v.call_id = c.id)) AS document
           FROM calls c WHERE c.id = $1",
    )
    .bind(call.uuid())
    .fetch_optional(database.pool())
    .await?
    .ok_or_else(|| Error::NotFound {
        kind: "call",
        name: call.to_string(),
    })?;
    Ok(row.try_get::<Json<serde_json::Value>, _>("document")?.0)
}

fn read(row: &PgRow) -> Result<CallSummary> {
    let number = |column: &str| -> Result<Option<Pii<String>>> {
        Ok(row.try_get::<Option<String>, _>(column)?.map(Pii::new))
    };
    let direction: &str = row.try_get("direction")?;
    let status: &str = row.try_get("status")?;
    Ok(CallSummary {
        id: CallId::new(row.try_get("id")?),
        direction: direction
            .parse()
            .map_err(|_| Error::unknown_word("direction", direction))?,
        status: status
            .parse()
            .map_err(|_| Error::unknown_word("call status", status))?,
        from_number: number("from_number")?,
        to_number: number("to_number")?,
        agent: row.try_get("agent")?,
        campaign: row.try_get("campaign_name")?,
        initiated_at: wall(row.try_get("initiated_at")?),
        answered_at: wall_opt(row.try_get("answered_at")?),
        ended_at: wall_opt(row.try_get("ended_at")?),
        billable_seconds: row.try_get("billable_seconds")?,
        cost_micros: row.try_get("cost_micros")?,
        currency: row.try_get("currency")?,
        hangup_cause: row.try_get("hangup_cause")?,
        media_node: row.try_get("media_node")?,
    })
}
