//! A restore that was tried.

use std::time::Duration;

use callplane_types::WallTime;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::BackupKind;
use crate::time::{sql, sql_opt, wall, wall_opt};
use crate::{Error, OperatorDatabase, Result};

/// What a drill showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// Where it was restored from: `pgbackrest:main`.
    pub location: String,
    /// When it began.
    pub started_at: WallTime,
    /// From the beginning until the restored server took a write.
    pub took: Duration,
    /// The moment that was restored; `None` when nothing was.
    pub recovered_to: Option<WallTime>,
}

impl Drill {
    /// Reads what `migrations/backup/drill.sh` prints.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is something else.
    pub fn parse(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Report {
            location: String,
            started_at: DateTime<Utc>,
            took_ms: u64,
            recovered_to: Option<DateTime<Utc>>,
        }
        let report: Report = serde_json::from_slice(json)
            .map_err(|error| Error::invalid("report of a drill", error))?;
        Ok(Self {
            location: report.location,
            started_at: wall(report.started_at),
            took: Duration::from_millis(report.took_ms),
            recovered_to: wall_opt(report.recovered_to),
        })
    }
}

/// Notes a drill; noting one again changes nothing. One that restored nothing has failed.
pub async fn record_drill(database: &OperatorDatabase, drill: &Drill) -> Result<()> {
    let Drill {
        location,
        started_at,
        took,
        recovered_to,
    } = drill;
    let status = if recovered_to.is_some() {
        "succeeded"
    } else {
        "failed"
    };
    // Started seconds: a drill of 899.5 s has not taken 899.
    let seconds = i32::try_from(took.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    sqlx::query(
        "INSERT INTO platform.backup_runs
                (kind, status, started_at, finished_at, recovered_to, restore_seconds, location)
         VALUES ($1::text::platform.backup_kind, $2::text::platform.backup_status, $3,
                 $3 + make_interval(secs => $4), $5, $4, $6)
         ON CONFLICT DO NOTHING",
    )
    .bind(BackupKind::Drill.as_str())
    .bind(status)
    .bind(sql(*started_at))
    .bind(seconds)
    .bind(sql_opt(*recovered_to))
    .bind(location)
    .execute(database.pool())
    .await?;
    Ok(())
}
