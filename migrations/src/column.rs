//! Columns as the types of this crate: money, moments, words and personal data never leave a row as
//! bare numbers and texts.

use callplane_types::{
    AgentId, CallId, CampaignId, Currency, E164, FlowId, Micros, NumberId, Pii, Seconds, TenantId,
    WallTime,
};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row as _, Type};
use uuid::Uuid;

use crate::time::wall;
use crate::words::known;
use crate::{Error, Result};

/// A type that a column is read as.
pub(crate) trait Column: Sized {
    /// As the server sends it.
    type Raw: for<'r> Decode<'r, Postgres> + Type<Postgres>;

    fn from_raw(raw: Self::Raw) -> Result<Self>;
}

/// Reads a column by its name.
pub(crate) fn get<T: Column>(row: &PgRow, column: &str) -> Result<T> {
    T::from_raw(row.try_get::<T::Raw, _>(column)?)
}

/// Reads every row but those with a word of a later version.
pub(crate) fn each<T>(rows: &[PgRow], read: impl Fn(&PgRow) -> Result<T>) -> Result<Vec<T>> {
    known(rows, read)
}

impl<T: Column> Column for Option<T> {
    type Raw = Option<T::Raw>;

    fn from_raw(raw: Self::Raw) -> Result<Self> {
        raw.map(T::from_raw).transpose()
    }
}

macro_rules! as_they_are {
    ($($type:ty),*) => {$(
        impl Column for $type {
            type Raw = Self;

            fn from_raw(raw: Self) -> Result<Self> {
                Ok(raw)
            }
        }
    )*};
}

as_they_are!(
    String,
    bool,
    i16,
    i32,
    i64,
    f64,
    Uuid,
    Vec<String>,
    Vec<u8>,
    Vec<i16>,
    serde_json::Value,
    Vec<f32>
);

macro_rules! wrapped {
    ($($type:ty: $raw:ty = $wrap:expr;)*) => {$(
        impl Column for $type {
            type Raw = $raw;

            fn from_raw(raw: $raw) -> Result<Self> {
                Ok($wrap(raw))
            }
        }
    )*};
}

wrapped! {
    AgentId: Uuid = AgentId::new;
    CallId: Uuid = CallId::new;
    CampaignId: Uuid = CampaignId::new;
    FlowId: Uuid = FlowId::new;
    NumberId: Uuid = NumberId::new;
    TenantId: Uuid = TenantId::new;
    Micros: i64 = Micros;
    Seconds: i64 = Seconds;
    Pii<String>: String = Pii::new;
    WallTime: DateTime<Utc> = wall;
}

impl Column for Currency {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self> {
        raw.parse()
            .map_err(|error| Error::invalid("currency", error))
    }
}

impl Column for E164 {
    type Raw = String;

    fn from_raw(raw: String) -> Result<Self> {
        raw.parse().map_err(|error| Error::invalid("number", error))
    }
}
