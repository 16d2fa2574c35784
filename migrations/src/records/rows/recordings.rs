//! `call_recordings`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::int;
use crate::Result;
use crate::records::{CallRecord, Recording};
use crate::time::sql_opt;

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    ids: Vec<Uuid>,
    object_urls: Vec<&'a str>,
    mime_types: Vec<&'a str>,
    channels: Vec<i16>,
    started: Vec<Option<DateTime<Utc>>>,
    durations: Vec<i32>,
    gaps: Vec<serde_json::Value>,
    sizes: Vec<i64>,
    hashes: Vec<Option<&'a [u8]>>,
    encryptions: Vec<&'a str>,
    keys: Vec<Option<Uuid>>,
    consents: Vec<Option<bool>>,
    ended: Vec<Option<DateTime<Utc>>>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for record in records {
        let Some(recording) = &record.recording else {
            continue;
        };
        let Recording {
            id,
            object_url,
            mime_type,
            channels,
            started_at,
            duration_seconds,
            gaps,
            size_bytes,
            sha256,
            encryption,
            encryption_key,
            consent_obtained,
        } = recording;
        rows.calls.push(record.call.id.uuid());
        rows.ids.push(*id);
        rows.object_urls.push(object_url);
        rows.mime_types.push(mime_type);
        rows.channels.push(i16::from(*channels));
        rows.started.push(sql_opt(*started_at));
        rows.durations.push(int(*duration_seconds));
        rows.gaps
            .push(serde_json::to_value(gaps).expect("numbers and words are JSON"));
        rows.sizes
            .push(i64::try_from(*size_bytes).unwrap_or(i64::MAX));
        rows.hashes.push(sha256.as_ref().map(<[u8; 32]>::as_slice));
        rows.encryptions.push(encryption);
        rows.keys.push(*encryption_key);
        rows.consents.push(*consent_obtained);
        rows.ended.push(sql_opt(record.call.ended_at));
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO call_recordings (call_id, id, recording_sid, status, object_url, mime_type,
                channels, duration_seconds, size_bytes, sha256, encryption, consent_obtained,
                retain_until, encryption_key_id, started_at, gaps)
         SELECT r.call, r.id, 'RE' || replace(r.id::text, '-', ''), 'available', r.object_url,
                r.mime_type, r.channels, r.duration, r.size, r.sha256, r.encryption, r.consent,
                r.ended_at + interval '7 years', r.encryption_key, r.started_at, r.gaps
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::smallint[],
                       $6::integer[], $7::bigint[], $8::bytea[], $9::text[], $10::boolean[],
                       $11::timestamptz[], $12::uuid[], $13::timestamptz[], $14::jsonb[])
                AS r(call, id, object_url, mime_type, channels, duration, size, sha256, encryption,
                     consent, ended_at, encryption_key, started_at, gaps)",
    )
    .bind(rows.calls)
    .bind(rows.ids)
    .bind(rows.object_urls)
    .bind(rows.mime_types)
    .bind(rows.channels)
    .bind(rows.durations)
    .bind(rows.sizes)
    .bind(rows.hashes)
    .bind(rows.encryptions)
    .bind(rows.consents)
    .bind(rows.ended)
    .bind(rows.keys)
    .bind(rows.started)
    .bind(rows.gaps)
    .execute(connection)
    .await?;
    Ok(())
}
