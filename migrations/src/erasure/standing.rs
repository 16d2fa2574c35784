//! How far erasures are.

use callplane_types::{TenantId, WallTime};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::Done;
use crate::roles::schema_of;
use crate::time::{wall, wall_opt};
use crate::{OperatorDatabase, Result};

/// An erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which; `entity_id` of its receipt in `audit_logs`.
    pub erasure: Uuid,
    /// When it was asked for.
    pub requested_at: WallTime,
    /// When the rows were erased; `None` for one that was interrupted and is to be repeated.
    pub erased_at: Option<WallTime>,
    /// Its media nodes, by name.
    pub nodes: Vec<NodeStanding>,
}

/// What a media node has done for an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStanding {
    /// Its name.
    pub node: String,
    /// Its `platform.media_nodes.status`; `None` for one that is forgotten.
    pub status: Option<String>,
    /// When its disk had nothing of the person left.
    pub confirmed_at: Option<WallTime>,
    /// What it deleted and scrubbed.
    pub done: Done,
}

/// The erasures of a tenant, oldest first.
pub async fn standing(database: &OperatorDatabase, tenant: TenantId) -> Result<Vec<Standing>> {
    let mut connection = database.pool().acquire().await?;
    let schema = schema_of(&mut connection, tenant).await?;
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT e.id, e.called_before, e.erased_at, n.media_node, m.status, n.confirmed_at,
                n.recordings_deleted, n.records_scrubbed
           FROM \"{schema}\".erasures e
           LEFT JOIN \"{schema}\".erasure_nodes n ON n.erasure_id = e.id
           LEFT JOIN platform.media_nodes m ON m.tenant_id = $1 AND m.pod_name = n.media_node
          ORDER BY e.id, n.media_node"
    )))
    .bind(tenant.uuid())
    .fetch_all(&mut *connection)
    .await?;
    let mut standing: Vec<Standing> = Vec::new();
    for row in &rows {
        let erasure: Uuid = row.try_get("id")?;
        if standing.last().is_none_or(|last| last.erasure != erasure) {
            standing.push(Standing {
                erasure,
                requested_at: wall(row.try_get("called_before")?),
                erased_at: wall_opt(row.try_get("erased_at")?),
                nodes: Vec::new(),
            });
        }
        let Some(node) = row.try_get("media_node")? else {
            continue;
        };
        let count = |column: &str| -> Result<u32> {
            Ok(u32::try_from(row.try_get::<i32, _>(column)?).unwrap_or(0))
        };
        let node = NodeStanding {
            node,
            status: row.try_get("status")?,
            confirmed_at: wall_opt(row.try_get("confirmed_at")?),
            done: Done {
                recordings: count("recordings_deleted")?,
                records: count("records_scrubbed")?,
            },
        };
        if let Some(last) = standing.last_mut() {
            last.nodes.push(node);
        }
    }
    Ok(standing)
}
