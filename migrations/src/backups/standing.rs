//! How far back a loss of the server would throw us, and how fast we would be back.

use std::fmt;
use std::time::Duration;

use callplane_types::WallTime;
use chrono::{DateTime, Utc};
use sqlx::Row as _;

use crate::time::{wall, wall_opt};
use crate::{OperatorDatabase, Result};

/// What `platform.backup_runs` knows of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The time of the server, which the ages below are measured by.
    pub now: WallTime,
    /// The newest moment that is proven to be restorable: what came later would be lost.
    pub recovered_to: Option<WallTime>,
    /// End of the last full backup.
    pub last_full: Option<WallTime>,
    /// End of the last backup of either kind.
    pub last_incremental: Option<WallTime>,
    /// The last drill, whether it succeeded or not.
    pub last_drill: Option<LastDrill>,
}

/// The last restore that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastDrill {
    /// When it ended.
    pub finished_at: WallTime,
    /// How long it took until the restored server took a write; `None` when it did not.
    pub took: Option<Duration>,
}

/// From when on something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Age of the newest moment that can be restored: the recovery point objective.
    pub recovery_point: Duration,
    /// Age of the last full backup.
    pub full: Duration,
    /// Age of the last backup of either kind.
    pub incremental: Duration,
    /// Time of a restore: the recovery time objective.
    pub recovery_time: Duration,
    /// Age of the last drill.
    pub drill: Duration,
}

impl Default for Limits {
    /// 5 minutes, 25 hours, 65 minutes, 15 minutes, 35 days.
    fn default() -> Self {
        Self {
            recovery_point: Duration::from_secs(300),
            full: Duration::from_secs(25 * 3600),
            incremental: Duration::from_secs(65 * 60),
            recovery_time: Duration::from_secs(900),
            drill: Duration::from_secs(35 * 86_400),
        }
    }
}

/// Something that is wrong; its text says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// What was committed within this time would be lost; `None`: all of it.
    RecoveryPoint(Option<Duration>),
    /// Age of the last full backup.
    Full(Option<Duration>),
    /// Age of the last backup.
    Incremental(Option<Duration>),
    /// The last drill failed, or took this long.
    RecoveryTime(Option<Duration>),
    /// Age of the last drill.
    Drill(Option<Duration>),
}

impl Standing {
    /// What is beyond the limits; nothing when all is well.
    #[must_use]
    pub fn findings(&self, limits: &Limits) -> Vec<Finding> {
        let age = |since: Option<WallTime>| since.map(|since| self.now.saturating_since(since));
        let over =
            |age: Option<Duration>, limit: Duration, finding: fn(Option<Duration>) -> Finding| {
                age.is_none_or(|age| age > limit).then(|| finding(age))
            };
        let drilled = self.last_drill.map(|drill| drill.finished_at);
        let restored = self
            .last_drill
            .and_then(|drill| over(drill.took, limits.recovery_time, Finding::RecoveryTime));
        [
            over(
                age(self.recovered_to),
                limits.recovery_point,
                Finding::RecoveryPoint,
            ),
            over(age(self.last_full), limits.full, Finding::Full),
            over(
                age(self.last_incremental),
                limits.incremental,
                Finding::Incremental,
            ),
            restored,
            over(age(drilled), limits.drill, Finding::Drill),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecoveryPoint(Some(age)) => write!(
                f,
                "what was written in the last {} s would be lost: see whether `pgbackrest check` passes and `callplane-operator database backup record` runs every minute",
                age.as_secs()
            ),
            Self::RecoveryPoint(None) => write!(
                f,
                "nothing is proven to be restorable: set up pgBackRest and run `callplane-operator database backup record` every minute"
            ),
            Self::Full(Some(age)) => write!(
                f,
                "the last full backup ended {} s ago: see why `pgbackrest --type=full backup` does not run",
                age.as_secs()
            ),
            Self::Full(None) => write!(
                f,
                "there is no full backup: run `pgbackrest --type=full backup`"
            ),
            Self::Incremental(Some(age)) => write!(
                f,
                "the last backup ended {} s ago: see why `pgbackrest --type=incr backup` does not run",
                age.as_secs()
            ),
            Self::Incremental(None) => {
                write!(f, "there is no backup: run `pgbackrest --type=full backup`")
            }
            Self::RecoveryTime(Some(took)) => write!(
                f,
                "the last drill took {} s: raise process-max of the restore, or keep a standby",
                took.as_secs()
            ),
            Self::RecoveryTime(None) => write!(
                f,
                "the last drill restored nothing: read its output, repair, and run `drill.sh` again"
            ),
            Self::Drill(Some(age)) => write!(
                f,
                "the last drill was {} days ago: run `drill.sh`",
                age.as_secs() / 86_400
            ),
            Self::Drill(None) => write!(f, "no restore was ever tried: run `drill.sh`"),
        }
    }
}

