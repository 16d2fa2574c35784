//! Agents and their immutable versions.
//!
//! A version holds the compiled `Program`. A live call keeps the version it began with; the agent's
//! row says which one the next call gets.

mod link;

use callplane_types::{AgentId, TenantId};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::notify::{self, notify};
use crate::object::{adopt, owned, take_over};
use crate::routes::RoutedAgent;
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result, TenantDatabase};

/// A resolved and compiled Agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentSpec {
    /// The custom resource.
    pub object: ObjectRef,
    /// Hash of the resolved spec and the Program; the same hash is the same version.
    pub spec_hash: String,
    /// Name for people.
    pub display_name: String,
    /// The prompt.
    pub prompt: Option<String>,
    /// What it says first.
    pub first_sentence: Option<String>,
    /// Calls at once; `None` for no limit of its own.
    pub max_concurrent_calls: Option<u32>,
    /// `metadata.name` of the Flows in the same namespace, first one first.
    pub flows: Vec<String>,
    /// `metadata.name` of the KnowledgeBases in the same namespace, first one first.
    pub knowledge_bases: Vec<String>,
    /// The whole resolved spec.
    pub spec: serde_json::Value,
    /// The compiled `callplane_flow::Program`, serialised.
    pub program: serde_json::Value,
}

/// A version that was written or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentVersion {
    /// The agent.
    pub agent_id: AgentId,
    /// `agent_versions.id`.
    pub version_id: Uuid,
    /// Number of the version, from 1.
    pub version: i32,
}

/// A Program and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProgram {
    /// The version.
    pub version: AgentVersion,
    /// `metadata.name` of the Agent.
    pub agent_name: String,
    /// The compiled `callplane_flow::Program`, serialised.
    pub program: serde_json::Value,
}

/// Writes an Agent, adds a version when its hash is new, makes that version current, and tells the
/// nodes. [`Error::NotFound`] when a flow or a knowledge base is missing.
pub async fn project(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    spec: &AgentSpec,
) -> Result<AgentVersion> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let agent_id = upsert(&mut transaction, spec).await?;
    let version = add_version(&mut transaction, agent_id, spec).await?;
    let namespace = spec.object.namespace.as_deref();
    for (link, names) in [
        (&link::FLOWS, &spec.flows),
        (&link::KNOWLEDGE_BASES, &spec.knowledge_bases),
    ] {
        link::link(&mut transaction, agent_id, link, namespace, names).await?;
    }
    let changed = sqlx::query(
        "UPDATE agents SET current_version_id = $2
          WHERE id = $1 AND current_version_id IS DISTINCT FROM $2",
    )
    .bind(agent_id.uuid())
    .bind(version.version_id)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if changed > 0 {
        notify(&mut transaction, notify::ROUTES, tenant).await?;
        notify(&mut transaction, notify::CAMPAIGNS, tenant).await?;
    }
    transaction.commit().await?;
    Ok(version)
}

/// Hides the agent that `uid` projected: numbers and campaigns that lead to it lead nowhere. Its
/// versions and calls stay. Says whether there was one.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<bool> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let rows = sqlx::query(
        "UPDATE agents SET status = 'inactive', deleted_at = now(), k8s_uid = NULL
          WHERE k8s_uid = $1 AND deleted_at IS NULL",
    )
    .bind(uid)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    notify(&mut transaction, notify::ROUTES, tenant).await?;
    notify(&mut transaction, notify::CAMPAIGNS, tenant).await?;
    transaction.commit().await?;
    Ok(rows > 0)
}

/// The agents that can talk, each with its current version, in the order of their names.
pub async fn current(database: &TenantDatabase) -> Result<Vec<RoutedAgent>> {
    let rows = sqlx::query(
        "SELECT id, coalesce(k8s_name, name) AS name, current_version_id FROM agents
          WHERE deleted_at IS NULL AND status = 'active' AND current_version_id IS NOT NULL
          ORDER BY 2",
    )
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(RoutedAgent {
                id: AgentId::new(row.try_get("id")?),
                name: row.try_get("name")?,
                version_id: row.try_get("current_version_id")?,
            })
        })
        .collect()
}

