//! `agent_metrics`: calls by day and agent, and the totals that an agent shows.

use callplane_types::{AgentId, Seconds, WallTime};

use crate::column::{each, get};
use crate::time::sql;
use crate::{Result, TenantDatabase};

/// A day of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentDay {
    /// Who.
    pub agent: AgentId,
    /// Midnight, UTC.
    pub day: WallTime,
    /// All calls that began on it.
    pub total: i64,
    /// Answered and ended.
    pub completed: i64,
    /// Failed or kept out.
    pub failed: i64,
    /// That reached their goal, by their analysis.
    pub successful: i64,
    /// Of completed calls.
    pub duration: Seconds,
}

/// Counts the calls of every agent on the day (UTC) of `moment`, replacing what was counted before, and
/// renews the totals of the agents that had any.
pub async fn roll_up_agents(database: &TenantDatabase, moment: WallTime) -> Result<()> {
    let mut transaction = database.pool().begin().await?;
    sqlx::query(
        "INSERT INTO agent_metrics (metric_date, granularity, bucket_start, agent_id, total_calls,
                completed_calls, failed_calls, total_duration_seconds, successful_calls)
         SELECT d.day, 'day', d.begin, c.agent_id, count(*),
                count(*) FILTER (WHERE c.status = 'completed'),
                count(*) FILTER (WHERE c.status IN ('failed', 'blocked')),
                coalesce(sum(c.duration_seconds) FILTER (WHERE c.status = 'completed'), 0),
                count(*) FILTER (WHERE a.success)
           FROM (SELECT b.day, b.day::timestamp AT TIME ZONE 'UTC' AS begin
                   FROM (SELECT ($1 AT TIME ZONE 'UTC')::date AS day) b) d
           JOIN calls c ON c.initiated_at >= d.begin AND c.initiated_at < d.begin + interval '1 day'
                AND c.id >= platform.uuid_v7_floor($1 - interval '2 days')
                AND c.id < platform.uuid_v7_floor($1 + interval '2 days')
           LEFT JOIN call_analyses a ON a.call_id = c.id
          WHERE c.agent_id IS NOT NULL
          GROUP BY d.day, d.begin, c.agent_id
         ON CONFLICT ON CONSTRAINT agent_metrics_bucket DO UPDATE SET
                total_calls = EXCLUDED.total_calls, completed_calls = EXCLUDED.completed_calls,
                failed_calls = EXCLUDED.failed_calls,
                total_duration_seconds = EXCLUDED.total_duration_seconds,
                successful_calls = EXCLUDED.successful_calls",
    )
    .bind(sql(moment))
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "UPDATE agents a SET total_calls = m.total, successful_calls = m.successful
           FROM (SELECT agent_id, sum(total_calls) AS total, sum(successful_calls) AS successful
                   FROM agent_metrics WHERE granularity = 'day' GROUP BY agent_id) m
          WHERE a.id = m.agent_id
            AND (a.total_calls, a.successful_calls) IS DISTINCT FROM (m.total, m.successful)",
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// The days of an agent between two moments, or of all, oldest first.
pub async fn agent_days(
    database: &TenantDatabase,
    agent: Option<AgentId>,
    from: WallTime,
    until: WallTime,
) -> Result<Vec<AgentDay>> {
    let rows = sqlx::query(
        "SELECT agent_id, bucket_start, total_calls::bigint, completed_calls::bigint,
                failed_calls::bigint, successful_calls::bigint, total_duration_seconds
           FROM agent_metrics
          WHERE metric_date >= ($1 AT TIME ZONE 'UTC')::date
            AND metric_date <= ($2 AT TIME ZONE 'UTC')::date AND granularity = 'day'
            AND ($3::uuid IS NULL OR agent_id = $3)
          ORDER BY bucket_start, agent_id",
    )
    .bind(sql(from))
    .bind(sql(until))
    .bind(agent.map(AgentId::uuid))
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(AgentDay {
            agent: get(row, "agent_id")?,
            day: get(row, "bucket_start")?,
            total: get(row, "total_calls")?,
            completed: get(row, "completed_calls")?,
            failed: get(row, "failed_calls")?,
            successful: get(row, "successful_calls")?,
            duration: get(row, "total_duration_seconds")?,
        })
    })
}
