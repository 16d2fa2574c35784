//! `transcriptions`.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::records::{CallRecord, Transcription};

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    ids: Vec<Uuid>,
    recordings: Vec<Option<Uuid>>,
    providers: Vec<Option<&'a str>>,
    models: Vec<Option<&'a str>>,
    languages: Vec<Option<&'a str>>,
    texts: Vec<Option<&'a str>>,
    texts_enc: Vec<Option<&'a [u8]>>,
    segments: Vec<Option<&'a serde_json::Value>>,
    segments_enc: Vec<Option<&'a [u8]>>,
    confidences: Vec<Option<f32>>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for record in records {
        let Some(transcription) = &record.transcription else {
            continue;
        };
        let Transcription {
            id,
            provider,
            model,
            language,
            text,
            segments,
            confidence_percent,
        } = transcription;
        rows.calls.push(record.call.id.uuid());
        rows.ids.push(*id);
        rows.recordings
            .push(record.recording.as_ref().map(|recording| recording.id));
        rows.providers.push(provider.as_deref());
        rows.models.push(model.as_deref());
        rows.languages.push(language.as_deref());
        rows.texts.push(text.as_clear().map(String::as_str));
        rows.texts_enc.push(text.as_sealed());
        rows.segments.push(segments.as_clear());
        rows.segments_enc.push(segments.as_sealed());
        rows.confidences
            .push(confidence_percent.map(|percent| percent.clamp(0.0, 100.0)));
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO transcriptions (call_id, id, recording_id, provider, model, language, status,
                text, text_enc, segments, segments_enc, confidence)
         SELECT r.call, r.id, r.recording, r.provider, r.model, r.language, 'completed', r.text,
                r.text_enc, coalesce(r.segments, '[]'), r.segments_enc, r.confidence::numeric
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                       $7::text[], $8::jsonb[], $9::real[], $10::bytea[], $11::bytea[])
                AS r(call, id, recording, provider, model, language, text, segments, confidence,
                     text_enc, segments_enc)",
    )
    .bind(rows.calls)
    .bind(rows.ids)
    .bind(rows.recordings)
    .bind(rows.providers)
    .bind(rows.models)
    .bind(rows.languages)
    .bind(rows.texts)
    .bind(rows.segments)
    .bind(rows.confidences)
    .bind(rows.texts_enc)
    .bind(rows.segments_enc)
    .execute(connection)
    .await?;
    Ok(())
}
