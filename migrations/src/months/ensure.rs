//! Making months.

use std::time::Duration;

use callplane_types::{TenantId, WallTime};
use chrono::{Days, NaiveDate};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _, Transaction};

use super::missing::{Missing, missing};
use super::{AHEAD, Partitioning};
use crate::roles::{RoleNames, schema_of};
use crate::{Error, Fence, OperatorDatabase, Result, time};

/// How long a table is waited for: calls queue behind us meanwhile. Far below PostgreSQL's
/// `deadlock_timeout` of a second: where a call and we wait for each other, we are who gives way.
pub(crate) const LOCK_TIMEOUT: &str = "400ms";
/// How often a table is tried again that somebody holds for longer.
pub(crate) const TRIES: u32 = 20;
/// How long writers have their way in between.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

/// Tries until nobody is in the way, [`TRIES`] times: calls have their way in between.
pub(crate) async fn patiently<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(Error::Busy(_)) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}
/// A month that begins later than this cannot have rows, whatever the clocks of media nodes say:
/// the identifier of a call is within a day of its time.
const CLOCKS_DIFFER: Days = Days::new(2);
/// Name of the constraint that proves DEFAULT to be empty from a month on.
const PROOF: &str = "callplane_before";

/// What [`ensure`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ensured {
    /// Partitions that were made.
    pub made: u64,
    /// Months of the call family that began in DEFAULT and stay there.
    pub in_default: u64,
}

/// Makes the months that a tenant lacks, from the month of `now` (UTC) on, each table in a
/// transaction of its own. Reads the catalogue and nothing else while none is missing.
///
/// A month that is late gets the rows that went to DEFAULT meanwhile, except in the call family, whose
/// month then ends where it began.
///
/// Safe to end at any point and to repeat. [`Error::Busy`] when a table is held by somebody else for
/// seconds; what was made stays.
pub async fn ensure(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    partitioning: Partitioning,
    now: WallTime,
) -> Result<Ensured> {
    let today = time::sql(now).date_naive();
    let mut connection = database.pool().acquire().await?;
    let schema = schema_of(&mut connection, tenant).await?;
    let tables = missing(&mut connection, &schema, partitioning, today, AHEAD).await?;
    drop(connection);
    let roles = RoleNames::of(&schema);
    let mut ensured = Ensured::default();
    for table in &tables {
        let mut tries = 1;
        let made = loop {
            match one(database, fence, &roles, table, today).await {
                Err(Error::Busy(_)) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => break outcome?,
            }
        };
        ensured.made += made;
        ensured.in_default += table.months.len() as u64 - made;
    }
    Ok(ensured)
}

/// The months of one table; says how many were made.
async fn one(
    database: &OperatorDatabase,
    fence: &Fence,
    roles: &RoleNames,
    table: &Missing,
    today: NaiveDate,
) -> Result<u64> {
    let Missing {
        table: name,
        rest,
        key,
        by,
        months,
    } = table;
    let first = months.first().copied().unwrap_or(today);
    // What an attempt that was interrupted left: it would refuse rows of the month once it comes.
    let mut transaction = begin(database, fence, roles).await?;
    run(
        &mut transaction,
        format!("ALTER TABLE {rest} DROP CONSTRAINT IF EXISTS {PROOF}"),
    )
    .await?;
    let proves = Some(first) > today.checked_add_days(CLOCKS_DIFFER);
    if proves {
        let bound: String = sqlx::query("SELECT quote_literal((platform.month_bounds($1, $2))[1])")
            .bind(first)
            .bind(by)
            .fetch_one(&mut *transaction)
            .await?
            .try_get(0)?;
        run(
            &mut transaction,
            format!("ALTER TABLE {rest} ADD CONSTRAINT {PROOF} CHECK ({key} < {bound}) NOT VALID"),
        )
        .await?;
    }
    transaction.commit().await?;
    if proves {
        // Reads the whole of DEFAULT while calls are written into it.
        let mut transaction = begin(database, fence, roles).await?;
        run(
            &mut transaction,
            format!(
                "SET LOCAL statement_timeout = 0; ALTER TABLE {rest} VALIDATE CONSTRAINT {PROOF}"
            ),
        )
        .await?;
        transaction.commit().await?;
    }
    let mut transaction = begin(database, fence, roles).await?;
    let made: i64 = sqlx::query(
        "SELECT count(*) FILTER (WHERE made) FROM (
            SELECT platform.ensure_month($1::regclass, month, $2) AS made
              FROM unnest($3::date[]) AS month) AS each",
    )
    .bind(name)
    .bind(by)
    .bind(months)
    .fetch_one(&mut *transaction)
    .await?
    .try_get(0)?;
    run(
        &mut transaction,
        format!("ALTER TABLE {rest} DROP CONSTRAINT IF EXISTS {PROOF}"),
    )
    .await?;
    transaction.commit().await?;
    Ok(made.unsigned_abs())
}

/// A transaction as the owner of the tables.
async fn begin(
    database: &OperatorDatabase,
    fence: &Fence,
    roles: &RoleNames,
) -> Result<Transaction<'static, Postgres>> {
    let mut transaction = database.begin(fence).await?;
    let act = roles.act_as_owner("LOCAL");
    run(
        &mut transaction,
        format!("{act}; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"),
    )
    .await?;
    Ok(transaction)
}

/// Statements of names that come quoted from the catalogue.
async fn run(connection: &mut PgConnection, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
