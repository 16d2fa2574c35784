//! What a call costs: the price list of the tenant's plan.

use callplane_types::{Currency, Micros};
use serde::Deserialize;
use sqlx::Row as _;
use sqlx::types::Json;

use crate::{Error, Result, TenantDatabase};

/// The price of call time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Price of a minute.
    pub per_minute: Micros,
    /// Its currency.
    pub currency: Currency,
    /// Seconds that billable time is rounded up to.
    pub increment_seconds: u16,
    /// The least billable time of an answered call.
    pub minimum_seconds: u32,
    /// What a call uses beside its time.
    pub units: UnitPrices,
}

/// Prices of what is not time on the line. What a price list does not name costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitPrices {
    /// `stt_second`: a second of audio that was recognised.
    pub stt_second: Micros,
    /// `tts_character`: a character that was spoken.
    pub tts_character: Micros,
    /// `llm_input_kilotoken`: a thousand tokens that a language model was asked with.
    pub llm_input_kilotoken: Micros,
    /// `llm_output_kilotoken`: a thousand tokens that it answered with.
    pub llm_output_kilotoken: Micros,
    /// `recording_second`: a second that was recorded.
    pub recording_second: Micros,
}

/// A price list, as far as calls ask it.
#[derive(Deserialize)]
struct Rates {
    call_minute: CallMinute,
    #[serde(default)]
    stt_second: UnitPrice,
    #[serde(default)]
    tts_character: UnitPrice,
    #[serde(default)]
    llm_input_kilotoken: UnitPrice,
    #[serde(default)]
    llm_output_kilotoken: UnitPrice,
    #[serde(default)]
    recording_second: UnitPrice,
}

#[derive(Default, Deserialize)]
struct UnitPrice {
    unit_price_micros: i64,
}

/// `rates.call_minute` of a price list.
#[derive(Deserialize)]
struct CallMinute {
    unit_price_micros: i64,
    #[serde(default = "six")]
    billing_increment_seconds: u16,
    #[serde(default)]
    minimum_seconds: u32,
}

const fn six() -> u16 {
    6
}

/// The price of call time that holds now: of the list made for the tenant's plan, else of the list
/// for all plans. `None` when neither names one.
pub async fn call_minute(database: &TenantDatabase) -> Result<Option<Rate>> {
    let row = sqlx::query(
        "SELECT c.currency, c.rates
           FROM platform.rate_cards c
           JOIN platform.tenants t ON c.plan_key = t.plan_key OR c.plan_key IS NULL
          WHERE c.rates ? 'call_minute' AND c.effective_from <= now()
            AND (c.effective_to IS NULL OR c.effective_to > now())
          ORDER BY c.plan_key NULLS LAST, c.effective_from DESC, c.id LIMIT 1",
    )
    .fetch_optional(database.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let Json(rates): Json<Rates> = row.try_get("rates")?;
    let rate = rates.call_minute;
    Ok(Some(Rate {
        per_minute: Micros(rate.unit_price_micros),
        currency: row
            .try_get::<String, _>("currency")?
            .parse()
            .map_err(|error| Error::invalid("price list", error))?,
        increment_seconds: rate.billing_increment_seconds,
        minimum_seconds: rate.minimum_seconds,
        units: UnitPrices {
            stt_second: Micros(rates.stt_second.unit_price_micros),
            tts_character: Micros(rates.tts_character.unit_price_micros),
            llm_input_kilotoken: Micros(rates.llm_input_kilotoken.unit_price_micros),
            llm_output_kilotoken: Micros(rates.llm_output_kilotoken.unit_price_micros),
            recording_second: Micros(rates.recording_second.unit_price_micros),
        },
    }))
}
