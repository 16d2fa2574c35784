//! `billing_events`: what happened to an account, numbered without gaps.

use callplane_types::WallTime;
use sqlx::types::Json;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::json;
use crate::{Result, TenantDatabase};

/// A row of `billing_events`.
#[derive(Debug, Clone, PartialEq)]
pub struct BillingEvent {
    /// From 1, for each account.
    pub sequence: i64,
    /// `invoice.issued` and the like.
    pub event_type: String,
    /// Details.
    pub payload: serde_json::Value,
    /// Who did it.
    pub actor: Option<String>,
    /// When.
    pub occurred_at: WallTime,
}

/// Writes what happened; returns its number.
pub async fn add(
    database: &TenantDatabase,
    account: Uuid,
    event_type: &str,
    payload: &serde_json::Value,
    actor: Option<&str>,
) -> Result<i64> {
    json("payload", payload)?;
    let mut transaction = database.pool().begin().await?;
    // The lock makes two events of an account follow each other, so that no number is left out.
    sqlx::query("SELECT 1 FROM billing_accounts WHERE id = $1 FOR UPDATE")
        .bind(account)
        .execute(&mut *transaction)
        .await?;
    let row = sqlx::query(
        "INSERT INTO billing_events (billing_account_id, sequence, event_type, payload, actor)
         SELECT $1, coalesce(max(e.sequence), 0) + 1, $2, $3, $4
           FROM billing_events e WHERE e.billing_account_id = $1
         RETURNING sequence",
    )
    .bind(account)
    .bind(event_type)
    .bind(Json(payload))
    .bind(actor)
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    get(&row, "sequence")
}

/// What happened after a number, oldest first.
pub async fn since(
    database: &TenantDatabase,
    account: Uuid,
    sequence: i64,
    limit: u32,
) -> Result<Vec<BillingEvent>> {
    let rows = sqlx::query(
        "SELECT sequence, event_type, payload, actor, occurred_at FROM billing_events
          WHERE billing_account_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
    )
    .bind(account)
    .bind(sequence)
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(BillingEvent {
            sequence: get(row, "sequence")?,
            event_type: get(row, "event_type")?,
            payload: get(row, "payload")?,
            actor: get(row, "actor")?,
            occurred_at: get(row, "occurred_at")?,
        })
    })
}
