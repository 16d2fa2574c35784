//! `call_analyses`: what a model makes of a call after it.

use callplane_types::{CallId, Pii};
use sqlx::types::Json;

use crate::column::get;
use crate::input::{json, opt_text};
use crate::words::words;
use crate::{Result, TenantDatabase};

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
    pub summary: Option<Pii<String>>,
    /// What the caller told, by name.
    pub captured: serde_json::Value,
    /// The mood of the caller.
    pub sentiment: Option<Sentiment>,
    /// What the caller wanted.
    pub intents: Vec<String>,
    /// Whether the call reached its goal; counted by the agent.
    pub success: Option<bool>,
    /// Which model says so.
    pub model: Option<String>,
}

/// Keeps the analysis of a call; a newer one replaces it.
pub async fn put(database: &TenantDatabase, call: CallId, analysis: &CallAnalysis) -> Result<()> {
    let CallAnalysis {
        summary,
        captured,
        sentiment,
        intents,
        success,
        model,
    } = analysis;
    opt_text(
        "summary",
        summary.as_ref().map(|text| text.expose().as_str()),
    )?;
    json("captured", captured)?;
    sqlx::query(
        "INSERT INTO call_analyses (call_id, summary, captured_data, sentiment, intents, success,
                model)
         VALUES ($1, $2, $3, $4::text::platform.sentiment, $5, $6, $7)
         ON CONFLICT (call_id) DO UPDATE SET summary = EXCLUDED.summary,
                captured_data = EXCLUDED.captured_data, sentiment = EXCLUDED.sentiment,
                intents = EXCLUDED.intents, success = EXCLUDED.success, model = EXCLUDED.model",
    )
    .bind(call.uuid())
    .bind(summary.as_ref().map(Pii::expose))
    .bind(Json(captured))
    .bind(sentiment.map(Sentiment::as_str))
    .bind(intents)
    .bind(success)
    .bind(model)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// The analysis of a call, once there is one.
pub async fn of(database: &TenantDatabase, call: CallId) -> Result<Option<CallAnalysis>> {
    let row = sqlx::query(
        "SELECT summary, captured_data, sentiment::text, intents, success, model
           FROM call_analyses WHERE call_id = $1",
    )
    .bind(call.uuid())
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| {
        Ok(CallAnalysis {
            summary: get(&row, "summary")?,
            captured: get(&row, "captured_data")?,
            sentiment: get(&row, "sentiment")?,
            intents: get(&row, "intents")?,
            success: get(&row, "success")?,
            model: get(&row, "model")?,
        })
    })
    .transpose()
}
