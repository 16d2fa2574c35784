//! The rows of `platform.schema_migrations`.

use std::time::Duration;

use callplane_types::TenantId;
use sqlx::{PgConnection, Row as _};

use super::{File, Target, checksum_of};
use crate::{Error, OperatorDatabase, Result};

/// The checksum that `version` was applied with. The table itself comes with the first file of
/// `platform`.
pub(super) async fn applied_checksum(
    connection: &mut PgConnection,
    target: &Target,
    version: i32,
) -> Result<Option<Vec<u8>>> {
    if !exists(connection).await? {
        return Ok(None);
    }
    sqlx::query(
        "SELECT checksum FROM platform.schema_migrations
          WHERE tenant_id IS NOT DISTINCT FROM $1 AND version = $2
            AND status IN ('applied', 'marked_applied')",
    )
    .bind(target.tenant.map(TenantId::uuid))
    .bind(version)
    .fetch_optional(connection)
    .await?
    .map(|row| Ok(row.try_get(0)?))
    .transpose()
}

/// Whether nothing was ever begun in the schema: nobody uses it yet.
pub(super) async fn is_fresh(connection: &mut PgConnection, target: &Target) -> Result<bool> {
    if !exists(connection).await? {
        return Ok(true);
    }
    Ok(sqlx::query(
        "SELECT NOT EXISTS (SELECT FROM platform.schema_migrations
                             WHERE tenant_id IS NOT DISTINCT FROM $1)",
    )
    .bind(target.tenant.map(TenantId::uuid))
    .fetch_one(connection)
    .await?
    .try_get(0)?)
}

/// Records what the present transaction has applied.
pub(super) async fn applied(
    connection: &mut PgConnection,
    target: &Target,
    version: i32,
    file: &File,
    took: Duration,
) -> Result<()> {
    let took = i32::try_from(took.as_millis()).unwrap_or(i32::MAX);
    let state = State::Applied(took);
    write(connection, target, version, file, &state).await
}

/// Records what is begun outside a transaction, so that it is known when nobody lives to record its
/// end.
pub(super) async fn running(
    connection: &mut PgConnection,
    target: &Target,
    version: i32,
    file: &File,
) -> Result<()> {
    write(connection, target, version, file, &State::Running).await
}

/// Records why a file is not applied. What cannot be recorded is in the log and comes back with the
/// next attempt.
pub(super) async fn failed(
    database: &OperatorDatabase,
    target: &Target,
    version: i32,
    file: &File,
    error: &Error,
) {
    let state = State::Failed(told(error));
    let recorded = async {
        let mut connection = database.pool().acquire().await?;
        if exists(&mut connection).await? {
            write(&mut connection, target, version, file, &state).await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = recorded.await {
        tracing::warn!(
            schema = target.schema,
            migration.file = file.name,
            error = &error as &dyn std::error::Error,
            "Could not record that a migration failed"
        );
    }
}

enum State {
    Running,
    Failed(String),
    Applied(i32),
}

async fn write(
    connection: &mut PgConnection,
    target: &Target,
    version: i32,
    file: &File,
    state: &State,
) -> Result<()> {
    let (word, error, took) = match state {
        State::Running => ("running", None, None),
        State::Failed(why) => ("failed", Some(why), None),
        State::Applied(took) => ("applied", None, Some(took)),
    };
    sqlx::query(
        "INSERT INTO platform.schema_migrations AS m
                (tenant_id, version, name, checksum, status, error, execution_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id, version) DO UPDATE
            SET name = excluded.name, checksum = excluded.checksum, status = excluded.status,
                error = excluded.error, execution_ms = excluded.execution_ms, applied_at = now()
          WHERE m.status NOT IN ('applied', 'marked_applied')",
    )
    .bind(target.tenant.map(TenantId::uuid))
    .bind(version)
    .bind(file.name)
    .bind(checksum_of(file))
    .bind(word)
    .bind(error)
    .bind(took)
    .execute(connection)
    .await?;
    Ok(())
}

async fn exists(connection: &mut PgConnection) -> Result<bool> {
    Ok(
        sqlx::query("SELECT to_regclass('platform.schema_migrations') IS NOT NULL")
            .fetch_one(connection)
            .await?
            .try_get(0)?,
    )
}

/// An error and its causes in one line; [`super::failure`] has taken out what a row holds.
fn told(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    // The row names schema and file.
    if let Error::Migration { source, .. } = error {
        cause = source.as_ref();
    }
    let mut text = cause.to_string();
    while let Some(next) = cause.source() {
        text = format!("{text}: {next}");
        cause = next;
    }
    text
}
