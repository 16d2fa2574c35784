//! What was said or captured in a call, as its record has it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callplane_types::Pii;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What was said or captured: in clear, or sealed with a data key of the tenant for its row and column.
/// **Never both.**
///
/// Serialised, a clear value is itself, and a sealed one an object with the one member `$sealed`, which
/// no value that the media node writes is: names of variables are words without `$`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Spoken<T> {
    /// For the column with the suffix `_enc`.
    Sealed(Sealed),
    /// For the column that people search.
    Clear(Pii<T>),
}

/// An envelope of `callplane-keys`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    #[serde(
        rename = "$sealed",
        serialize_with = "to_base64",
        deserialize_with = "from_base64"
    )]
    envelope: Vec<u8>,
}

impl<T> Spoken<T> {
    /// A value that is not sealed, or not yet.
    pub const fn clear(value: T) -> Self {
        Self::Clear(Pii::new(value))
    }

    /// The value, unless it is sealed.
    pub const fn as_clear(&self) -> Option<&T> {
        match self {
            Self::Clear(value) => Some(value.expose()),
            Self::Sealed(_) => None,
        }
    }

    /// The envelope, if it is sealed.
    pub fn as_sealed(&self) -> Option<&[u8]> {
        match self {
            Self::Clear(_) => None,
            Self::Sealed(sealed) => Some(&sealed.envelope),
        }
    }

    pub(crate) const fn sealed(envelope: Vec<u8>) -> Self {
        Self::Sealed(Sealed { envelope })
    }
}

impl<T: Default> Default for Spoken<T> {
    /// Nothing was said.
    fn default() -> Self {
        Self::clear(T::default())
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<sealed>")
    }
}

fn to_base64<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(octets))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    // What the decoder says would quote the text.
    STANDARD
        .decode(text)
        .map_err(|_| serde::de::Error::custom("no base64"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn a_clear_value_is_written_as_itself_and_a_sealed_one_is_told_from_it() {
        let clear: Spoken<Map<String, Value>> =
            serde_json::from_value(json!({"sealed": "AAAA"})).unwrap();
        assert_eq!(clear.as_clear().unwrap()["sealed"], "AAAA");
        assert_eq!(
            serde_json::to_value(&clear).unwrap(),
            json!({"sealed": "AAAA"})
        );
        let sealed: Spoken<Value> = Spoken::sealed(vec![0, 0, 0]);
        let written = serde_json::to_value(&sealed).unwrap();
        assert_eq!(written, json!({"$sealed": "AAAA"}));
        assert_eq!(
            serde_json::from_value::<Spoken<Value>>(written).unwrap(),
            sealed
        );
        assert_eq!(
            format!("{sealed:?} {clear:?}"),
            "Sealed(<sealed>) Clear(<personal data>)"
        );
    }
}
