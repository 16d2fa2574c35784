//! Flows and their immutable versions, with the graph both as a document and as rows.

use std::collections::BTreeMap;

use callplane_types::{FlowId, TenantId};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::object::{adopt, owned, take_over};
use crate::words::words;
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result};

words! {
    /// `platform.flow_kind`: the form it was written in.
    FlowKind {
        /// A conversation path: nodes and edges.
        Conversation = "conversation",
        /// Call routing.
        Routing = "routing",
        /// A menu tree.
        Ivr = "ivr",
        /// An objective graph.
        Objective = "objective",
    }
}

/// A node of the graph, for `flow_nodes`.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowNode {
    /// Its key in the graph.
    pub key: String,
    /// `say`, `collect`, `menu`, `branch`, `set`, `transfer`, `hangup`.
    pub kind: String,
    /// Name for people.
    pub label: Option<String>,
    /// The node as written.
    pub config: serde_json::Value,
}

/// An edge of the graph, for `flow_edges`.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowEdge {
    /// Unique in the graph.
    pub key: String,
    /// Key of the node it leaves.
    pub source: String,
    /// Key of the node it enters.
    pub target: String,
    /// When it is taken; `None` for always.
    pub condition: Option<serde_json::Value>,
    /// Lower is tried first.
    pub priority: i32,
}

/// A checked Flow.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowSpec {
    /// The custom resource.
    pub object: ObjectRef,
    /// Hash of the graph; a new hash is a new version.
    pub spec_hash: String,
    /// The form it was written in.
    pub kind: FlowKind,
    /// Version of that form.
    pub schema_version: String,
    /// The graph as written.
    pub graph: serde_json::Value,
    /// Its nodes after conversion.
    pub nodes: Vec<FlowNode>,
    /// Its edges after conversion.
    pub edges: Vec<FlowEdge>,
}

/// A version that was written or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowVersion {
    /// The flow.
    pub flow_id: FlowId,
    /// `flow_versions.id`.
    pub version_id: Uuid,
    /// Number of the version, from 1.
    pub version: i32,
}

/// Writes a Flow and makes the version of its graph the active one. Agents take it in when they are
/// compiled again.
pub async fn project(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    spec: &FlowSpec,
) -> Result<FlowVersion> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let flow_id = upsert(&mut transaction, spec).await?;
    let version = match find_version(&mut transaction, flow_id, &spec.spec_hash).await? {
        Some(version) => version,
        None => add_version(&mut transaction, flow_id, spec).await?,
    };
    activate(&mut transaction, &version).await?;
    transaction.commit().await?;
    Ok(version)
}

/// Hides the flow that `uid` projected. Agents that were compiled with it keep it. Says whether
/// there was one.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<bool> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let rows = sqlx::query(
        "UPDATE flows SET status = 'archived', deleted_at = now(), k8s_uid = NULL
          WHERE k8s_uid = $1 AND deleted_at IS NULL",
    )
    .bind(uid)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(rows > 0)
}

async fn upsert(connection: &mut PgConnection, spec: &FlowSpec) -> Result<FlowId> {
    take_over(
        connection,
        adopt!("flows", "deleted_at IS NULL"),
        &spec.object,
    )
    .await?;
    let written = sqlx::query(
        "INSERT INTO flows AS f (k8s_namespace, k8s_name, k8s_uid, k8s_generation, spec_hash,
                synced_at, kind, name)
         VALUES ($1, $2, $3, $4, $5, now(), $6::text::platform.flow_kind, $7)
         ON CONFLICT (k8s_uid) DO UPDATE
            SET k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = excluded.synced_at, kind = excluded.kind
          WHERE f.spec_hash IS DISTINCT FROM excluded.spec_hash
         RETURNING id",
    )
    .bind(&spec.object.namespace)
    .bind(&spec.object.name)
    .bind(spec.object.uid)
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .bind(spec.kind.as_str())
    .bind(spec.object.path())
    .fetch_optional(&mut *connection)
    .await;
    let row = owned("flow", &spec.object, written)?;
    let row = match row {
        Some(row) => row,
        None => {
            sqlx::query("SELECT id FROM flows WHERE k8s_uid = $1")
                .bind(spec.object.uid)
                .fetch_one(connection)
                .await?
        }
    };
    Ok(FlowId::new(row.try_get(0)?))
}

