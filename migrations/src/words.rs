//! Enums whose words are those of a PostgreSQL enum type.

use sqlx::postgres::PgRow;

use crate::{Error, Result};

/// Declares an enum and its SQL words; [`std::str::FromStr`] reads a word back.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in SQL, metrics and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::column::Column for $name {
            type Raw = String;

            fn from_raw(raw: String) -> $crate::Result<Self> {
                raw.parse()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|word| word.as_str() == text)
                    .ok_or_else(|| $crate::Error::unknown_word(stringify!($name), text))
            }
        }
    };
}

pub(crate) use words;

/// Reads rows, leaving out those with a word that a later version of Callplane has written: this one
/// does not know what it would mean to use them, and the others are as good as before.
pub(crate) fn known<T>(rows: &[PgRow], read: impl Fn(&PgRow) -> Result<T>) -> Result<Vec<T>> {
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        match read(row) {
            Err(Error::UnknownWord { what, word }) => {
                tracing::warn!(what, word, "Left out a row of a later version of Callplane");
            }
            outcome => known.push(outcome?),
        }
    }
    Ok(known)
}
