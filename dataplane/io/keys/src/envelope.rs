//! How a sealed value is stored.

use aws_lc_rs::aead::NONCE_LEN;
use uuid::Uuid;

use crate::KeyId;

/// The one version that exists: AES-256-GCM with a random nonce.
const VERSION: u8 = 1;
/// Of AES-256-GCM.
const TAG_LEN: usize = 16;
/// Version and key.
const HEADER_LEN: usize = 1 + KeyId::LEN;

/// A sealed value as it is stored: version, key, nonce, ciphertext and tag.
///
/// ```text
/// 1 octet   version, 1
/// 16        identifier of the data key
/// 12        nonce
/// n + 16    ciphertext and tag
/// ```
///
/// Version and key are authenticated with the [`Place`](crate::Place). The layout is also known to the
/// store, which counts the rows of a key by octets 2 to 17.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    key_id: KeyId,
    nonce: &'a [u8; NONCE_LEN],
    sealed: &'a [u8],
}

/// The octets are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseEnvelopeError {
    /// Shorter than an envelope of nothing.
    #[error("it is shorter than an envelope of nothing")]
    TooShort,
    /// Made by a later version of this software.
    #[error("its version is not known")]
    UnknownVersion(u8),
}

impl<'a> Envelope<'a> {
    /// What sealing adds.
    pub const OVERHEAD: usize = HEADER_LEN + NONCE_LEN + TAG_LEN;

    /// Reads an envelope, without opening it.
    ///
    /// # Errors
    /// [`ParseEnvelopeError`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseEnvelopeError> {
        let (&version, rest) = octets.split_first().ok_or(ParseEnvelopeError::TooShort)?;
        if version != VERSION {
            return Err(ParseEnvelopeError::UnknownVersion(version));
        }
        let (key_id, rest) = rest
            .split_first_chunk::<{ KeyId::LEN }>()
            .ok_or(ParseEnvelopeError::TooShort)?;
        let (nonce, sealed) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(ParseEnvelopeError::TooShort)?;
        if sealed.len() < TAG_LEN {
            return Err(ParseEnvelopeError::TooShort);
        }
        Ok(Self {
            key_id: KeyId::new(Uuid::from_bytes(*key_id)),
            nonce,
            sealed,
        })
    }

    /// The key that opens it.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Octets of the value inside.
    #[must_use]
    pub const fn content_len(&self) -> usize {
        self.sealed.len() - TAG_LEN
    }

    pub(crate) const fn nonce(&self) -> [u8; NONCE_LEN] {
        *self.nonce
    }

    pub(crate) const fn sealed(&self) -> &'a [u8] {
        self.sealed
    }

    /// Version and key, as they are authenticated.
    pub(crate) fn header(key_id: KeyId) -> [u8; HEADER_LEN] {
        let mut header = [VERSION; HEADER_LEN];
        header[1..].copy_from_slice(key_id.uuid().as_bytes());
        header
    }

    /// The octets again.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        [
            Self::header(self.key_id).as_slice(),
            self.nonce,
            self.sealed,
        ]
        .concat()
    }
}
