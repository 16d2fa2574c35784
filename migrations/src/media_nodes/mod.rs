//! Media nodes: registration, heartbeats, and closing what a lost node left open.
//!
//! A node is known by name and **epoch**: every start of a node is a new epoch, and what an older
//! epoch left open can only be closed, never continued. A node is lost when it has been silent for
//! [`LEASE`]. After an outage of the database everybody has been silent, so a node may judge
//! others only once it has itself been heard without a gap for that long.

use std::time::Duration;

use callplane_types::{CallId, TenantId, WallTime};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::time::wall;
use crate::{Error, Fence, OperatorDatabase, Result, TenantDatabase};

/// How long a node may be silent before it is lost; `platform.media_node_lease()` is the same.
pub const LEASE: Duration = Duration::from_secs(15);

/// How old something open must be before a node lets [`close_strays`] close it.
pub const STRAY_AGE: Duration = Duration::from_secs(10);

/// What a starting node says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Name of the pod; unique within the tenant.
    pub name: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the MediaPool.
    pub pool: String,
    /// `metadata.uid` of the pod where it is known.
    pub pod_uid: Option<Uuid>,
    /// Address that others reach its SIP port at.
    pub address: String,
    /// How many calls it carries at once.
    pub slots: u32,
}

/// A registered node: the name and the epoch it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeEpoch {
    /// Name of the pod.
    pub name: String,
    /// Which start of that name.
    pub epoch: i64,
}

/// What a node does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Calls it carries.
    pub active_calls: u32,
    /// Whether it takes no new ones.
    pub draining: bool,
}

/// A row of `platform.media_nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaNode {
    /// Name and epoch.
    pub node: NodeEpoch,
    /// Name of the MediaPool.
    pub pool: String,
    /// Where it is reached.
    pub address: Option<String>,
    /// How many calls it can carry.
    pub slots: u32,
    /// How many it carries.
    pub active_calls: u32,
    /// `starting`, `ready`, `draining`, `lost`, `gone`.
    pub status: String,
    /// When it was last heard.
    pub last_heartbeat_at: WallTime,
    /// Whether it was heard within [`LEASE`].
    pub alive: bool,
}

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

/// Registers a starting node and gives it the next epoch of its name.
pub async fn register(database: &TenantDatabase, node: &Registration) -> Result<NodeEpoch> {
    let Registration {
        name,
        namespace,
        pool,
        pod_uid,
        address,
        slots,
    } = node;
    let epoch = sqlx::query(
        "INSERT INTO platform.media_nodes AS n
            (tenant_id, pod_name, namespace, pool_name, pod_uid, address, capacity_sessions, status)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'ready')
         ON CONFLICT (tenant_id, pod_name) DO UPDATE
            SET namespace = excluded.namespace, pool_name = excluded.pool_name,
                pod_uid = excluded.pod_uid, address = excluded.address,
                capacity_sessions = excluded.capacity_sessions, status = 'ready',
                active_sessions = 0, epoch = n.epoch + 1,
                registered_at = now(), steady_since = now(), last_heartbeat_at = now()
         RETURNING epoch",
    )
    .bind(database.tenant().uuid())
    .bind(name)
    .bind(namespace)
    .bind(pool)
    .bind(pod_uid)
    .bind(address)
    .bind(i32::try_from(*slots).unwrap_or(i32::MAX))
    .fetch_one(database.pool())
    .await?
    .try_get(0)?;
    Ok(NodeEpoch {
        name: name.clone(),
        epoch,
    })
}

/// Says that the node lives. [`Error::Superseded`] means another process has taken its name.
pub async fn heartbeat(database: &TenantDatabase, node: &NodeEpoch, load: Load) -> Result<()> {
    let heard = sqlx::query(
        "UPDATE platform.media_nodes
            SET active_sessions = $3,
                status = CASE WHEN $4 THEN 'draining' ELSE 'ready' END,
                steady_since = CASE
                    WHEN last_heartbeat_at < now() - platform.media_node_lease() THEN now()
                    ELSE steady_since END,
                last_heartbeat_at = now()
          WHERE pod_name = $1 AND epoch = $2",
    )
    .bind(&node.name)
    .bind(node.epoch)
    .bind(i32::try_from(load.active_calls).unwrap_or(i32::MAX))
    .bind(load.draining)
    .execute(database.pool())
    .await?
    .rows_affected();
    if heard == 0 {
        return Err(superseded(node));
    }
    Ok(())
}

/// Says that the node has ended in order and left nothing open.
pub async fn leave(database: &TenantDatabase, node: &NodeEpoch) -> Result<()> {
    sqlx::query(
        "UPDATE platform.media_nodes SET status = 'gone', active_sessions = 0
          WHERE pod_name = $1 AND epoch = $2",
    )
    .bind(&node.name)
    .bind(node.epoch)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Closes what lost nodes of the tenant left open: calls end with `node_lost`, recipients that were
/// being dialled become `unknown` and are never dialled again, quota slots return.
///
/// Every node calls it after [`register`] (its own former epochs are lost for certain) and every
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

/// Forgets nodes of a tenant that have been lost or gone for `age`. Says how many.
pub async fn forget(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    age: Duration,
) -> Result<u64> {
    let mut transaction = database.begin(fence).await?;
    let forgotten = sqlx::query(
        "DELETE FROM platform.media_nodes
          WHERE tenant_id = $1 AND status IN ('lost', 'gone')
            AND last_heartbeat_at < now() - make_interval(secs => $2)",
    )
    .bind(tenant.uuid())
    .bind(age.as_secs_f64())
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(forgotten)
}

/// The nodes of a tenant, for the operator: which are alive, and which is the idle one.
pub async fn list(database: &OperatorDatabase, tenant: TenantId) -> Result<Vec<MediaNode>> {
    let rows = sqlx::query(
        "SELECT pod_name, epoch, pool_name, address, capacity_sessions, active_sessions, status,
                last_heartbeat_at,
                status NOT IN ('lost', 'gone')
                    AND last_heartbeat_at > now() - platform.media_node_lease() AS alive
           FROM platform.media_nodes WHERE tenant_id = $1 ORDER BY pod_name",
    )
    .bind(tenant.uuid())
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            let count = |column: i32| u32::try_from(column).unwrap_or(0);
            Ok(MediaNode {
                node: NodeEpoch {
                    name: row.try_get("pod_name")?,
                    epoch: row.try_get("epoch")?,
                },
                pool: row.try_get("pool_name")?,
                address: row.try_get("address")?,
                slots: count(row.try_get("capacity_sessions")?),
                active_calls: count(row.try_get("active_sessions")?),
                status: row.try_get("status")?,
                last_heartbeat_at: wall(row.try_get("last_heartbeat_at")?),
                alive: row.try_get("alive")?,
            })
        })
        .collect()
}

fn superseded(node: &NodeEpoch) -> Error {
    Error::Superseded {
        name: node.name.clone(),
        epoch: node.epoch,
    }
}
