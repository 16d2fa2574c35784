//! Which months a tenant lacks.

use callplane_types::SchemaName;
use chrono::NaiveDate;
use sqlx::{PgConnection, Row as _};

use super::Partitioning;
use crate::Result;

/// A table and the months that it lacks, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// Its name with the schema, quoted for SQL.
    pub(super) table: String,
    /// Its DEFAULT partition, likewise.
    pub(super) rest: String,
    /// Its partition key.
    pub(super) key: String,
    /// What it is partitioned by, as `platform.ensure_month` says it.
    pub(super) by: String,
    /// First days of the months.
    pub(super) months: Vec<NaiveDate>,
}

/// What is missing up to `ahead` months, that of `today` included: from the month after the newest that
/// a table has, so that months that were never made are found too. A table that gets its first months
/// begins with the next one, because the present one has begun in DEFAULT.
pub(super) async fn missing(
    connection: &mut PgConnection,
    schema: &SchemaName,
    partitioning: Partitioning,
    today: NaiveDate,
    ahead: u32,
) -> Result<Vec<Missing>> {
    let rows = sqlx::query(
        "WITH present AS (SELECT date_trunc('month', $2::date::timestamp) AS month)
         SELECT format('%I.%I', n.nspname, c.relname) AS name,
                format('%I.%I', n.nspname, d.relname) AS rest,
                quote_ident(t.key) AS key, t.by, array_agg(m.month::date ORDER BY m.month) AS months
           FROM platform.partitioned_tables(to_regnamespace(quote_ident($1))) AS t
           JOIN pg_class c ON c.oid = t.name
           JOIN pg_class d ON d.oid = t.rest
           JOIN pg_namespace n ON n.oid = c.relnamespace
          CROSS JOIN present
          CROSS JOIN LATERAL (
                SELECT max(to_date(right(p.relname, 6), 'YYYYMM'))::timestamp AS month
                  FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
                 WHERE i.inhparent = t.name AND p.relname ~ '_[0-9]{6}$') AS newest
          CROSS JOIN LATERAL generate_series(
                CASE WHEN newest.month IS NOT NULL THEN newest.month + interval '1 month'
                     WHEN t.always THEN present.month
                     ELSE present.month + interval '1 month' END,
                present.month + make_interval(months => $3 - 1),
                interval '1 month') AS m(month)
          WHERE t.always OR $4
          GROUP BY n.nspname, c.relname, d.relname, t.key, t.by
          ORDER BY c.relname",
    )
    .bind(schema.as_str())
    .bind(today)
    .bind(i32::try_from(ahead).unwrap_or(i32::MAX))
    .bind(partitioning == Partitioning::Month)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Missing {
                table: row.try_get("name")?,
                rest: row.try_get("rest")?,
                key: row.try_get("key")?,
                by: row.try_get("by")?,
                months: row.try_get("months")?,
            })
        })
        .collect()
}
