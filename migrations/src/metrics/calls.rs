//! `call_metrics`: calls by day, direction, campaign and number.

use callplane_types::{CampaignId, Micros, Seconds, WallTime};

use crate::column::{each, get};
use crate::time::sql;
use crate::{Result, TenantDatabase};

/// A day of calls, of all or of one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDay {
    /// Midnight, UTC.
    pub day: WallTime,
    /// All calls that began on it.
    pub total: i64,
    /// Answered and ended.
    pub completed: i64,
    /// Failed or kept out.
    pub failed: i64,
    /// Nobody took them.
    pub missed: i64,
    /// From beginning to end.
    pub duration: Seconds,
    /// As billed.
    pub billable: Seconds,
    /// What they cost.
    pub cost: Micros,
}

/// Counts the calls that began on the day (UTC) of `moment`, over all and by direction, campaign and
/// number, and replaces what was counted before.
pub async fn roll_up_calls(database: &TenantDatabase, moment: WallTime) -> Result<()> {
    let mut transaction = database.pool().begin().await?;
    sqlx::query(
        "DELETE FROM call_metrics
          WHERE metric_date = ($1 AT TIME ZONE 'UTC')::date AND granularity = 'day'",
    )
    .bind(sql(moment))
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO call_metrics (metric_date, granularity, bucket_start, direction, campaign_id,
                phone_number_id, total_calls, completed_calls, failed_calls, missed_calls,
                total_duration_seconds, billable_seconds, avg_mos, revenue_micros, payout_micros,
                cost_micros)
         SELECT d.day, 'day', d.begin, c.direction, c.campaign_id, c.number, count(*),
                count(*) FILTER (WHERE c.status = 'completed'),
                count(*) FILTER (WHERE c.status IN ('failed', 'blocked')),
                count(*) FILTER (WHERE c.missed_call),
                coalesce(sum(c.duration_seconds), 0), coalesce(sum(c.billable_seconds), 0),
                avg(c.mos_score), sum(c.revenue_micros), sum(c.payout_micros), sum(c.cost_micros)
           FROM (SELECT b.day, b.day::timestamp AT TIME ZONE 'UTC' AS begin
                   FROM (SELECT ($1 AT TIME ZONE 'UTC')::date AS day) b) d
           CROSS JOIN LATERAL (
                SELECT c.*, coalesce(c.to_phone_number_id, c.from_phone_number_id) AS number
                  FROM calls c
                 WHERE c.initiated_at >= d.begin AND c.initiated_at < d.begin + interval '1 day'
                   AND c.id >= platform.uuid_v7_floor($1 - interval '2 days')
                   AND c.id < platform.uuid_v7_floor($1 + interval '2 days')) c
          GROUP BY GROUPING SETS ((d.day, d.begin), (d.day, d.begin, c.direction),
                (d.day, d.begin, c.campaign_id), (d.day, d.begin, c.number))
         HAVING (GROUPING(c.campaign_id) = 1 OR c.campaign_id IS NOT NULL)
            AND (GROUPING(c.number) = 1 OR c.number IS NOT NULL)",
    )
    .bind(sql(moment))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// The days between two moments, oldest first, of all calls or of a campaign. A day without calls is
/// left out.
pub async fn call_days(
    database: &TenantDatabase,
    campaign: Option<CampaignId>,
    from: WallTime,
    until: WallTime,
) -> Result<Vec<CallDay>> {
    let rows = sqlx::query(
        "SELECT bucket_start, total_calls::bigint, completed_calls::bigint, failed_calls::bigint,
                missed_calls::bigint, total_duration_seconds, billable_seconds, cost_micros
           FROM call_metrics
          WHERE metric_date >= ($1 AT TIME ZONE 'UTC')::date
            AND metric_date <= ($2 AT TIME ZONE 'UTC')::date AND granularity = 'day'
            AND campaign_id IS NOT DISTINCT FROM $3 AND direction IS NULL
            AND phone_number_id IS NULL
          ORDER BY bucket_start",
    )
    .bind(sql(from))
    .bind(sql(until))
    .bind(campaign.map(CampaignId::uuid))
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(CallDay {
            day: get(row, "bucket_start")?,
            total: get(row, "total_calls")?,
            completed: get(row, "completed_calls")?,
            failed: get(row, "failed_calls")?,
            missed: get(row, "missed_calls")?,
            duration: get(row, "total_duration_seconds")?,
            billable: get(row, "billable_seconds")?,
            cost: get(row, "cost_micros")?,
        })
    })
}
