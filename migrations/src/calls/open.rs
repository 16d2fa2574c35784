//! Opening what is sealed of a call, for whoever has the tenant's keys.

use callplane_keys::{KeyRing, Place};
use callplane_types::TenantId;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What became of the sealed values of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// There were none.
    Clear,
    /// All are open.
    All,
    /// Some are not, and why the first is not.
    Not(NotOpened),
}

/// Why a sealed value was not opened. Tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The reader has none.
    #[error("there are no data keys here")]
    NoKeys,
    /// The keys do not open it.
    #[error(transparent)]
    Keys(#[from] callplane_keys::Error),
    /// What was inside is not what the column holds.
    #[error("the sealed value is not what its column holds")]
    Content,
}

/// A column with clear values, and the one that has them sealed.
struct Pair {
    table: &'static str,
    sealed: &'static str,
    clear: &'static str,
    content: Content,
}

#[derive(Clone, Copy)]
enum Content {
    Text,
    Json,
}

const fn pair(
    table: &'static str,
    sealed: &'static str,
    clear: &'static str,
    content: Content,
) -> Pair {
    Pair {
        table,
        sealed,
        clear,
        content,
    }
}

const OF_CALL: &[Pair] = &[pair("calls", "variables_enc", "variables", Content::Json)];
const OF_TRANSCRIPTIONS: &[Pair] = &[
    pair("transcriptions", "text_enc", "text", Content::Text),
    pair("transcriptions", "segments_enc", "segments", Content::Json),
];
const OF_MESSAGES: &[Pair] = &[
    pair("messages", "content_enc", "content", Content::Text),
    pair("messages", "intended_enc", "intended", Content::Text),
];

/// Puts the values that are sealed in a document of [`super::show`] where the clear ones would be, and
/// takes the sealed ones out. One that does not open leaves its place empty.
pub fn open(document: &mut Value, tenant: TenantId, ring: Option<&KeyRing>) -> Opened {
    let mut opener = Opener {
        ring,
        tenant,
        opened: Opened::Clear,
    };
    opener.row(document, OF_CALL);
    for (list, pairs) in [
        ("transcriptions", OF_TRANSCRIPTIONS),
        ("messages", OF_MESSAGES),
    ] {
        for row in document[list].as_array_mut().into_iter().flatten() {
            opener.row(row, pairs);
        }
    }
    opener.opened
}

struct Opener<'a> {
    ring: Option<&'a KeyRing>,
    tenant: TenantId,
    opened: Opened,
}

impl Opener<'_> {
    fn row(&mut self, row: &mut Value, pairs: &[Pair]) {
        let Some(row) = row.as_object_mut() else {
            return;
        };
        for pair in pairs {
            let Some(Value::String(sealed)) = row.remove(pair.sealed) else {
                continue;
            };
            match self.value(row, pair, &sealed) {
                Ok(value) => {
                    row.insert(pair.clear.to_owned(), value);
                    if self.opened == Opened::Clear {
                        self.opened = Opened::All;
                    }
                }
                Err(why) => {
                    row.insert(pair.clear.to_owned(), Value::Null);
                    if !matches!(self.opened, Opened::Not(_)) {
                        self.opened = Opened::Not(why);
                    }
                }
            }
        }
    }

    fn value(
        &self,
        row: &Map<String, Value>,
        pair: &Pair,
        sealed: &str,
    ) -> Result<Value, NotOpened> {
        let ring = self.ring.ok_or(NotOpened::NoKeys)?;
        let id = row
            .get("id")
            .and_then(Value::as_str)
            .and_then(|id| Uuid::try_parse(id).ok())
            .ok_or(NotOpened::Content)?;
        let envelope = octets(sealed).ok_or(NotOpened::Content)?;
        let place = Place::cell(self.tenant, pair.table, pair.sealed, id);
        let value = ring.open(&place, &envelope)?;
        match pair.content {
            Content::Text => std::str::from_utf8(&value)
                .map(Value::from)
                .map_err(|_| NotOpened::Content),
            Content::Json => serde_json::from_slice(&value).map_err(|_| NotOpened::Content),
        }
    }
}

/// A `bytea` as `to_jsonb` writes it: `\x` and hexadecimal digits.
fn octets(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |octet: u8| char::from(octet).to_digit(16);
    digits
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::octets;

    #[test]
    fn octets_read_as_postgresql_writes_them() {
        assert_eq!(octets("\\x01ff"), Some(vec![1, 255]));
        assert_eq!(octets("\\x"), Some(vec![]));
        for text in ["01ff", "\\x0", "\\x0g"] {
            assert_eq!(octets(text), None, "{text}");
        }
    }
}
