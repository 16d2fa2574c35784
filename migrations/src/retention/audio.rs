//! Recordings past the age of their class: which, and the mark of those whose audio is deleted.

use std::collections::HashMap;

use callplane_types::{CallId, TenantId, WallTime};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::policies;
use crate::roles::{RoleNames, schema_of};
use crate::time::sql;
use crate::{Error, Fence, OperatorDatabase, Result, TenantDatabase};

/// Rows that are read at once.
const PAGE: i64 = 500;

/// A row of `call_recordings` whose audio need not be kept any longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRecording {
    /// Of which call.
    pub call: Uuid,
    /// Which.
    pub id: Uuid,
    /// Where its audio is.
    pub url: String,
    /// How long the audio is, in octets.
    pub bytes: u64,
}

/// The recordings that are past the age of their class and past their own `retain_until` at `now`, are
/// under no legal hold and not deleted; the next ones after `after`, and none when there are no more.
pub async fn old_recordings(
    database: &OperatorDatabase,
    tenant: TenantId,
    now: WallTime,
    after: Option<&OldRecording>,
) -> Result<Vec<OldRecording>> {
    let mut connection = database.pool().acquire().await?;
    let schema = schema_of(&mut connection, tenant).await?;
    let policies = policies(&mut connection, tenant).await?;
    let Some(days) = policies.get("recording").and_then(|policy| policy.delete) else {
        return Ok(Vec::new());
    };
    let (call, id) = after.map_or((Uuid::nil(), Uuid::nil()), |last| (last.call, last.id));
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT call_id, id, object_url, coalesce(size_bytes, 0) AS bytes
           FROM \"{schema}\".call_recordings
          WHERE deleted_at IS NULL AND NOT legal_hold AND object_url IS NOT NULL
            AND created_at <= $1 - make_interval(days => $2)
            AND (retain_until IS NULL OR retain_until <= $1)
            AND (call_id, id) > ($3, $4)
          ORDER BY call_id, id LIMIT {PAGE}"
    )))
    .bind(sql(now))
    .bind(days)
    .bind(call)
    .bind(id)
    .fetch_all(&mut *connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OldRecording {
                call: row.try_get("call_id")?,
                id: row.try_get("id")?,
                url: row.try_get("object_url")?,
                bytes: u64::try_from(row.try_get::<i64, _>("bytes")?).unwrap_or(0),
            })
        })
        .collect()
}

/// Has the audio of a recording deleted by `delete` and marks the row, **unless it is under legal hold by
/// now: nobody puts it under one in between**. Whether it was deleted.
pub async fn delete_recording<E: From<Error>>(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    recording: &OldRecording,
    delete: impl AsyncFnOnce() -> Result<(), E>,
) -> Result<bool, E> {
    let mut transaction = database.begin(fence).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let act = RoleNames::of(&schema).act_as_owner("LOCAL");
    sqlx::raw_sql(AssertSqlSafe(act))
        .execute(&mut *transaction)
        .await
        .map_err(Error::from)?;
    let marked = sqlx::query(AssertSqlSafe(format!(
        "UPDATE \"{schema}\".call_recordings SET status = 'deleted', deleted_at = now()
          WHERE call_id = $1 AND id = $2 AND NOT legal_hold AND deleted_at IS NULL"
    )))
    .bind(recording.call)
    .bind(recording.id)
    .execute(&mut *transaction)
    .await
    .map_err(Error::from)?
    .rows_affected();
    if marked == 0 {
        return Ok(false);
    }
    delete().await?;
    transaction.commit().await.map_err(Error::from)?;
    Ok(true)
}

/// How many days a tenant's recordings are kept; `None` is for ever.
pub async fn recording_days(database: &TenantDatabase) -> Result<Option<u32>> {
    let row = sqlx::query("SELECT platform.recording_days()")
        .fetch_one(database.pool())
        .await?;
    let days: Option<i32> = row.try_get(0)?;
    Ok(days.map(|days| u32::try_from(days).unwrap_or(0)))
}

/// Of `calls`, those whose audio on the disk of a media node is to go: recordings that are past their age
/// and under no legal hold, or deleted already. Marks their rows. Of a call whose rows have left the
/// database, the month has to be past that age, as that of its archive, and past the `retain_until` of every
/// recording of the month.
pub async fn let_go(database: &TenantDatabase, calls: &[CallId]) -> Result<Vec<CallId>> {
    let calls: Vec<Uuid> = calls.iter().map(|call| call.uuid()).collect();
    let rows = sqlx::query(
        "WITH locked AS MATERIALIZED (
            SELECT call_id, id, legal_hold, deleted_at, retain_until, created_at
              FROM call_recordings WHERE call_id = ANY ($1) FOR UPDATE
         ), known AS (
            SELECT call_id,
                   bool_and(NOT legal_hold AND (deleted_at IS NOT NULL
                       OR (created_at + make_interval(days => platform.recording_days()) <= now()
                           AND (retain_until IS NULL OR retain_until <= now())))) AS may_go
              FROM locked GROUP BY call_id
         ), gone AS (
            SELECT asked.call_id
              FROM unnest($1) AS asked (call_id) LEFT JOIN known USING (call_id)
              CROSS JOIN LATERAL (SELECT platform.uuid_v7_month(asked.call_id) AS month) AS began
             WHERE coalesce(known.may_go,
                   began.month + interval '1 month'
                   + make_interval(days => platform.recording_days()) <= now()
                   AND coalesce(platform.audio_kept_until(began.month) <= now(), true))
         ), marked AS (
            UPDATE call_recordings r SET status = 'deleted', deleted_at = now()
              FROM gone WHERE r.call_id = gone.call_id AND r.deleted_at IS NULL
         )
         SELECT call_id FROM gone",
    )
    .bind(&calls)
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| Ok(CallId::new(row.try_get(0)?)))
        .collect()
}

/// Where the database says that the audio of `calls` is: `call_recordings.object_url`, of those whose record is
/// stored and whose audio is not deleted.
pub async fn kept_at(
    database: &TenantDatabase,
    calls: &[CallId],
) -> Result<HashMap<CallId, String>> {
    let calls: Vec<Uuid> = calls.iter().map(|call| call.uuid()).collect();
    let rows = sqlx::query(
        "SELECT call_id, object_url FROM call_recordings
          WHERE call_id = ANY ($1) AND deleted_at IS NULL AND object_url IS NOT NULL",
    )
    .bind(&calls)
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| Ok((CallId::new(row.try_get(0)?), row.try_get(1)?)))
        .collect()
}

/// Notes that the audio of a call is at `now_at` and not at `was_at` any more; whether it still was there, and
/// not deleted meanwhile.
pub async fn moved(
    database: &TenantDatabase,
    call: CallId,
    was_at: &str,
    now_at: &str,
) -> Result<bool> {
    let moved = sqlx::query(
        "UPDATE call_recordings SET object_url = $3
          WHERE call_id = $1 AND object_url = $2 AND deleted_at IS NULL",
    )
    .bind(call.uuid())
    .bind(was_at)
    .bind(now_at)
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(moved > 0)
}
