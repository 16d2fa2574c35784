//! The status of an Agent.

use callplane_crds::{Agent, AgentStatus};
use callplane_store::agents::AgentVersion;
use k8s_openapi::jiff::Timestamp;

use crate::controllers::projection::{Outcome, Standing, conditions};

/// The status that follows from `outcome`; `None` to leave it as it is.
pub(super) fn status(
    agent: &Agent,
    outcome: &Outcome<AgentVersion>,
    now: Timestamp,
) -> Option<AgentStatus> {
    let before = agent.status.clone().unwrap_or_default();
    let standing = Standing::new(
        agent,
        &before.conditions,
        before.observed_generation,
        before.agent_id.is_some() && !outcome.row_undone,
        now,
    );
    let conditions = conditions(standing, outcome.result.as_ref().map(|_| ()))?;
    let observed_generation = agent.metadata.generation;
    Some(match &outcome.result {
        Ok((tenant, applied)) => AgentStatus {
            observed_generation,
            tenant_id: Some(tenant.id.to_string()),
            agent_id: Some(applied.agent_id.to_string()),
            version: Some(applied.version),
            conditions,
        },
        Err(_) if !outcome.row_undone => AgentStatus {
            observed_generation,
            conditions,
            ..before
        },
        Err(_) => AgentStatus {
            observed_generation,
            conditions,
            ..AgentStatus::default()
        },
    })
}
