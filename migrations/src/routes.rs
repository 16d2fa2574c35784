//! Routes: number to agent, as media nodes hold them in memory.

use callplane_types::{AgentId, E164, NumberId, TrunkId};
use sqlx::Row as _;
use uuid::Uuid;

use crate::{Error, Result, TenantDatabase};

/// What a number does. Numbers without an agent are part of the snapshot: calls to them are refused
/// with another answer than calls to numbers that are not the tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The number.
    pub number: E164,
    /// Its row.
    pub number_id: NumberId,
    /// Whether calls to it are taken.
    pub inbound: bool,
    /// Whether calls may show it.
    pub outbound: bool,
    /// The trunk it belongs to.
    pub trunk_id: Option<TrunkId>,
    /// Who answers, with the version to load by [`crate::agents::program`].
    pub agent: Option<RoutedAgent>,
}

/// The agent a route leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedAgent {
    /// Which.
    pub id: AgentId,
    /// `metadata.name` of the Agent.
    pub name: String,
    /// Its current version.
    pub version_id: Uuid,
}

/// All routes of the tenant. Read it after [`crate::notify::Changes::listen`] and at every
/// [`crate::notify::Change::Routes`].
pub async fn snapshot(database: &TenantDatabase) -> Result<Vec<Route>> {
    let rows = sqlx::query(
        "SELECT n.e164, n.id, n.inbound_enabled, n.outbound_enabled, n.trunk_id,
                a.id AS agent_id, coalesce(a.k8s_name, a.name) AS agent_name, a.current_version_id
           FROM phone_numbers n
           LEFT JOIN LATERAL (
                SELECT agent_id FROM number_routes
                 WHERE phone_number_id = n.id AND is_active AND agent_id IS NOT NULL
                 ORDER BY priority, id LIMIT 1) r ON true
           LEFT JOIN agents a ON a.id = coalesce(r.agent_id, n.agent_id)
                AND a.deleted_at IS NULL AND a.status = 'active'
                AND a.current_version_id IS NOT NULL
          WHERE n.deleted_at IS NULL AND n.status = 'active'
          ORDER BY n.e164",
    )
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            let agent = match row.try_get::<Option<Uuid>, _>("agent_id")? {
                Some(id) => Some(RoutedAgent {
                    id: AgentId::new(id),
                    name: row.try_get("agent_name")?,
                    version_id: row.try_get("current_version_id")?,
                }),
                None => None,
            };
            Ok(Route {
                number: row
                    .try_get::<String, _>("e164")?
                    .parse()
                    .map_err(|error| Error::invalid("number", error))?,
                number_id: NumberId::new(row.try_get("id")?),
                inbound: row.try_get("inbound_enabled")?,
                outbound: row.try_get("outbound_enabled")?,
                trunk_id: row
                    .try_get::<Option<Uuid>, _>("trunk_id")?
                    .map(TrunkId::new),
                agent,
            })
        })
        .collect()
}
