//! Why a `crypto` attribute is not used.

use crate::keying::KeyingLengthError;
use crate::profile::UnsupportedSuite;

/// Why an attribute is not one to use. An offer may hold others (RFC 4568 section 7.1.2): one that
/// is refused here is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Not a tag, a suite and a key.
    #[error("malformed crypto attribute")]
    Malformed,
    /// The tag is not one to nine digits.
    #[error("the tag of a crypto attribute is one to nine digits")]
    Tag,
    /// A cipher that is not spoken here.
    #[error(transparent)]
    Suite(#[from] UnsupportedSuite),
    /// The key is not in the attribute itself.
    #[error("unsupported key method, only `inline` is")]
    Method,
    /// Several keys, told apart by their identifiers.
    #[error("several master keys in one crypto attribute are not supported")]
    SeveralKeys,
    /// A master key identifier would be in every packet.
    #[error("master key identifiers are not supported")]
    Identifier,
    /// The key is not base64.
    #[error("the key is not base64")]
    Base64,
    /// The key is too long or too short.
    #[error(transparent)]
    Length(#[from] KeyingLengthError),
    /// The lifetime is no number of packets from 1 to 2^48.
    #[error("the lifetime of a key is 1 to 2^48 packets")]
    Lifetime,
    /// Packets would be sent in the clear or without authentication.
    #[error("unencrypted or unauthenticated media is not supported")]
    Unprotected,
    /// Session keys would change on the way.
    #[error("key derivation rates are not supported")]
    DerivationRate,
    /// A session parameter that must be understood and is not.
    #[error("unsupported session parameter")]
    Parameter,
}