/// The Program of a version. Versions never change: keep what was read.
pub async fn program(database: &TenantDatabase, version_id: Uuid) -> Result<StoredProgram> {
    let row = sqlx::query(
        "SELECT v.agent_id, v.id, v.version, v.program, coalesce(a.k8s_name, a.name) AS name
           FROM agent_versions v JOIN agents a ON a.id = v.agent_id WHERE v.id = $1",
    )
    .bind(version_id)
    .fetch_optional(database.pool())
    .await?
    .ok_or_else(|| Error::NotFound {
        kind: "agent version",
        name: version_id.to_string(),
    })?;
    Ok(StoredProgram {
        version: AgentVersion {
            agent_id: AgentId::new(row.try_get("agent_id")?),
            version_id: row.try_get("id")?,
            version: row.try_get("version")?,
        },
        agent_name: row.try_get("name")?,
        program: row.try_get("program")?,
    })
}

async fn upsert(connection: &mut PgConnection, spec: &AgentSpec) -> Result<AgentId> {
    take_over(
        connection,
        adopt!("agents", "deleted_at IS NULL"),
        &spec.object,
    )
    .await?;
    let written = sqlx::query(
        "INSERT INTO agents AS a (k8s_namespace, k8s_name, k8s_uid, k8s_generation, spec_hash,
                synced_at, name, prompt, first_sentence, max_concurrent_calls, caller_type)
         VALUES ($1, $2, $3, $4, $5, now(), $6, $7, $8, $9, 'both')
         ON CONFLICT (k8s_uid) DO UPDATE
            SET k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = excluded.synced_at, name = excluded.name, prompt = excluded.prompt,
                first_sentence = excluded.first_sentence,
                max_concurrent_calls = excluded.max_concurrent_calls
          WHERE a.spec_hash IS DISTINCT FROM excluded.spec_hash
         RETURNING id",
    )
    .bind(&spec.object.namespace)
    .bind(&spec.object.name)
    .bind(spec.object.uid)
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .bind(&spec.display_name)
    .bind(&spec.prompt)
    .bind(&spec.first_sentence)
    .bind(
        spec.max_concurrent_calls
            .map(|max| i32::try_from(max).unwrap_or(i32::MAX)),
    )
    .fetch_optional(&mut *connection)
    .await;
    let row = owned("agent", &spec.object, written)?;
    let row = match row {
        Some(row) => row,
        None => {
            sqlx::query("SELECT id FROM agents WHERE k8s_uid = $1")
                .bind(spec.object.uid)
                .fetch_one(connection)
                .await?
        }
    };
    Ok(AgentId::new(row.try_get(0)?))
}

/// Finds the version of this hash, or adds it with the next number.
async fn add_version(
    connection: &mut PgConnection,
    agent: AgentId,
    spec: &AgentSpec,
) -> Result<AgentVersion> {
    sqlx::query(
        "INSERT INTO agent_versions (agent_id, version, k8s_generation, spec_hash, spec, program)
         SELECT $1, 1 + coalesce(max(version), 0), $2, $3, $4, $5
           FROM agent_versions WHERE agent_id = $1
         ON CONFLICT (agent_id, spec_hash) DO NOTHING",
    )
    .bind(agent.uuid())
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .bind(&spec.spec)
    .bind(&spec.program)
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query(
        "SELECT id, version FROM agent_versions WHERE agent_id = $1 AND spec_hash = $2",
    )
    .bind(agent.uuid())
    .bind(&spec.spec_hash)
    .fetch_one(connection)
    .await?;
    Ok(AgentVersion {
        agent_id: agent,
        version_id: row.try_get(0)?,
        version: row.try_get(1)?,
    })
}
