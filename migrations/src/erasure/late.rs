//! What comes after an erasure: records that are delivered later, disks of media nodes.

use std::borrow::Cow;
use std::collections::HashSet;

use callplane_types::{CallId, TenantId, WallTime};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::record::{Trace, scrub};
use crate::records::CallRecord;
use crate::time::{sql, sql_opt, wall};
use crate::{Result, TenantDatabase};

/// A row of `erasures`: who is not to turn up any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Which.
    pub id: Uuid,
    /// Calls that began earlier are concerned.
    pub called_before: WallTime,
    /// [`super::pseudonym`] of the person's numbers and addresses.
    pub subjects: HashSet<String>,
    /// Calls of the person.
    pub calls: HashSet<CallId>,
    /// Calls of the person that stay.
    pub held: HashSet<CallId>,
}

/// What a media node did for an erasure since it told the last time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Audio files that it deleted.
    pub recordings: u32,
    /// Call records in its spool that it took the person out of.
    pub records: u32,
}

const COLUMNS: &str = "e.id, e.called_before, e.subjects, e.calls, e.held";

/// The key of the lock that orders deliveries and erasures of a tenant.
pub(super) const LOCK: &str = "hashtextextended('callplane:erasure:' || $1::text, 0)";

/// The erasures that concern calls which began at `earliest` or later. **Until the transaction ends no
/// further erasure begins**: either its request is seen here, or it sees what is written here.
pub(crate) async fn late(
    connection: &mut PgConnection,
    tenant: TenantId,
    earliest: WallTime,
) -> Result<Vec<Erasure>> {
    // A statement of its own, before the one that reads: that one sees what was there when it began.
    //
    // Shorter than a node waits for an answer, here and for rows: what somebody holds is told as `Busy`, and
    // does not look like a database that is away.
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT set_config('lock_timeout', '1s', true), pg_advisory_xact_lock_shared({LOCK})"
    )))
    .bind(tenant.uuid())
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM erasures e WHERE e.called_before > $1"
    )))
    .bind(sql(earliest))
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

/// The records without what `erasures` ask for, and what each had of it.
pub(crate) fn scrubbed<'a>(
    erasures: &[Erasure],
    records: &[&'a CallRecord],
) -> Vec<(Cow<'a, CallRecord>, Trace)> {
    let each = records.iter().map(|&record| {
        if erasures.is_empty() {
            return (Cow::Borrowed(record), Trace::None);
        }
        let mut copy = record.clone();
        match scrub(erasures, &mut copy) {
            Trace::None => (Cow::Borrowed(record), Trace::None),
            trace => (Cow::Owned(copy), trace),
        }
    });
    each.collect()
}

/// The erasures that media node `node` has not confirmed, oldest first: those it was asked for by name, and
/// those that concern what lies on its disk, the oldest of which is of `oldest`.
pub async fn pending(
    database: &TenantDatabase,
    node: &str,
    oldest: Option<WallTime>,
) -> Result<Vec<Erasure>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM erasures e
           LEFT JOIN erasure_nodes n ON n.erasure_id = e.id AND n.media_node = $1
          WHERE e.erased_at IS NOT NULL AND n.confirmed_at IS NULL
            AND (n.id IS NOT NULL OR e.called_before > $2)
          ORDER BY e.id LIMIT 100"
    )))
    .bind(node)
    .bind(sql_opt(oldest))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(read).collect()
}

/// Notes what a media node did. With `confirmed`, that its disk has nothing of the person left and that no
/// call from before goes on; the tenant's audit trail says so too.
pub async fn tell(
    database: &TenantDatabase,
    erasure: Uuid,
    node: &str,
    done: Done,
    confirmed: bool,
) -> Result<()> {
    let Done {
        recordings,
        records,
    } = done;
    let [recordings, records] =
        [recordings, records].map(|count| i32::try_from(count).unwrap_or(i32::MAX));
    sqlx::query(
        "WITH told AS (
            INSERT INTO erasure_nodes AS n
                   (erasure_id, media_node, recordings_deleted, records_scrubbed, confirmed_at)
            VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END)
            ON CONFLICT (erasure_id, media_node) DO UPDATE
               SET recordings_deleted = n.recordings_deleted + excluded.recordings_deleted,
                   records_scrubbed = n.records_scrubbed + excluded.records_scrubbed,
                   confirmed_at = coalesce(n.confirmed_at, excluded.confirmed_at)
            RETURNING recordings_deleted, records_scrubbed
         )
         INSERT INTO audit_logs (actor_kind, actor_ref, action, entity_type, entity_id, after_values)
         SELECT 'media_node', $2, 'delete', 'person', $1::text,
                jsonb_build_object('kind', 'erasure', 'recordingsDeleted', recordings_deleted,
                                   'recordsScrubbed', records_scrubbed)
           FROM told WHERE $5",
    )
    .bind(erasure)
    .bind(node)
    .bind(recordings)
    .bind(records)
    .bind(confirmed)
    .execute(database.pool())
    .await?;
    Ok(())
}

fn read(row: &PgRow) -> Result<Erasure> {
    let calls = |column: &str| -> Result<HashSet<CallId>> {
        let ids: Vec<Uuid> = row.try_get(column)?;
        Ok(ids.into_iter().map(CallId::new).collect())
    };
    let subjects: Vec<String> = row.try_get("subjects")?;
    Ok(Erasure {
        id: row.try_get("id")?,
        called_before: wall(row.try_get("called_before")?),
        subjects: subjects.into_iter().collect(),
        calls: calls("calls")?,
        held: calls("held")?,
    })
}
