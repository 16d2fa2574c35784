//! One at a time in a schema.

use std::time::Duration;

use sqlx::{PgConnection, Row as _};
use tokio::time::Instant;

use crate::{Error, Result};

/// How long to wait for who is at work in the schema.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time between two attempts.
const BETWEEN: Duration = Duration::from_millis(20);

/// For locks on tables, set before the file's own.
const LOCK_TIMEOUT: &str = "5s";

/// Takes the lock of a schema until the transaction ends: **who migrates it, makes views over it or
/// moves its partitions holds it**, and no other.
///
/// [`Error::Locked`] after 5 s.
pub(crate) async fn lock(connection: &mut PgConnection, schema: &str) -> Result<()> {
    sqlx::query(
        "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', '0', true)",
    )
    .bind(LOCK_TIMEOUT)
    .execute(&mut *connection)
    .await?;
    take(
        connection,
        schema,
        "SELECT pg_try_advisory_xact_lock(hashtextextended('callplane:migrate:' || $1, 0))",
    )
    .await
}

/// [`lock`] until the session ends: for what cannot run in a transaction.
pub(super) async fn lock_session(connection: &mut PgConnection, schema: &str) -> Result<()> {
    take(
        connection,
        schema,
        "SELECT pg_try_advisory_lock(hashtextextended('callplane:migrate:' || $1, 0))",
    )
    .await
}

/// Asks again and again instead of waiting in the server: a statement that waits there has a snapshot,
/// and an index that is made concurrently waits for every snapshot. Each would wait for the other.
async fn take(connection: &mut PgConnection, schema: &str, attempt: &'static str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let taken: bool = sqlx::query(attempt)
            .bind(schema)
            .fetch_one(&mut *connection)
            .await?
            .try_get(0)?;
        if taken {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(Error::Locked {
                schema: schema.to_owned(),
            });
        }
        tokio::time::sleep(BETWEEN).await;
    }
}
