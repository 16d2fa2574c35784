//! Files that PostgreSQL does not run in a transaction: `-- transaction: none` in their header.
//!
//! **Every statement of such a file may be repeated**, so a file that was interrupted, by whatever,
//! begins anew. An index that was interrupted is there and invalid; it is dropped and made again.
//!
//! An index of a partitioned table cannot be made concurrently by PostgreSQL, so it is made so for each
//! partition and then joined.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::apply::{LOCK_TIMEOUT, TRIES, failure, is_in_use, is_recorded, pause};
use super::statement::{Index, Statement};
use super::{File, Target, lock_session, record};
use crate::{OperatorDatabase, Result};

mod index;

/// An index that is made concurrently waits for transactions that began before it, and nobody waits
/// for it.
const CONCURRENT_LOCK_TIMEOUT: &str = "10min";

/// Applies such a file unless it is recorded; says whether it did.
pub(super) async fn apply(
    database: &OperatorDatabase,
    target: &Target,
    version: i32,
    file: &File,
) -> Result<bool> {
    // Its own session: the lock and the role are the session's, and end with it.
    let mut session = database.pool().acquire().await?.detach();
    let outcome = in_session(&mut session, target, version, file).await;
    let closed = session.close().await;
    let applied = outcome?;
    closed?;
    Ok(applied)
}

/// The same statements for a schema that nobody uses yet, in a transaction.
pub(super) fn in_transaction(sql: &str) -> Result<String> {
    let statements = Statement::all(sql)?;
    Ok(statements
        .iter()
        .map(|statement| match statement {
            Statement::CreateIndex(index) => index.plain(),
            Statement::DropIndex { name } => format!("DROP INDEX IF EXISTS {name};\n"),
            Statement::AddValue(sql) => format!("{sql};\n"),
        })
        .collect())
}

async fn in_session(
    session: &mut PgConnection,
    target: &Target,
    version: i32,
    file: &File,
) -> Result<bool> {
    lock_session(session, &target.schema).await?;
    let mut transaction = session.begin().await?;
    if let Some(fence) = &target.fence {
        fence.check(&mut transaction).await?;
    }
    if is_recorded(&mut transaction, target, version, file).await? {
        return Ok(false);
    }
    record::running(&mut transaction, target, version, file).await?;
    transaction.commit().await?;
    let begun = Instant::now();
    execute(session, target, file)
        .await
        .map_err(|error| failure(target, file, error))?;
    run(session, "RESET ROLE").await?;
    record::applied(session, target, version, file, begun.elapsed()).await?;
    Ok(true)
}

async fn execute(session: &mut PgConnection, target: &Target, file: &File) -> Result<()> {
    let statements = Statement::all(&target.fill(file.sql)?)?;
    run(session, "SET statement_timeout = 0").await?;
    run(session, &target.enter("SESSION")?).await?;
    for statement in statements {
        match statement {
            Statement::CreateIndex(index) => index::create(session, &index).await?,
            Statement::DropIndex { name } => {
                run(
                    session,
                    &format!("SET lock_timeout = '{CONCURRENT_LOCK_TIMEOUT}'"),
                )
                .await?;
                run(
                    session,
                    &format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"),
                )
                .await?;
            }
            Statement::AddValue(sql) => run(session, &sql).await?,
        }
    }
    Ok(())
}

/// Runs a statement that others wait behind, again and again while its table is in use.
async fn run_patiently(session: &mut PgConnection, sql: &str) -> Result<()> {
    run(session, &format!("SET lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    for tried in 0..TRIES {
        match run(session, sql).await {
            Err(error) if is_in_use(&error) && tried + 1 < TRIES => {
                tokio::time::sleep(pause(tried)).await;
            }
            outcome => return outcome,
        }
    }
    Ok(())
}

async fn run(session: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(session).await?;
    Ok(())
}
