//! `call_analyses`: what a model makes of a call after it.

use callplane_types::CallId;
use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::column::get;
use crate::input::{json, opt_text};
use crate::records::Spoken;
use crate::words::words;
use crate::{Error, Result, TenantDatabase, tenants};

words! {
    /// `platform.sentiment`.
    Sentiment {
        /// Content.
        Positive = "positive",
        /// Neither.
        Neutral = "neutral",
        /// Discontent.
        Negative = "negative",
        /// Both.
        Mixed = "mixed",
    }
}

/// A row of `call_analyses`.
#[derive(Debug, Clone, PartialEq)]
pub struct CallAnalysis {
    /// A few sentences.
    pub summary: Option<Spoken<String>>,
    /// What the caller told, by name.
    pub captured: Spoken<Value>,
    /// The mood of the caller.
    pub sentiment: Option<Sentiment>,
    /// What the caller wanted.
    pub intents: Vec<String>,
    /// Whether the call reached its goal; counted by the agent.
    pub success: Option<bool>,
    /// Which model says so.
    pub model: Option<String>,
}

/// Keeps the analysis of a call; a newer one replaces it. One in clear of a tenant whose transcripts are
/// encrypted is [`Error::Unsealed`].
pub async fn put(database: &TenantDatabase, call: CallId, analysis: &CallAnalysis) -> Result<()> {
    let CallAnalysis {
        summary,
        captured,
        sentiment,
        intents,
        success,
        model,
    } = analysis;
    let clear = summary.as_ref().and_then(Spoken::as_clear);
    opt_text("summary", clear.map(String::as_str))?;
    if let Some(captured) = captured.as_clear() {
        json("captured", captured)?;
    }
    let has_words = clear.is_some()
        || captured
            .as_clear()
            .is_some_and(|data| *data != Value::Object(Map::new()));
    if has_words && tenants::transcripts(database).await?.are_encrypted() {
        return Err(Error::Unsealed);
    }
    sqlx::query(
        "INSERT INTO call_analyses (call_id, summary, summary_enc, captured_data, captured_data_enc, sentiment,
                intents, success, model)
         VALUES ($1, $2, $8, coalesce($3, '{}'), $9, $4::text::platform.sentiment, $5, $6, $7)
         ON CONFLICT (call_id) DO UPDATE SET summary = EXCLUDED.summary,
                summary_enc = EXCLUDED.summary_enc, captured_data = EXCLUDED.captured_data,
                captured_data_enc = EXCLUDED.captured_data_enc, sentiment = EXCLUDED.sentiment,
                intents = EXCLUDED.intents, success = EXCLUDED.success, model = EXCLUDED.model",
    )
    .bind(call.uuid())
    .bind(clear)
    .bind(captured.as_clear().map(Json))
    .bind(sentiment.map(Sentiment::as_str))
    .bind(intents)
    .bind(success)
    .bind(model)
    .bind(summary.as_ref().and_then(Spoken::as_sealed))
    .bind(captured.as_sealed())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// The analysis of a call, once there is one.
pub async fn of(database: &TenantDatabase, call: CallId) -> Result<Option<CallAnalysis>> {
    let row = sqlx::query(
        "SELECT summary, summary_enc, captured_data, captured_data_enc, sentiment::text, intents, success, model
           FROM call_analyses WHERE call_id = $1",
    )
    .bind(call.uuid())
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| {
        Ok(CallAnalysis {
            summary: match get::<Option<String>>(&row, "summary")? {
                Some(clear) => Some(Spoken::clear(clear)),
                None => sealed(&row, "summary_enc")?,
            },
            captured: match sealed(&row, "captured_data_enc")? {
                Some(sealed) => sealed,
                None => Spoken::clear(get(&row, "captured_data")?),
            },
            sentiment: get(&row, "sentiment")?,
            intents: get(&row, "intents")?,
            success: get(&row, "success")?,
            model: get(&row, "model")?,
        })
    })
    .transpose()
}

fn sealed<T>(row: &PgRow, column: &str) -> Result<Option<Spoken<T>>> {
    let envelope: Option<Vec<u8>> = get(row, column)?;
    Ok(envelope.map(Spoken::sealed))
}
