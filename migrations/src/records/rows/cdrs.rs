//! `cdrs`: copied from the rows of the calls, so that the two cannot differ.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

pub(super) async fn insert(connection: &mut PgConnection, calls: &[Uuid]) -> Result<()> {
    sqlx::query(
        "INSERT INTO cdrs (call_id, direction, from_number, to_number, status, started_at,
                answered_at, ended_at, duration_seconds, billable_seconds, cost_micros, currency,
                hangup_cause, mos_score, record)
         SELECT id, direction, from_number, to_number, status, initiated_at, answered_at, ended_at,
                duration_seconds, billable_seconds, cost_micros, currency, hangup_cause, mos_score,
                jsonb_strip_nulls(jsonb_build_object(
                    'agent_id', agent_id, 'campaign_id', campaign_id, 'hangup_by', hangup_by,
                    'sip_code', sip_code, 'outcome', outcome,
                    'billing_increment_seconds', billing_increment_seconds,
                    'rate_micros_per_minute', rate_micros_per_minute))
           FROM calls WHERE id = ANY ($1)",
    )
    .bind(calls)
    .execute(connection)
    .await?;
    Ok(())
}
