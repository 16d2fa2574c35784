//! Figures and samples, which leave without a copy: what they were made from is archived.

use callplane_types::{TenantId, WallTime};
use sqlx::{AssertSqlSafe, PgConnection};

use super::policies;
use crate::roles::{RoleNames, schema_of};
use crate::{Fence, OperatorDatabase, Result, time};

/// Days that figures of minutes are kept.
const MINUTES: i32 = 7;

/// Rows that [`thin`] deleted, or would delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thinned {
    /// Figures by the minute or the hour, and by the day when they are past their age.
    pub figures: u64,
    /// Samples of voice quality.
    pub samples: u64,
}

/// Deletes figures by the minute after a week, by the hour and samples when the class `metrics` is no
/// longer hot, and the rest when it leaves. With `dry`, nothing is deleted.
pub async fn thin(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    now: WallTime,
    dry: bool,
) -> Result<Thinned> {
    let mut transaction = database.begin(fence).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let Some(policy) = policies(&mut transaction, tenant).await?.remove("metrics") else {
        return Ok(Thinned::default());
    };
    let act = RoleNames::of(&schema).act_as_owner("LOCAL");
    sqlx::raw_sql(AssertSqlSafe(format!(
        "{act}; SET LOCAL search_path = \"{schema}\", public;
         SET LOCAL statement_timeout = 0"
    )))
    .execute(&mut *transaction)
    .await?;
    let today = time::sql(now).date_naive();
    let older = |days: i32| format!("metric_date < '{today}'::date - {days}");
    let mut figures = vec![
        format!(
            "granularity = 'minute' AND {}",
            older(MINUTES.min(policy.hot))
        ),
        format!("granularity = 'hour' AND {}", older(policy.hot)),
    ];
    figures.extend(policy.leave.map(older));
    let mut thinned = Thinned::default();
    for condition in &figures {
        for table in ["call_metrics", "agent_metrics"] {
            thinned.figures += delete(&mut transaction, table, condition).await?;
        }
    }
    thinned.samples = delete(
        &mut transaction,
        "voice_quality_metrics",
        &older(policy.hot),
    )
    .await?;
    if dry {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok(thinned)
}

async fn delete(connection: &mut PgConnection, table: &str, condition: &str) -> Result<u64> {
    let sql = format!("DELETE FROM {table} WHERE {condition}");
    Ok(sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await?
        .rows_affected())
}
