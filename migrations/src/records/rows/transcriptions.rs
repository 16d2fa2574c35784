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
    texts: Vec<&'a str>,
    segments: Vec<&'a serde_json::Value>,
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
        rows.texts.push(text.expose());
        rows.segments.push(segments.expose());
        rows.confidences
            .push(confidence_percent.map(|percent| percent.clamp(0.0, 100.0)));
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO transcriptions (call_id, id, recording_id, provider, model, language, status,
                text, segments, confidence)
         SELECT r.call, r.id, r.recording, r.provider, r.model, r.language, 'completed', r.text,
                r.segments, r.confidence::numeric
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                       $7::text[], $8::jsonb[], $9::real[])
                AS r(call, id, recording, provider, model, language, text, segments, confidence)",
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
    .execute(connection)
    .await?;
    Ok(())
}
