//! The nodes of a tenant as the operator sees them.

use std::time::Duration;

use callplane_types::{TenantId, WallTime};
use sqlx::Row as _;
use uuid::Uuid;

use super::NodeEpoch;
use crate::time::wall;
use crate::{Fence, OperatorDatabase, Result};

/// How long the row of a node is kept that is not heard any more, for those who ask what happened.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// A row of `platform.media_nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaNode {
    /// Name and epoch.
    pub node: NodeEpoch,
    /// Name of the MediaPool.
    pub pool: String,
    /// `metadata.uid` of the pod that registered last, where it told it.
    pub pod_uid: Option<Uuid>,
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
    /// Whether it was heard within [`LEASE`](super::LEASE).
    pub alive: bool,
}

/// What [`forget`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows that say `lost` from now on.
    pub closed: u64,
    /// Rows that were removed.
    pub removed: u64,
}

/// Closes the rows of nodes whose pods are gone and that have been silent for four leases, and
/// removes those that have been silent for `retention` ([`RETENTION`]). `pods` are the pods that
/// the tenant has.
///
/// For a tenant whose last node died without a word: no node is left to
/// [`sweep`](super::sweep()). What such a node left open is closed by the next one that starts,
/// which needs no row for that.
pub async fn forget(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    pods: &[String],
    retention: Duration,
) -> Result<Forgotten> {
    let mut transaction = database.begin(fence).await?;
    // Everybody has been silent after an outage of the database: a pod that lives keeps its row.
    let removed = sqlx::query(
        "DELETE FROM platform.media_nodes
          WHERE tenant_id = $1 AND pod_name <> ALL ($2) AND last_heartbeat_at < now() - $3",
    )
    .bind(tenant.uuid())
    .bind(pods)
    .bind(retention)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    let closed = sqlx::query(
        "UPDATE platform.media_nodes SET status = 'lost', active_sessions = 0
          WHERE tenant_id = $1 AND pod_name <> ALL ($2) AND status NOT IN ('lost', 'gone')
            AND last_heartbeat_at < now() - 4 * platform.media_node_lease()",
    )
    .bind(tenant.uuid())
    .bind(pods)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(Forgotten { closed, removed })
}

/// The nodes of a tenant, for the operator: which are alive, and which is the idle one.
pub async fn list(database: &OperatorDatabase, tenant: TenantId) -> Result<Vec<MediaNode>> {
    let rows = sqlx::query(
        "SELECT pod_name, epoch, pool_name, pod_uid, address, capacity_sessions,
                active_sessions, status, last_heartbeat_at,
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
                pod_uid: row.try_get("pod_uid")?,
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
