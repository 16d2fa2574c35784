//! Closing what lost nodes left open.

use std::time::Duration;

use callplane_types::CallId;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::NodeEpoch;
use crate::{Result, TenantDatabase};

/// How old something open must be before a node lets [`close_strays`] close it.
pub const STRAY_AGE: Duration = Duration::from_secs(10);

/// What [`sweep`] closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Calls that were closed with `node_lost`.
    pub calls: Vec<CallId>,
    /// Recipients whose attempt is `unknown` from now on.
    pub recipients: u64,
    /// Nodes that are marked lost.
    pub nodes: Vec<NodeEpoch>,
}

/// Closes what lost nodes of the tenant left open: calls end with `node_lost`, recipients that were
/// being dialled become `unknown` and are never dialled again, quota slots return.
///
/// Every node calls it after [`super::register`] (its own former epochs are lost for certain) and every
/// few seconds. Concurrent calls are harmless.
pub async fn sweep(database: &TenantDatabase, node: &NodeEpoch) -> Result<Swept> {
    let mut transaction = database.pool().begin().await?;
    // Decided once and under the lock of their rows: a node that is heard now is not lost, and one
    // that is heard later waits, so that no statement sees it come back half way.
    let suspects = lost_epochs(&mut transaction, node).await?;
    lock(&mut transaction, &suspects).await?;
    let mut lost = lost_epochs(&mut transaction, node).await?;
    lost.retain(|epoch| suspects.contains(epoch));
    let mut swept = Swept::default();
    if !lost.is_empty() {
        let names: Vec<&str> = lost.iter().map(|lost| lost.name.as_str()).collect();
        let epochs: Vec<i64> = lost.iter().map(|lost| lost.epoch).collect();
        // Call, recipient, quota: the order of `records::finish`, whose late record may come now.
        swept.calls = close_calls(&mut transaction, &names, &epochs).await?;
        swept.recipients = give_up_recipients(&mut transaction, &names, &epochs).await?;
        sqlx::query("SELECT platform.quota_forfeit($1, $2)")
            .bind(&names)
            .bind(&epochs)
            .execute(&mut *transaction)
            .await?;
        swept.nodes = mark_lost(&mut transaction, &names, &epochs).await?;
    }
    transaction.commit().await?;
    Ok(swept)
}

/// Closes what the database has open for this very start of `node` although the node does not carry
/// it: claims whose commit was never heard of because the connection broke under it, and calls that
/// were lost within the process.
///
/// `live` are the calls the node carries or has a record of. What is younger than `age` is left
/// alone: it may be on its way ([`STRAY_AGE`] is enough). A record that comes after all takes its word back, as after
/// [`sweep`].
pub async fn close_strays(
    database: &TenantDatabase,
    node: &NodeEpoch,
    live: &[CallId],
    age: Duration,
) -> Result<Swept> {
    let live: Vec<Uuid> = live.iter().map(|call| call.uuid()).collect();
    let mut transaction = database.pool().begin().await?;
    // The order of locks of `sweep`: call, recipient, quota.
    let calls = sqlx::query(
        "WITH closed AS (
            UPDATE calls
               SET status = 'failed', hangup_cause = 'node_lost', hangup_by = 'system',
                   status_reason = 'the media node does not know the call',
                   ended_at = greatest(now(), initiated_at)
             WHERE ended_at IS NULL AND media_node = $1 AND media_node_epoch = $2
               AND initiated_at < now() - $4 AND id <> ALL ($3)
            RETURNING id, agent_id
         ), logged AS (
            INSERT INTO call_events (call_id, event_type, to_status)
            SELECT id, 'node_lost', 'failed' FROM closed
         ), published AS (
            INSERT INTO events (event_type, subject_kind, subject_id, agent_id, payload)
            SELECT 'call.node_lost', 'call', id, agent_id, '{}' FROM closed
         )
         SELECT id FROM closed",
    )
    .bind(&node.name)
    .bind(node.epoch)
    .bind(&live)
    .bind(age)
    .fetch_all(&mut *transaction)
    .await?
    .iter()
    .map(|row| Ok(CallId::new(row.try_get(0)?)))
    .collect::<Result<Vec<CallId>>>()?;
    let recipients = sqlx::query(
        "UPDATE campaign_recipients
            SET status = 'failed', outcome = 'unknown', error_reason = 'node_lost',
                next_attempt_at = NULL
          WHERE status = 'dialing' AND dialing_node = $1 AND dialing_epoch = $2
            AND dialed_at < now() - $4 AND last_call_id <> ALL ($3)",
    )
    .bind(&node.name)
    .bind(node.epoch)
    .bind(&live)
    .bind(age)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    // Also slots without a call: of calls that have a record already, or never got a row.
    sqlx::query("SELECT platform.quota_release_strays($1, $2, $3, $4)")
        .bind(&node.name)
        .bind(node.epoch)
        .bind(&live)
        .bind(age)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Swept {
        calls,
        recipients,
        nodes: Vec::new(),
    })
}