async fn find_version(
    connection: &mut PgConnection,
    flow_id: FlowId,
    checksum: &str,
) -> Result<Option<FlowVersion>> {
    sqlx::query("SELECT id, version FROM flow_versions WHERE flow_id = $1 AND checksum = $2")
        .bind(flow_id.uuid())
        .bind(checksum)
        .fetch_optional(connection)
        .await?
        .map(|row| {
            Ok(FlowVersion {
                flow_id,
                version_id: row.try_get(0)?,
                version: row.try_get(1)?,
            })
        })
        .transpose()
}

async fn add_version(
    connection: &mut PgConnection,
    flow_id: FlowId,
    spec: &FlowSpec,
) -> Result<FlowVersion> {
    let row = sqlx::query(
        "INSERT INTO flow_versions (flow_id, version, status, schema_version, graph, checksum,
                published_at)
         SELECT $1, 1 + coalesce(max(version), 0), 'published', $2, $3, $4, now()
           FROM flow_versions WHERE flow_id = $1
         RETURNING id, version",
    )
    .bind(flow_id.uuid())
    .bind(&spec.schema_version)
    .bind(&spec.graph)
    .bind(&spec.spec_hash)
    .fetch_one(&mut *connection)
    .await?;
    let version = FlowVersion {
        flow_id,
        version_id: row.try_get(0)?,
        version: row.try_get(1)?,
    };
    let nodes = insert_nodes(connection, version.version_id, &spec.nodes).await?;
    insert_edges(connection, version.version_id, &nodes, &spec.edges).await?;
    Ok(version)
}

async fn insert_nodes<'a>(
    connection: &mut PgConnection,
    version: Uuid,
    nodes: &'a [FlowNode],
) -> Result<BTreeMap<&'a str, Uuid>> {
    let ids: BTreeMap<&str, Uuid> = nodes
        .iter()
        .map(|node| (node.key.as_str(), Uuid::now_v7()))
        .collect();
    for node in nodes {
        sqlx::query(
            "INSERT INTO flow_nodes (id, flow_version_id, node_key, type, label, config)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(ids.get(node.key.as_str()))
        .bind(version)
        .bind(&node.key)
        .bind(&node.kind)
        .bind(&node.label)
        .bind(&node.config)
        .execute(&mut *connection)
        .await?;
    }
    Ok(ids)
}

async fn insert_edges(
    connection: &mut PgConnection,
    version: Uuid,
    nodes: &BTreeMap<&str, Uuid>,
    edges: &[FlowEdge],
) -> Result<()> {
    let node = |key: &str| {
        nodes
            .get(key)
            .ok_or_else(|| Error::invalid("flow edge", format!("there is no node `{key}`")))
    };
    for edge in edges {
        sqlx::query(
            "INSERT INTO flow_edges (flow_version_id, edge_key, source_node_id, target_node_id,
                    condition, priority)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(version)
        .bind(&edge.key)
        .bind(node(&edge.source)?)
        .bind(node(&edge.target)?)
        .bind(&edge.condition)
        .bind(edge.priority)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn activate(connection: &mut PgConnection, version: &FlowVersion) -> Result<()> {
    // Two statements: at no moment may two versions be active.
    sqlx::query(
        "UPDATE flow_versions SET is_active = false
          WHERE flow_id = $1 AND is_active AND id <> $2",
    )
    .bind(version.flow_id.uuid())
    .bind(version.version_id)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE flow_versions SET is_active = true WHERE id = $1 AND NOT is_active")
        .bind(version.version_id)
        .execute(connection)
        .await?;
    Ok(())
}
