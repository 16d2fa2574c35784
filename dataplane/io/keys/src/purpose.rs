//! What a data key is for.

use std::fmt;
use std::str::FromStr;

/// What a data key seals: `platform.encryption_keys.purpose`. A key for one purpose is never used for
/// another, so that each can be destroyed alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPurpose {
    /// Columns of the tenant's schema: secrets, and transcripts when the tenant asks.
    Column,
    /// Audio of calls.
    Recording,
    /// What leaves the database for object storage.
    Archive,
}

impl KeyPurpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Column, Self::Recording, Self::Archive];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Recording => "recording",
            Self::Archive => "archive",
        }
    }
}

/// The word names no purpose of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no purpose of a key; write column, recording or archive")]
pub struct ParseKeyPurposeError;

impl FromStr for KeyPurpose {
    type Err = ParseKeyPurposeError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == word)
            .ok_or(ParseKeyPurposeError)
    }
}

impl fmt::Display for KeyPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
