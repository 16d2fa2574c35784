//! What an agent names, each kind in a table of its own: `agent_flows`, `agent_knowledge_bases`.

use callplane_types::AgentId;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::{Error, Result};

/// What may be named, and the statements for it.
#[derive(Debug)]
pub(super) struct Link {
    kind: &'static str,
    /// The row of each name, in their order.
    find: &'static str,
    /// Takes away what is named no more.
    drop: &'static str,
    /// Adds what is named, by its place.
    add: &'static str,
}

pub(super) const FLOWS: Link = Link {
    kind: "flow",
    find: "SELECT f.id, wanted.name
             FROM unnest($2::text[]) WITH ORDINALITY AS wanted(name, position)
             LEFT JOIN flows f ON f.k8s_namespace IS NOT DISTINCT FROM $1
                  AND f.k8s_name = wanted.name AND f.deleted_at IS NULL
            ORDER BY wanted.position",
    drop: "DELETE FROM agent_flows WHERE agent_id = $1 AND flow_id <> ALL ($2)",
    add: "INSERT INTO agent_flows AS f (agent_id, flow_id, priority)
          SELECT $1, wanted.id, (wanted.position - 1)::integer
            FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted(id, position)
          ON CONFLICT (agent_id, flow_id) DO UPDATE SET priority = excluded.priority
           WHERE f.priority <> excluded.priority",
};

pub(super) const KNOWLEDGE_BASES: Link = Link {
    kind: "knowledge base",
    find: "SELECT b.id, wanted.name
             FROM unnest($2::text[]) WITH ORDINALITY AS wanted(name, position)
             LEFT JOIN knowledge_bases b ON b.k8s_namespace IS NOT DISTINCT FROM $1
                  AND b.k8s_name = wanted.name AND b.deleted_at IS NULL
            ORDER BY wanted.position",
    drop: "DELETE FROM agent_knowledge_bases
            WHERE agent_id = $1 AND knowledge_base_id <> ALL ($2)",
    add: "INSERT INTO agent_knowledge_bases AS k (agent_id, knowledge_base_id, priority)
          SELECT $1, wanted.id, (wanted.position - 1)::integer
            FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted(id, position)
          ON CONFLICT (agent_id, knowledge_base_id) DO UPDATE SET priority = excluded.priority
           WHERE k.priority <> excluded.priority",
};

/// Makes `names`, in this namespace and in this order, what `agent` is linked to. [`Error::NotFound`] when one is missing.
pub(super) async fn link(
    connection: &mut PgConnection,
    agent: AgentId,
    link: &Link,
    namespace: Option<&str>,
    names: &[String],
) -> Result<()> {
    let rows = sqlx::query(link.find)
        .bind(namespace)
        .bind(names)
        .fetch_all(&mut *connection)
        .await?;
    let found = rows
        .iter()
        .map(|row| match row.try_get::<Option<Uuid>, _>(0)? {
            Some(id) => Ok(id),
            None => Err(Error::NotFound {
                kind: link.kind,
                name: row.try_get(1)?,
            }),
        })
        .collect::<Result<Vec<Uuid>>>()?;
    for statement in [link.drop, link.add] {
        sqlx::query(statement)
            .bind(agent.uuid())
            .bind(&found)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
