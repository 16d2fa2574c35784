//! `call_events`, numbered in the order in which they happened.

use callplane_types::CallStatus;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::below;
use crate::Result;
use crate::records::{CallEvent, CallRecord};
use crate::time::sql;

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    types: Vec<&'a str>,
    times: Vec<DateTime<Utc>>,
    from: Vec<Option<&'static str>>,
    to: Vec<Option<&'static str>>,
    metadata: Vec<&'a serde_json::Value>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for (call, _, event) in below(records, |record| record.events.as_slice()) {
        let CallEvent {
            event_type,
            at,
            from_status,
            to_status,
            metadata,
        } = event;
        rows.calls.push(call.uuid());
        rows.types.push(event_type);
        rows.times.push(sql(*at));
        rows.from.push(from_status.map(CallStatus::as_str));
        rows.to.push(to_status.map(CallStatus::as_str));
        rows.metadata.push(metadata);
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO call_events (call_id, event_type, event_timestamp, from_status, to_status,
                metadata)
         SELECT r.call, r.event_type, r.at, r.from_status::platform.call_status,
                r.to_status::platform.call_status, r.metadata
           FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[],
                       $6::jsonb[])
                WITH ORDINALITY
                AS r(call, event_type, at, from_status, to_status, metadata, position)
          ORDER BY r.position",
    )
    .bind(rows.calls)
    .bind(rows.types)
    .bind(rows.times)
    .bind(rows.from)
    .bind(rows.to)
    .bind(rows.metadata)
    .execute(connection)
    .await?;
    Ok(())
}
