//! Rows that no month was made for.

use callplane_types::{TenantId, TenantName};
use sqlx::{AssertSqlSafe, Row as _};

use crate::{Error, OperatorDatabase, Result};

/// Rows of one tenant in DEFAULT partitions that belong into months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strays {
    /// Which.
    pub tenant: TenantId,
    /// `metadata.name`.
    pub name: TenantName,
    /// How many, counted up to 10,000.
    pub rows: i64,
}

/// Counting ends here.
pub(super) const MOST: i64 = 10_000;

/// Counts, for each tenant with calls by month, the rows in DEFAULT that are newer than the tenant's
/// first month of their table. A tenant without is there with 0, a small tenant is not.
pub async fn strays(database: &OperatorDatabase) -> Result<Vec<Strays>> {
    let tables = sqlx::query(
        "SELECT tenant.id, tenant.slug, t.key,
                format('%I.%I', n.nspname, d.relname) AS rest,
                (platform.month_bounds(first.month, t.by))[1] AS bound
           FROM platform.tenants tenant
           JOIN pg_namespace n ON n.nspname = tenant.schema_name
          CROSS JOIN LATERAL platform.partitioned_tables(n.oid) AS t
           JOIN pg_class d ON d.oid = t.rest
          CROSS JOIN LATERAL (
                SELECT min(to_date(right(p.relname, 6), 'YYYYMM')) AS month
                  FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
                 WHERE i.inhparent = t.name AND p.relname ~ '_[0-9]{6}$') AS first
          WHERE first.month IS NOT NULL AND EXISTS (
                SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
                 WHERE c.relnamespace = n.oid AND c.relname = 'calls'
                OFFSET 1)
          ORDER BY tenant.slug, d.relname",
    )
    .fetch_all(database.pool())
    .await?;
    let mut found: Vec<Strays> = Vec::new();
    for table in &tables {
        let tenant = TenantId::new(table.try_get("id")?);
        let (rest, key, bound): (String, String, String) = (
            table.try_get("rest")?,
            table.try_get("key")?,
            table.try_get("bound")?,
        );
        let rows: i64 = sqlx::query(AssertSqlSafe(format!(
            "SELECT count(*) FROM (SELECT FROM {rest} WHERE \"{key}\" >= '{bound}' LIMIT {MOST}) x"
        )))
        .fetch_one(database.pool())
        .await?
        .try_get(0)?;
        match found.last_mut().filter(|last| last.tenant == tenant) {
            Some(last) => last.rows = MOST.min(last.rows + rows),
            None => found.push(Strays {
                tenant,
                name: table
                    .try_get::<String, _>("slug")?
                    .parse()
                    .map_err(|error| Error::invalid("tenant name", error))?,
                rows,
            }),
        }
    }
    Ok(found)
}
