//! What is due.

use callplane_types::{SchemaName, TenantId, WallTime};
use chrono::{Days, Months, NaiveDate};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::{By, FAMILIES, Family, Policies, Table, policies};
use crate::roles::schema_of;
use crate::{OperatorDatabase, Result, time};

/// A month of a family that is to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which tables.
    pub family: Family,
    /// The first day of the month (UTC).
    pub month: NaiveDate,
}

/// A month that would leave, were it not for recordings under legal hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The first day of the month (UTC).
    pub month: NaiveDate,
    /// How many recordings are held.
    pub recordings: i64,
}

/// What [`plan`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Oldest first within a family.
    pub due: Vec<Due>,
    /// What stays.
    pub held: Vec<Held>,
}

/// Finds the months of a tenant that are old enough to leave at `now`, and have rows. A month is as old
/// as its last moment.
pub async fn plan(database: &OperatorDatabase, tenant: TenantId, now: WallTime) -> Result<Plan> {
    let mut transaction = database.pool().begin().await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let policies = policies(&mut transaction, tenant).await?;
    let today = time::sql(now).date_naive();
    let mut plan = Plan::default();
    for family in FAMILIES {
        let head = family.head();
        let Some(leave) = leave(&mut transaction, &schema, head, &policies).await? else {
            continue;
        };
        let Some(mut month) = oldest(&mut transaction, &schema, family).await? else {
            continue;
        };
        let limit = today - Days::new(u64::from(leave.unsigned_abs()));
        while month + Months::new(1) <= limit {
            if has_rows(&mut transaction, &schema, family, month).await? {
                match held(&mut transaction, &schema, family, month).await? {
                    0 => plan.due.push(Due {
                        family: *family,
                        month,
                    }),
                    recordings => plan.held.push(Held { month, recordings }),
                }
            }
            month = month + Months::new(1);
        }
    }
    Ok(plan)
}

/// The age at which rows of the family leave: that of the class of its head. Deliveries of webhooks leave
/// a small tenant when they are no longer hot, for each of their months is a table.
async fn leave(
    connection: &mut PgConnection,
    schema: &SchemaName,
    head: &Table,
    policies: &Policies,
) -> Result<Option<i32>> {
    let policy = policies.get(&class(connection, schema, head.name).await?);
    if head.name == "webhook_deliveries" && !is_large(connection, schema).await? {
        return Ok(policy.map(|policy| policy.hot));
    }
    Ok(policy.and_then(|policy| policy.leave))
}

/// The retention class that the comment of a table names.
pub(super) async fn class(
    connection: &mut PgConnection,
    schema: &SchemaName,
    table: &str,
) -> Result<String> {
    let row = sqlx::query(
        "SELECT coalesce(substring(obj_description(c.oid, 'pg_class') FROM '^retention=([a-z]+)'), 'config')
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(schema.as_str())
    .bind(table)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

async fn is_large(connection: &mut PgConnection, schema: &SchemaName) -> Result<bool> {
    let row = sqlx::query(
        "SELECT count(*) > 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
           JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = 'calls'",
    )
    .bind(schema.as_str())
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// The oldest month of a family: a conversation of chat has no call.
async fn oldest(
    connection: &mut PgConnection,
    schema: &SchemaName,
    family: &Family,
) -> Result<Option<NaiveDate>> {
    let mut oldest: Option<NaiveDate> = None;
    for Table { name, key, by, .. } in family.tables {
        let month = match by {
            By::Id => format!("platform.uuid_v7_month({key})"),
            By::Time => format!("date_trunc('month', {key} AT TIME ZONE 'UTC')::date"),
            By::Date => format!("date_trunc('month', {key}::timestamp)::date"),
        };
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {month} FROM \"{schema}\".{name} ORDER BY {key} LIMIT 1"
        )))
        .fetch_optional(&mut *connection)
        .await?;
        let of_table = row.map(|row| row.try_get(0)).transpose()?;
        oldest = oldest.into_iter().chain(of_table).min();
    }
    Ok(oldest)
}

async fn has_rows(
    connection: &mut PgConnection,
    schema: &SchemaName,
    family: &Family,
    month: NaiveDate,
) -> Result<bool> {
    for table in family.tables {
        let condition = table.condition(&bounds(connection, table.by, month).await?);
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT EXISTS (SELECT FROM \"{schema}\".{} WHERE {condition})",
            table.name
        )))
        .fetch_one(&mut *connection)
        .await?;
        if row.try_get(0)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Recordings of the month under legal hold; none in families without recordings.
pub(super) async fn held(
    connection: &mut PgConnection,
    schema: &SchemaName,
    family: &Family,
    month: NaiveDate,
) -> Result<i64> {
    let Some(table) = family.recordings() else {
        return Ok(0);
    };
    let condition = table.condition(&bounds(connection, table.by, month).await?);
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT count(*) FROM \"{schema}\".call_recordings WHERE legal_hold AND {condition}"
    )))
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// The bounds of a month in a key.
pub(super) async fn bounds(
    connection: &mut PgConnection,
    by: By,
    month: NaiveDate,
) -> Result<[String; 2]> {
    let row = sqlx::query("SELECT b[1], b[2] FROM platform.month_bounds($1, $2) AS b")
        .bind(month)
        .bind(by.word())
        .fetch_one(connection)
        .await?;
    Ok([row.try_get(0)?, row.try_get(1)?])
}
