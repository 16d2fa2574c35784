//! Takes over what the repositories hold.

use std::collections::BTreeMap;

use callplane_types::WallTime;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::WalFile;
use super::pgbackrest::{Backup, Info};
use crate::time::{sql, wall_opt};
use crate::{Error, OperatorDatabase, Result};

/// Names of the regions that repositories are in, by the number of the repository.
pub type Regions = BTreeMap<u32, String>;

/// What [`record`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Backups that were not known.
    pub backups: u64,
    /// The newest moment that is proven to be restorable.
    pub recovered_to: Option<WallTime>,
    /// The file of the log that is being written: once it is archived, this moment is proven too.
    pub writing: WalFile,
}

/// Notes what the repositories hold of the server that `database` is on, which must be the one that
/// takes writes. Call it every minute.
///
/// # Errors
/// [`Error::Invalid`] when `info` is of another server.
pub async fn record(
    database: &OperatorDatabase,
    info: &Info,
    regions: &Regions,
) -> Result<Recorded> {
    let mut transaction = database.pool().begin().await?;
    // Two at once would each note the same file.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('callplane:backups', 0))")
        .execute(&mut *transaction)
        .await?;
    same_server(&mut transaction, info).await?;
    let backups = insert_backups(&mut transaction, info, regions).await?;
    prove(&mut transaction, info).await?;
    let writing = mark(&mut transaction, &info.stanza).await?;
    thin_out(&mut transaction).await?;
    let recovered_to = sqlx::query(
        "SELECT max(recovered_to) FROM platform.backup_runs
          WHERE kind <> 'drill' AND status = 'succeeded' AND database_cluster_id IS NULL",
    )
    .fetch_one(&mut *transaction)
    .await?
    .try_get(0)?;
    transaction.commit().await?;
    Ok(Recorded {
        backups,
        recovered_to: wall_opt(recovered_to),
        writing,
    })
}

/// A stanza of another server would prove nothing.
async fn same_server(connection: &mut PgConnection, info: &Info) -> Result<()> {
    let ours: i64 = sqlx::query("SELECT system_identifier FROM pg_control_system()")
        .fetch_one(connection)
        .await?
        .try_get(0)?;
    match info.system {
        // PostgreSQL shows the 64 bits as a signed number.
        Some(theirs) if theirs == ours.cast_unsigned() => Ok(()),
        _ => Err(Error::invalid(
            "stanza",
            format!(
                "`{}` is not of the server of this database (system identifier {ours}); name the stanza of this server",
                info.stanza
            ),
        )),
    }
}

async fn insert_backups(
    connection: &mut PgConnection,
    info: &Info,
    regions: &Regions,
) -> Result<u64> {
    let kinds = info.backups.iter().map(|backup| backup.kind.as_str());
    let moments = |value: fn(&Backup) -> WallTime| {
        let moments = info.backups.iter().map(|backup| sql(value(backup)));
        moments.collect::<Vec<_>>()
    };
    let locations = info.backups.iter().map(|backup| {
        let Backup {
            repository, label, ..
        } = backup;
        format!("pgbackrest:{}/repo{repository}/{label}", info.stanza)
    });
    let regions = info
        .backups
        .iter()
        .map(|backup| regions.get(&backup.repository).cloned());
    let sizes = info.backups.iter().map(|backup| backup.size_bytes);
    let damaged = info.backups.iter().map(|backup| backup.damaged);
    Ok(sqlx::query(
        "INSERT INTO platform.backup_runs
                (kind, status, started_at, finished_at, recovered_to, location, region, size_bytes)
         SELECT kind::platform.backup_kind,
                CASE WHEN damaged THEN 'failed' ELSE 'succeeded' END::platform.backup_status,
                started_at, finished_at, CASE WHEN NOT damaged THEN finished_at END,
                location, region, size_bytes
           FROM unnest($1::text[], $2::bool[], $3::timestamptz[], $4::timestamptz[], $5::text[],
                       $6::text[], $7::bigint[])
             AS b(kind, damaged, started_at, finished_at, location, region, size_bytes)
         ON CONFLICT DO NOTHING",
    )
    .bind(kinds.collect::<Vec<_>>())
    .bind(damaged.collect::<Vec<_>>())
    .bind(moments(|backup| backup.started_at))
    .bind(moments(|backup| backup.finished_at))
    .bind(locations.collect::<Vec<_>>())
    .bind(regions.collect::<Vec<_>>())
    .bind(sizes.collect::<Vec<_>>())
    .execute(connection)
    .await?
    .rows_affected())
}

/// Ends the marks whose files are archived, with their moment as proven, and gives up those that
/// nothing has proven for a day. Nothing is proven while a repository lacks a backup to begin from.
async fn prove(connection: &mut PgConnection, info: &Info) -> Result<()> {
    let prefix = format!("pgbackrest:{}/", info.stanza);
    let marks = sqlx::query(
        "SELECT id, location FROM platform.backup_runs
          WHERE kind = 'wal' AND status = 'running' AND starts_with(location, $1)",
    )
    .bind(&prefix)
    .fetch_all(&mut *connection)
    .await?;
    let mut archived: Vec<Uuid> = Vec::new();
    for mark in marks {
        let location: &str = mark.try_get("location")?;
        let file: WalFile = location.trim_start_matches(&prefix).parse()?;
        if info.restorable && info.archived.is_some_and(|newest| newest.reaches(file)) {
            archived.push(mark.try_get("id")?);
        }
    }
    sqlx::query(
        "UPDATE platform.backup_runs
            SET status = CASE WHEN id = ANY ($1) THEN 'succeeded' ELSE 'failed' END::platform.backup_status,
                recovered_to = CASE WHEN id = ANY ($1) THEN started_at END,
                finished_at = now()
          WHERE kind = 'wal' AND status = 'running'
            AND (id = ANY ($1) OR started_at < now() - interval '1 day')",
    )
    .bind(archived)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes the file that is being written, and the moment: once for each file, the latest moment.
async fn mark(connection: &mut PgConnection, stanza: &str) -> Result<WalFile> {
    // The time first: what was committed before it has its place in the log by then.
    let row = sqlx::query("SELECT clock_timestamp() AS now")
        .fetch_one(&mut *connection)
        .await?;
    let now: DateTime<Utc> = row.try_get("now")?;
    let file: WalFile = sqlx::query("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        .fetch_one(&mut *connection)
        .await?
        .try_get::<String, _>(0)?
        .parse()?;
    let location = format!("pgbackrest:{stanza}/{file}");
    let known = sqlx::query(
        "UPDATE platform.backup_runs SET started_at = $2
          WHERE kind = 'wal' AND status = 'running' AND location = $1",
    )
    .bind(&location)
    .bind(now)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if known == 0 {
        sqlx::query(
            "INSERT INTO platform.backup_runs (kind, status, started_at, location)
             VALUES ('wal', 'running', $2, $1)",
        )
        .bind(&location)
        .bind(now)
        .execute(connection)
        .await?;
    }
    Ok(file)
}

/// Of the marks that were proven the last of each hour is kept.
async fn thin_out(connection: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "DELETE FROM platform.backup_runs b
          WHERE b.kind = 'wal' AND b.status = 'succeeded'
            AND b.started_at > now() - interval '2 days'
            AND EXISTS (
                SELECT FROM platform.backup_runs later
                 WHERE later.kind = 'wal' AND later.status = 'succeeded'
                   AND later.started_at > b.started_at
                   AND date_trunc('hour', later.started_at) = date_trunc('hour', b.started_at))",
    )
    .execute(connection)
    .await?;
    Ok(())
}
