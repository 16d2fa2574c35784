//! Secrets of the source: hashed or sealed before they reach the target's server.

use aws_lc_rs::{digest, rand};
use serde_json::Value;
use uuid::Uuid;

use super::step::Secret;
use crate::{Error, Result};

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

/// Replaces the secrets of a row, which is a JSON object of its columns.
pub(super) fn replace(
    row: &str,
    secrets: &[Secret],
    scope: &Scope,
    seal: Option<&dyn Seal>,
) -> Result<String> {
    let mut row: Value =
        serde_json::from_str(row).map_err(|error| Error::invalid("row of the source", error))?;
    for secret in secrets {
        match *secret {
            Secret::Hash(column) => {
                if let Some(text) = row[column].as_str() {
                    let hash = digest::digest(&digest::SHA256, text.as_bytes());
                    row[column] = Value::from(bytea(hash.as_ref()));
                }
            }
            Secret::Seal {
                from,
                table,
                column,
                id,
            } => {
                let text = match &row[from] {
                    Value::Null => continue,
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let id = scope.uid(table, &text_of(&row[id]));
                row[from] = sealed(seal, table, column, id, text.as_bytes())?;
            }
            Secret::Fresh { table, column, id } => {
                let mut key = [0; 32];
                rand::fill(&mut key)
                    .map_err(|_| Error::invalid("secret", "the system gives no random bytes"))?;
                let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                let id = scope.uid(table, &text_of(&row[id]));
                row[column] = sealed(seal, table, column, id, key.as_bytes())?;
            }
        }
    }
    Ok(row.to_string())
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

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As PostgreSQL reads a `bytea`.
fn bytea(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{hex}")
}
