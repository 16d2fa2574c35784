//! Why a value was not sealed or not opened.

use crate::{KeyId, ParseEnvelopeError};

/// The result of sealing and opening.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a value was not sealed or not opened. Tells nothing of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given is no envelope.
    #[error("the sealed value is no envelope")]
    Malformed(#[from] ParseEnvelopeError),

    /// The envelope names a key that is not on the ring: it was made since, or retired, or shredded.
    #[error("the value was sealed with key {0}, which is not at hand here")]
    UnknownKey(KeyId),

    /// The key is right and the value still does not open.
    #[error(
        "the sealed value does not open: it was changed, or it belongs to another row, column or tenant"
    )]
    Refused,

    /// The key may seal nothing more: more values under one key could repeat a nonce.
    #[error("data key {0} has sealed as much as it may in one process; rotate it")]
    Exhausted(KeyId),

    /// A key has another length.
    #[error("a data key has 32 octets")]
    KeyLength,

    /// The system gave none.
    #[error("the system gave no random octets")]
    NoRandomness,
}