/// Reads [`Standing`].
pub async fn standing(database: &OperatorDatabase) -> Result<Standing> {
    let row = sqlx::query(
        "WITH runs AS (
            SELECT * FROM platform.backup_runs WHERE database_cluster_id IS NULL
         ), drill AS (
            SELECT finished_at, restore_seconds, status FROM runs
             WHERE kind = 'drill' AND finished_at IS NOT NULL ORDER BY started_at DESC LIMIT 1
         )
         SELECT clock_timestamp() AS now,
                (SELECT max(recovered_to) FROM runs WHERE kind <> 'drill' AND status = 'succeeded') AS recovered_to,
                (SELECT max(finished_at) FROM runs WHERE kind = 'full' AND status = 'succeeded') AS last_full,
                (SELECT max(finished_at) FROM runs
                  WHERE kind IN ('full', 'incremental') AND status = 'succeeded') AS last_incremental,
                (SELECT finished_at FROM drill) AS drilled_at,
                (SELECT restore_seconds FROM drill WHERE status = 'succeeded') AS restore_seconds",
    )
    .fetch_one(database.pool())
    .await?;
    let took: Option<i32> = row.try_get("restore_seconds")?;
    let drilled_at: Option<DateTime<Utc>> = row.try_get("drilled_at")?;
    Ok(Standing {
        now: wall(row.try_get("now")?),
        recovered_to: wall_opt(row.try_get("recovered_to")?),
        last_full: wall_opt(row.try_get("last_full")?),
        last_incremental: wall_opt(row.try_get("last_incremental")?),
        last_drill: drilled_at.map(|finished_at| LastDrill {
            finished_at: wall(finished_at),
            took: took.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000;

    fn ago(seconds: i64) -> Option<WallTime> {
        Some(WallTime::from_unix_micros((NOW - seconds) * 1_000_000))
    }

    fn drill(seconds_ago: i64, took: Option<u64>) -> Option<LastDrill> {
        ago(seconds_ago).map(|finished_at| LastDrill {
            finished_at,
            took: took.map(Duration::from_secs),
        })
    }

    fn well() -> Standing {
        Standing {
            now: WallTime::from_unix_micros(NOW * 1_000_000),
            recovered_to: ago(300),
            last_full: ago(25 * 3600),
            last_incremental: ago(65 * 60),
            last_drill: drill(35 * 86_400, Some(900)),
        }
    }

    #[test]
    fn at_the_limits_all_is_well_and_a_second_later_nothing_is() {
        let limits = Limits::default();
        assert_eq!(well().findings(&limits), []);
        let later = Standing {
            now: well().now + Duration::from_secs(1),
            last_drill: drill(35 * 86_400, Some(901)),
            ..well()
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(
            later.findings(&limits),
            [
                Finding::RecoveryPoint(seconds(301)),
                Finding::Full(seconds(25 * 3600 + 1)),
                Finding::Incremental(seconds(65 * 60 + 1)),
                Finding::RecoveryTime(seconds(901)),
                Finding::Drill(seconds(35 * 86_400 + 1)),
            ]
        );
    }

    #[test]
    fn what_was_never_done_is_found_and_a_drill_that_failed_too() {
        let never = Standing {
            recovered_to: None,
            last_full: None,
            last_incremental: None,
            last_drill: None,
            ..well()
        };
        assert_eq!(
            never.findings(&Limits::default()),
            [
                Finding::RecoveryPoint(None),
                Finding::Full(None),
                Finding::Incremental(None),
                Finding::Drill(None),
            ]
        );
        let failed = Standing {
            last_drill: drill(60, None),
            ..well()
        };
        assert_eq!(
            failed.findings(&Limits::default()),
            [Finding::RecoveryTime(None)]
        );
    }
}
