//! Calls by what is known of them.

use callplane_types::{AgentId, CallId, CallStatus, CampaignId, Direction, E164, WallTime};
use sqlx::{Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::{CallSummary, SUMMARY, read};
use crate::time::sql;
use crate::words::known;
use crate::{Result, TenantDatabase};

/// Most calls of one page.
const MOST: u32 = 1_000;

/// What calls have to be; what is `None` says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Begun then or later.
    pub from: Option<WallTime>,
    /// Begun before.
    pub until: Option<WallTime>,
    /// How they stand.
    pub status: Option<CallStatus>,
    /// As the tenant sees it.
    pub direction: Option<Direction>,
    /// Who spoke.
    pub agent: Option<AgentId>,
    /// Which campaign placed them.
    pub campaign: Option<CampaignId>,
    /// The number of the other party.
    pub customer: Option<E164>,
    /// The category that a flow gave them.
    pub outcome: Option<String>,
    /// A tag that they have.
    pub tag: Option<String>,
}

/// Calls newest first, after the one that a page before ended with.
///
/// The filters are written into the statement as far as they are given, so that each shape has a plan
/// of its own. Times also bound the ids, which carry the time to a day (`calls_id_time`): months that
/// are out of question are not read.
pub async fn find(
    database: &TenantDatabase,
    filter: &CallFilter,
    after: Option<(WallTime, CallId)>,
    limit: u32,
) -> Result<Vec<CallSummary>> {
    let mut query = QueryBuilder::<Postgres>::new(SUMMARY);
    query.push(" WHERE true");
    let CallFilter {
        from,
        until,
        status,
        direction,
        agent,
        campaign,
        customer,
        outcome,
        tag,
    } = filter;
    if let Some(from) = *from {
        query.push(" AND c.initiated_at >= ").push_bind(sql(from));
        query.push(" AND c.id >= platform.uuid_v7_floor(");
        query.push_bind(sql(from)).push(" - interval '1 day')");
    }
    // A cursor bounds the time as the filter does.
    let end = match (*until, after) {
        (Some(until), Some((at, _))) => Some(until.min(at)),
        (until, after) => until.or(after.map(|(at, _)| at)),
    };
    if let Some(end) = end {
        query.push(" AND c.id < platform.uuid_v7_floor(");
        query.push_bind(sql(end)).push(" + interval '1 day')");
    }
    if let Some(until) = *until {
        query.push(" AND c.initiated_at < ").push_bind(sql(until));
    }
    if let Some((at, call)) = after {
        query
            .push(" AND (c.initiated_at, c.id) < (")
            .push_bind(sql(at));
        query.push(", ").push_bind(call.uuid()).push(")");
    }
    if let Some(status) = status {
        query.push(" AND c.status = ").push_bind(status.as_str());
        query.push("::text::platform.call_status");
    }
    if let Some(direction) = direction {
        query
            .push(" AND c.direction = ")
            .push_bind(direction.as_str());
        query.push("::text::platform.call_direction");
    }
    if let Some(agent) = agent {
        query.push(" AND c.agent_id = ").push_bind(agent.uuid());
    }
    if let Some(campaign) = campaign {
        query
            .push(" AND c.campaign_id = ")
            .push_bind(campaign.uuid());
    }
    if let Some(customer) = customer {
        query
            .push(" AND c.customer_number = ")
            .push_bind(customer.as_str());
    }
    if let Some(outcome) = outcome {
        query.push(" AND c.outcome = ").push_bind(outcome.as_str());
    }
    if let Some(tag) = tag {
        query.push(" AND c.id IN (SELECT g.call_id FROM call_tags g WHERE g.tag_id = (SELECT t.id FROM tags t WHERE t.name = ");
        query.push_bind(tag.as_str()).push("))");
    }
    query.push(" ORDER BY c.initiated_at DESC, c.id DESC LIMIT ");
    query.push_bind(i64::from(limit.clamp(1, MOST)));
    // Planned for these values each time: a plan for any month and any status would sort a whole month to
    // find fifty calls of it.
    let rows = query
        .build()
        .persistent(false)
        .fetch_all(database.pool())
        .await?;
    known(&rows, read)
}

/// The call of an identifier: `call_sid`, ours or one that was imported.
pub async fn by_sid(database: &TenantDatabase, sid: &str) -> Result<Option<CallId>> {
    // Ours is the id; only others are in the table of keys.
    if let Some(id) = sid
        .strip_prefix("CA")
        .and_then(|hex| Uuid::try_parse(hex).ok())
    {
        let found = sqlx::query("SELECT id FROM calls WHERE id = $1")
            .bind(id)
            .fetch_optional(database.pool())
            .await?;
        if found.is_some() {
            return Ok(Some(CallId::new(id)));
        }
    }
    let found = sqlx::query("SELECT call_id FROM call_keys WHERE kind = 'call_sid' AND key = $1")
        .bind(sid)
        .fetch_optional(database.pool())
        .await?;
    found
        .map(|row| Ok(CallId::new(row.try_get(0)?)))
        .transpose()
}

/// The newest calls of a SIP Call-ID; a caller may use one again.
pub async fn by_external_id(database: &TenantDatabase, id: &str) -> Result<Vec<CallSummary>> {
    let mut query = QueryBuilder::<Postgres>::new(SUMMARY);
    query.push(" WHERE c.external_call_id = ").push_bind(id);
    query.push(" ORDER BY c.id DESC LIMIT 50");
    let rows = query.build().fetch_all(database.pool()).await?;
    known(&rows, read)
}
