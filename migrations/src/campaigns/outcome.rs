//! What became of an attempt.

use callplane_types::CallId;
use sqlx::PgConnection;

use crate::records::CampaignAttempt;
use crate::time::sql_opt;
use crate::{Result, TenantDatabase};

/// Writes the outcome of the attempt that `call` was, for attempts that leave no call record, such
/// as an INVITE that could not be sent. [`crate::records::finish`] does the same for the others.
///
/// Says whether it counted: an attempt has one outcome, and only `unknown` may be corrected.
pub async fn outcome(
    database: &TenantDatabase,
    call: CallId,
    attempt: &CampaignAttempt,
) -> Result<bool> {
    let mut connection = database.pool().acquire().await?;
    record_outcome(&mut connection, call, attempt).await
}

pub(crate) async fn record_outcome(
    connection: &mut PgConnection,
    call: CallId,
    attempt: &CampaignAttempt,
) -> Result<bool> {
    let CampaignAttempt {
        recipient_id,
        outcome,
        retry_at,
    } = attempt;
    let rows = sqlx::query(
        "UPDATE campaign_recipients
            SET outcome = $3::text::platform.recipient_outcome,
                status = CASE
                    WHEN $3 = 'answered' THEN 'completed'
                    WHEN status = 'dialing' AND $4::timestamptz IS NOT NULL THEN 'retry_wait'
                    ELSE 'failed' END::platform.recipient_status,
                next_attempt_at = CASE
                    WHEN status = 'dialing' AND $3 <> 'answered' THEN $4::timestamptz END,
                error_reason = CASE WHEN $3 = 'answered' THEN NULL ELSE $3 END
          WHERE id = $1 AND last_call_id = $2
            AND (status = 'dialing' OR (status = 'failed' AND outcome = 'unknown'))",
    )
    .bind(recipient_id.uuid())
    .bind(call.uuid())
    .bind(outcome.as_str())
    .bind(sql_opt(*retry_at))
    .execute(connection)
    .await?
    .rows_affected();
    Ok(rows > 0)
}
