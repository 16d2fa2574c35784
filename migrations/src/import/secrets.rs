//! Secrets of the source: hashed or sealed before they reach the target's server.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, rand};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::step::Secret;
use crate::{Error, Result};

/// The column of a staged row that says that a secret of it was lost, for lack of a data key.
pub(super) const UNSEALED: &str = "unsealed";

/// Seals a secret for its column and row (class E2).
pub trait Seal: Send + Sync {
    /// The envelope of `text` for `column` of `table` in the row `row`.
    fn seal(&self, table: &str, column: &str, row: Uuid, text: &[u8]) -> Result<Vec<u8>>;
}

/// Whose identifiers are made: the prefix of every digest, as `functions.sql` has it.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) tenant: Uuid,
    pub(super) platform: &'static str,
}

impl Scope {
    /// `pg_temp.uid` of `functions.sql`.
    pub(super) fn uid(&self, kind: &str, key: &str) -> Uuid {
        if let (36, Ok(own)) = (key.len(), Uuid::try_parse(key)) {
            return own;
        }
        let name = format!("{}:{}:{kind}:{key}", self.tenant, self.platform);
        let hash = digest::digest(&digest::SHA256, name.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_ref()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// A row as the source wrote it: only what changes is read, because a number may have more digits than
/// any number of ours.
type Row = BTreeMap<String, Box<RawValue>>;

/// Replaces the secrets of a row, which is a JSON object of its columns.
pub(super) fn replace(
    row: &str,
    secrets: &[Secret],
    scope: &Scope,
    seal: Option<&dyn Seal>,
) -> Result<String> {
    let mut row: Row = serde_json::from_str(row).map_err(unreadable)?;
    for secret in secrets {
        match *secret {
            Secret::Hash(column) => {
                if let Some(text) = text_of(&row, column)? {
                    let hash = digest::digest(&digest::SHA256, text.as_bytes());
                    set(&mut row, column, &Value::from(bytea(hash.as_ref())))?;
                }
            }
            Secret::Seal {
                from,
                table,
                column,
                id,
            } => {
                let Some(text) = text_of(&row, from)? else {
                    continue;
                };
                let id = scope.uid(table, &text_of(&row, id)?.unwrap_or_default());
                let sealed = sealed(seal, table, column, id, text.as_bytes())?;
                set(&mut row, from, &sealed)?;
                if sealed.is_null() {
                    set(&mut row, UNSEALED, &Value::from(true))?;
                }
            }
            Secret::Fresh { table, column, id } => {
                let mut key = [0; 32];
                rand::fill(&mut key)
                    .map_err(|_| Error::invalid("secret", "the system gives no random bytes"))?;
                let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                let id = scope.uid(table, &text_of(&row, id)?.unwrap_or_default());
                let sealed = sealed(seal, table, column, id, key.as_bytes())?;
                set(&mut row, column, &sealed)?;
            }
        }
    }
    serde_json::to_string(&row).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::invalid("row of the source", error)
}

/// The envelope as PostgreSQL reads it, or NULL without a key.
fn sealed(
    seal: Option<&dyn Seal>,
    table: &str,
    column: &str,
    row: Uuid,
    text: &[u8],
) -> Result<Value> {
    let sealed = seal
        .map(|key| key.seal(table, column, row, text))
        .transpose()?;
    Ok(sealed.map_or(Value::Null, |sealed| Value::from(bytea(&sealed))))
}

/// A column as text: a string as it is, anything else as it is written; `None` for NULL.
fn text_of(row: &Row, column: &str) -> Result<Option<String>> {
    let Some(raw) = row.get(column).map(|raw| raw.get()) else {
        return Ok(None);
    };
    Ok(match raw {
        "null" => None,
        text if text.starts_with('"') => Some(serde_json::from_str(text).map_err(unreadable)?),
        other => Some(other.to_owned()),
    })
}

fn set(row: &mut Row, column: &str, value: &Value) -> Result<()> {
    let raw = serde_json::value::to_raw_value(value).map_err(unreadable)?;
    row.insert(column.to_owned(), raw);
    Ok(())
}

/// As PostgreSQL reads a `bytea`.
fn bytea(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{hex}")
}
