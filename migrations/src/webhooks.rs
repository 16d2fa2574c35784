//! Webhooks, as the worker reads them. The operator writes them from the custom resource; what is
//! counted and paused here is how their deliveries went.

use callplane_types::AgentId;
use uuid::Uuid;

use crate::column::{each, get};
use crate::words::words;
use crate::{Result, TenantDatabase};

words! {
    /// `platform.webhook_status`.
    WebhookStatus {
        /// Gets events.
        Active = "active",
        /// Gets none until its resource changes.
        Paused = "paused",
        /// Was paused because nothing was ever taken.
        Failed = "failed",
    }
}

/// A row of `webhooks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Which.
    pub id: Uuid,
    /// Where events go.
    pub url: String,
    /// Types of events; empty is all.
    pub events: Vec<String>,
    /// Only events of this agent.
    pub agent: Option<AgentId>,
    /// Sealed key of the signature.
    pub secret_enc: Vec<u8>,
    /// Attempts after the first.
    pub max_retries: i32,
    /// Seconds before the second attempt; doubles with each.
    pub retry_backoff_seconds: i32,
    /// Whether it gets events.
    pub status: WebhookStatus,
}

/// The webhooks that want an event of a type, of an agent or none.
pub async fn wanting(
    database: &TenantDatabase,
    event_type: &str,
    agent: Option<AgentId>,
) -> Result<Vec<Webhook>> {
    let rows = sqlx::query(
        "SELECT id, url, events, agent_id, secret_enc, max_retries, retry_backoff_seconds,
                status::text
           FROM webhooks
          WHERE status = 'active' AND deleted_at IS NULL
            AND (events = '{}' OR $1 = ANY (events)) AND (agent_id IS NULL OR agent_id = $2)
          ORDER BY id",
    )
    .bind(event_type)
    .bind(agent.map(AgentId::uuid))
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Webhook {
            id: get(row, "id")?,
            url: get(row, "url")?,
            events: get(row, "events")?,
            agent: get(row, "agent_id")?,
            secret_enc: get(row, "secret_enc")?,
            max_retries: get(row, "max_retries")?,
            retry_backoff_seconds: get(row, "retry_backoff_seconds")?,
            status: get(row, "status")?,
        })
    })
}

/// Stops a webhook that takes nothing, or lets it go on.
pub async fn set_status(
    database: &TenantDatabase,
    webhook: Uuid,
    status: WebhookStatus,
) -> Result<()> {
    sqlx::query("UPDATE webhooks SET status = $2::text::platform.webhook_status WHERE id = $1")
        .bind(webhook)
        .bind(status.as_str())
        .execute(database.pool())
        .await?;
    Ok(())
}
