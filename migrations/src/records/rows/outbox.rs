//! `events`: the standard envelope without what was said, which its readers may ask for.
//! `call.completed`; `call.blocked` for a call that a quota or another limit kept out; `call.ended`.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

pub(super) async fn insert(connection: &mut PgConnection, calls: &[Uuid]) -> Result<()> {
    sqlx::query(
        "INSERT INTO events (event_type, subject_kind, subject_id, agent_id, payload)
         SELECT named.type, 'call', id, agent_id,
                jsonb_build_object(
                    'type', named.type, 'at', ended_at, 'tenant', tenant_id,
                    'data', jsonb_build_object('call', jsonb_build_object(
                        'id', id, 'direction', direction, 'status', status, 'outcome', outcome,
                        'hangup_cause', hangup_cause,
                        'duration_seconds', duration_seconds, 'billable_seconds', billable_seconds,
                        'cost_micros', cost_micros, 'currency', currency)))
           FROM calls, LATERAL (SELECT 'call.' || CASE WHEN status IN ('completed', 'blocked')
                THEN status::text ELSE 'ended' END AS type) AS named
          WHERE id = ANY ($1)
          ORDER BY ended_at, id",
    )
    .bind(calls)
    .execute(connection)
    .await?;
    Ok(())
}
