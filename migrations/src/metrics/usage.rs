//! `usage_metrics`: what is billed, by day, resource and provider.

use callplane_types::{Micros, WallTime};

use crate::column::{each, get};
use crate::time::sql;
use crate::{Result, TenantDatabase};

/// A day of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// `telephony`, `stt` and the like.
    pub resource: String,
    /// Whom it is paid to; empty for ourselves.
    pub provider: String,
    /// What is counted.
    pub unit: String,
    /// How many, in millionths.
    pub quantity_micros: i64,
    /// What it cost.
    pub cost: Micros,
}

/// Adds up the costs of the calls that began on the day (UTC) of `moment`, replacing what was added up
/// before.
pub async fn roll_up_usage(database: &TenantDatabase, moment: WallTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO usage_metrics (metric_date, resource, provider, unit, quantity, cost_micros)
         SELECT d.day, k.component::text, k.provider, k.unit, sum(k.quantity), sum(k.amount_micros)
           FROM (SELECT b.day, b.day::timestamp AT TIME ZONE 'UTC' AS begin
                   FROM (SELECT ($1 AT TIME ZONE 'UTC')::date AS day) b) d
           JOIN calls c ON c.initiated_at >= d.begin AND c.initiated_at < d.begin + interval '1 day'
                AND c.id >= platform.uuid_v7_floor($1 - interval '2 days')
                AND c.id < platform.uuid_v7_floor($1 + interval '2 days')
           JOIN call_costs k ON k.call_id = c.id
          GROUP BY d.day, k.component, k.provider, k.unit
         ON CONFLICT ON CONSTRAINT usage_metrics_day DO UPDATE SET
                quantity = EXCLUDED.quantity, cost_micros = EXCLUDED.cost_micros",
    )
    .bind(sql(moment))
    .execute(database.pool())
    .await?;
    Ok(())
}

/// What was used on the day (UTC) of `moment`.
pub async fn usage_days(database: &TenantDatabase, moment: WallTime) -> Result<Vec<UsageDay>> {
    let rows = sqlx::query(
        "SELECT resource, provider, unit, (quantity * 1000000)::bigint AS quantity, cost_micros
           FROM usage_metrics WHERE metric_date = ($1 AT TIME ZONE 'UTC')::date
          ORDER BY resource, provider, unit",
    )
    .bind(sql(moment))
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(UsageDay {
            resource: get(row, "resource")?,
            provider: get(row, "provider")?,
            unit: get(row, "unit")?,
            quantity_micros: get(row, "quantity")?,
            cost: get(row, "cost_micros")?,
        })
    })
}