/// Epochs that still have something open, or count as alive, and are lost.
async fn lost_epochs(connection: &mut PgConnection, node: &NodeEpoch) -> Result<Vec<NodeEpoch>> {
    let rows = sqlx::query(
        "WITH sweeper AS (
            SELECT pod_name, epoch,
                   steady_since <= now() - platform.media_node_lease() AS may_judge
              FROM platform.media_nodes WHERE pod_name = $1 AND epoch = $2
         ), open AS (
            SELECT media_node AS name, media_node_epoch AS epoch
              FROM calls WHERE ended_at IS NULL AND media_node_epoch IS NOT NULL
            UNION
            SELECT dialing_node, dialing_epoch
              FROM campaign_recipients WHERE status = 'dialing' AND dialing_epoch IS NOT NULL
            UNION
            SELECT media_node, media_node_epoch FROM platform.quota_holders()
            UNION
            SELECT pod_name, epoch FROM platform.media_nodes WHERE status NOT IN ('lost', 'gone')
         )
         SELECT open.name, open.epoch
           FROM open CROSS JOIN sweeper
          WHERE (open.name = sweeper.pod_name AND open.epoch < sweeper.epoch)
             OR (sweeper.may_judge
                 AND (open.name, open.epoch) <> (sweeper.pod_name, sweeper.epoch)
                 AND NOT EXISTS (
                    SELECT 1 FROM platform.media_nodes n
                     WHERE n.pod_name = open.name AND n.epoch = open.epoch
                       AND n.status NOT IN ('lost', 'gone')
                       AND n.last_heartbeat_at > now() - platform.media_node_lease()))",
    )
    .bind(&node.name)
    .bind(node.epoch)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(NodeEpoch {
                name: row.try_get(0)?,
                epoch: row.try_get(1)?,
            })
        })
        .collect()
}

/// Locks the rows of `nodes`, before any other row, as claims and heartbeats do.
async fn lock(connection: &mut PgConnection, nodes: &[NodeEpoch]) -> Result<()> {
    if nodes.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    sqlx::query(
        "SELECT FROM platform.media_nodes WHERE pod_name = ANY ($1) ORDER BY pod_name FOR UPDATE",
    )
    .bind(names)
    .execute(connection)
    .await?;
    Ok(())
}

async fn give_up_recipients(
    connection: &mut PgConnection,
    names: &[&str],
    epochs: &[i64],
) -> Result<u64> {
    Ok(sqlx::query(
        "UPDATE campaign_recipients r
            SET status = 'failed', outcome = 'unknown', error_reason = 'node_lost',
                next_attempt_at = NULL
           FROM unnest($1::text[], $2::bigint[]) AS lost(name, epoch)
          WHERE r.status = 'dialing'
            AND r.dialing_node = lost.name AND r.dialing_epoch = lost.epoch",
    )
    .bind(names)
    .bind(epochs)
    .execute(connection)
    .await?
    .rows_affected())
}

async fn close_calls(
    connection: &mut PgConnection,
    names: &[&str],
    epochs: &[i64],
) -> Result<Vec<CallId>> {
    let rows = sqlx::query(
        "WITH closed AS (
            UPDATE calls c
               SET status = 'failed', hangup_cause = 'node_lost', hangup_by = 'system',
                   status_reason = 'the media node was lost',
                   ended_at = greatest(now(), c.initiated_at)
              FROM unnest($1::text[], $2::bigint[]) AS lost(name, epoch)
             WHERE c.ended_at IS NULL
               AND c.media_node = lost.name AND c.media_node_epoch = lost.epoch
            RETURNING c.id, c.agent_id
         ), logged AS (
            INSERT INTO call_events (call_id, event_type, to_status)
            SELECT id, 'node_lost', 'failed' FROM closed
         ), published AS (
            INSERT INTO events (event_type, subject_kind, subject_id, agent_id, payload)
            SELECT 'call.node_lost', 'call', id, agent_id, '{}' FROM closed
         )
         SELECT id FROM closed",
    )
    .bind(names)
    .bind(epochs)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok(CallId::new(row.try_get(0)?)))
        .collect()
}

async fn mark_lost(
    connection: &mut PgConnection,
    names: &[&str],
    epochs: &[i64],
) -> Result<Vec<NodeEpoch>> {
    let rows = sqlx::query(
        "UPDATE platform.media_nodes n SET status = 'lost', active_sessions = 0
           FROM unnest($1::text[], $2::bigint[]) AS lost(name, epoch)
          WHERE n.pod_name = lost.name AND n.epoch = lost.epoch
            AND n.status NOT IN ('lost', 'gone')
         RETURNING n.pod_name, n.epoch",
    )
    .bind(names)
    .bind(epochs)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(NodeEpoch {
                name: row.try_get(0)?,
                epoch: row.try_get(1)?,
            })
        })
        .collect()
}
