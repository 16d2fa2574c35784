//! Media nodes: registration, heartbeats, and closing what a lost node left open.
//!
//! A node is known by name and **epoch**: every start of a node is a new epoch, and what an older
//! epoch left open can only be closed, never continued. A node is lost when it has been silent for
//! [`LEASE`]. After an outage of the database everybody has been silent, so a node may judge
//! others only once it has itself been heard without a gap for that long.

use std::time::Duration;

use sqlx::Row as _;
use uuid::Uuid;

use crate::{Error, Result, TenantDatabase};

mod inventory;
mod sweep;

pub use inventory::{Forgotten, MediaNode, RETENTION, forget, list};
pub use sweep::{STRAY_AGE, Swept, close_strays, sweep};

/// How long a node may be silent before it is lost; `platform.media_node_lease()` is the same.
pub const LEASE: Duration = Duration::from_secs(15);

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
        "INSERT INTO platform.media_nodes
            (tenant_id, pod_name, namespace, pool_name, pod_uid, address, capacity_sessions, status)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'ready')
         ON CONFLICT (tenant_id, pod_name) DO UPDATE
            SET namespace = excluded.namespace, pool_name = excluded.pool_name,
                pod_uid = excluded.pod_uid, address = excluded.address,
                capacity_sessions = excluded.capacity_sessions, status = 'ready',
                active_sessions = 0, epoch = excluded.epoch,
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

/// Says that the node lives.
///
/// [`Error::Superseded`] means that another process has taken its name. [`Error::Unregistered`] means
/// that the database knows no such node: it was restored to a moment before the node began, or the
/// tenant has moved to another. [`register`] it again.
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
        return Err(unheard(database, node).await?);
    }
    Ok(())
}

/// Why a node is not the one that the database knows.
async fn unheard(database: &TenantDatabase, node: &NodeEpoch) -> Result<Error> {
    let newer =
        sqlx::query("SELECT 1 FROM platform.media_nodes WHERE pod_name = $1 AND epoch > $2")
            .bind(&node.name)
            .bind(node.epoch)
            .fetch_optional(database.pool())
            .await?;
    Ok(match newer {
        Some(_) => superseded(node),
        None => Error::Unregistered {
            name: node.name.clone(),
        },
    })
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

fn superseded(node: &NodeEpoch) -> Error {
    Error::Superseded {
        name: node.name.clone(),
        epoch: node.epoch,
    }
}
