//! `webhook_deliveries`: one row an attempt. A worker claims what is due, sends it, and says how it
//! went; a retry is a new row with the next number.

use callplane_types::WallTime;
use sqlx::types::Json;
use uuid::Uuid;

use crate::column::{each, get};
use crate::time::sql;
use crate::{Page, Result, TenantDatabase};

/// A delivery that a worker has to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// Which row.
    pub id: Uuid,
    /// When the row was made, which its partition is found by.
    pub created_at: WallTime,
    /// Of which webhook.
    pub webhook: Uuid,
    /// Where to.
    pub url: String,
    /// What.
    pub body: Option<serde_json::Value>,
    /// From 1.
    pub attempt: i32,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status; `None` when nobody answered.
    pub status_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub took_ms: i32,
    /// Why it counts as failed; `None` when it was taken.
    pub error: Option<String>,
}

/// A line of the history of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which row.
    pub id: Uuid,
    /// What it was about.
    pub event_type: String,
    /// `pending`, `success`, `failed`.
    pub status: String,
    /// From 1.
    pub attempt: i32,
    /// HTTP status.
    pub status_code: Option<i32>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: WallTime,
}

/// Makes the first delivery of an event to a webhook, due at once.
pub async fn add(
    database: &TenantDatabase,
    webhook: Uuid,
    event: &crate::events::Event,
) -> Result<Uuid> {
    let row = sqlx::query(
        "INSERT INTO webhook_deliveries (webhook_id, event_type, event_id, outbox_event_id,
                request_url, request_body, next_attempt_at)
         SELECT w.id, $2, coalesce($3, $4), $4, w.url, $5, now() FROM webhooks w WHERE w.id = $1
         RETURNING id",
    )
    .bind(webhook)
    .bind(&event.event_type)
    .bind(event.subject_id)
    .bind(event.id)
    .bind(Json(&event.payload))
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Claims what is due for `lease_seconds`: nobody else gets it until then, so that a worker that dies
/// loses nothing. What a webhook that is not active waits for stays until it is active again.
pub async fn claim(database: &TenantDatabase, limit: u32, lease_seconds: u32) -> Result<Vec<Due>> {
    let rows = sqlx::query(
        "UPDATE webhook_deliveries d SET next_attempt_at = now() + make_interval(secs => $2)
           FROM (SELECT o.id, o.created_at
                   FROM webhook_deliveries o JOIN webhooks w ON w.id = o.webhook_id
                  WHERE o.status = 'pending' AND o.next_attempt_at <= now()
                    AND w.status = 'active' AND w.deleted_at IS NULL
                  ORDER BY o.next_attempt_at LIMIT $1 FOR UPDATE OF o SKIP LOCKED) due
          WHERE d.id = due.id AND d.created_at = due.created_at
         RETURNING d.id, d.created_at, d.webhook_id, d.request_url, d.request_body,
                   d.attempt_number",
    )
    .bind(i64::from(limit))
    .bind(f64::from(lease_seconds))
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Due {
            id: get(row, "id")?,
            created_at: get(row, "created_at")?,
            webhook: get(row, "webhook_id")?,
            url: get(row, "request_url")?,
            body: get(row, "request_body")?,
            attempt: get(row, "attempt_number")?,
        })
    })
}

/// Says how a delivery went, counts it at its webhook, and, when it failed and attempts are left, makes
/// the next one, later by the webhook's backoff, which doubles. A delivery that was said of before
/// changes nothing.
pub async fn settle(database: &TenantDatabase, due: &Due, response: &Response) -> Result<()> {
    let Response {
        status_code,
        took_ms,
        error,
    } = response;
    let mut transaction = database.pool().begin().await?;
    let settled = sqlx::query(
        "UPDATE webhook_deliveries
            SET status = CASE WHEN $5::text IS NULL THEN 'success' ELSE 'failed' END
                    ::platform.delivery_status,
                response_status_code = $3, response_time_ms = $4, error_message = $5,
                delivered_at = CASE WHEN $5 IS NULL THEN now() END, next_attempt_at = NULL
          WHERE id = $1 AND created_at = $2 AND status = 'pending'",
    )
    .bind(due.id)
    .bind(sql(due.created_at))
    .bind(status_code)
    .bind(took_ms)
    .bind(error)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if settled == 0 {
        return Ok(());
    }
    let failed = error.is_some();
    sqlx::query(
        "UPDATE webhooks SET total_deliveries = total_deliveries + 1,
                trigger_count = trigger_count + CASE WHEN $3 = 1 THEN 1 ELSE 0 END,
                successful_deliveries = successful_deliveries + CASE WHEN $2 THEN 0 ELSE 1 END,
                failed_deliveries = failed_deliveries + CASE WHEN $2 THEN 1 ELSE 0 END,
                last_delivery_at = now(),
                last_success_at = CASE WHEN $2 THEN last_success_at ELSE now() END,
                last_failure_at = CASE WHEN $2 THEN now() ELSE last_failure_at END
          WHERE id = $1",
    )
    .bind(due.webhook)
    .bind(failed)
    .bind(due.attempt)
    .execute(&mut *transaction)
    .await?;
    if failed {
        sqlx::query(
            "INSERT INTO webhook_deliveries (webhook_id, event_type, event_id, outbox_event_id,
                    request_url, request_body, attempt_number, next_attempt_at)
             SELECT d.webhook_id, d.event_type, d.event_id, d.outbox_event_id, d.request_url,
                    d.request_body, d.attempt_number + 1,
                    now() + make_interval(secs => w.retry_backoff_seconds * 2 ^ (d.attempt_number - 1))
               FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
              WHERE d.id = $1 AND d.created_at = $2 AND d.attempt_number <= w.max_retries",
        )
        .bind(due.id)
        .bind(sql(due.created_at))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The deliveries of a webhook.
pub async fn history(
    database: &TenantDatabase,
    webhook: Uuid,
    page: Page,
) -> Result<Vec<Delivery>> {
    let rows = sqlx::query(
        "SELECT id, event_type, status::text, attempt_number, response_status_code, error_message,
                created_at
           FROM webhook_deliveries WHERE webhook_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(webhook)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Delivery {
            id: get(row, "id")?,
            event_type: get(row, "event_type")?,
            status: get(row, "status")?,
            attempt: get(row, "attempt_number")?,
            status_code: get(row, "response_status_code")?,
            error: get(row, "error_message")?,
            created_at: get(row, "created_at")?,
        })
    })
}
