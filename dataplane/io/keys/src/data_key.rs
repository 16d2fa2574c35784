//! A key that seals values.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Envelope, Error, KeyId, Place, Result, random};

/// A key that seals values with AES-256-GCM. Wiped from memory when it is dropped, never printed.
///
/// Nonces are random, so what one key seals has to be bounded: at 2^32 values in all, two of them have
/// the same nonce with probability 2^-33 (NIST SP 800-38D, section 8.3). No process sees what the others
/// seal, therefore **each seals at most [`DataKey::LIMIT`]**, which leaves room for 256 lives of
/// processes between two rotations.
pub struct DataKey {
    id: KeyId,
    octets: Zeroizing<[u8; Self::LEN]>,
    cipher: RandomizedNonceKey,
    sealed: AtomicU64,
    limit: u64,
}

impl DataKey {
    /// Length of a key in octets.
    pub const LEN: usize = 32;
    /// Values that one process seals with one key.
    pub const LIMIT: u64 = 1 << 24;

    /// Makes a key of random octets, with an identifier of its own.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn generate() -> Result<Self> {
        let mut octets = Zeroizing::new([0; Self::LEN]);
        random::fill(octets.as_mut_slice())?;
        Self::new(KeyId::new(Uuid::now_v7()), octets.as_slice())
    }

    /// The key `id` with these octets.
    ///
    /// # Errors
    /// [`Error::KeyLength`].
    pub fn new(id: KeyId, octets: &[u8]) -> Result<Self> {
        let octets: &[u8; Self::LEN] = octets.try_into().map_err(|_| Error::KeyLength)?;
        Ok(Self {
            id,
            cipher: RandomizedNonceKey::new(&AES_256_GCM, octets).map_err(|_| Error::KeyLength)?,
            octets: Zeroizing::new(*octets),
            sealed: AtomicU64::new(0),
            limit: Self::LIMIT,
        })
    }

    /// Seals at most `limit` values in this process.
    #[must_use]
    pub const fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Which key it is.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself: for whoever wraps it or hands it to a reader, never for a log.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.octets
    }

    /// Values sealed by this process.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed).min(self.limit)
    }

    /// Values that it may still seal in this process.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.limit - self.sealed()
    }

    /// Seals `value` for `place` into an [`Envelope`].
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn seal(&self, place: &Place, value: &[u8]) -> Result<Vec<u8>> {
        if self.sealed.fetch_add(1, Ordering::Relaxed) >= self.limit {
            return Err(Error::Exhausted(self.id));
        }
        // Sealed where it lies, so that no copy of the value stays behind.
        let mut sealed = Vec::with_capacity(value.len() + Envelope::OVERHEAD);
        sealed.extend(value);
        let header = Envelope::header(self.id);
        let nonce = self
            .cipher
            .seal_in_place_append_tag(Aad::from(associated(&header, place)), &mut sealed)
            .map_err(|_| Error::NoRandomness)?;
        sealed.splice(0..0, header.into_iter().chain(*nonce.as_ref()));
        Ok(sealed)
    }

    /// Opens what [`DataKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] for an envelope of another key, [`Error::Refused`].
    pub fn open(&self, place: &Place, envelope: &Envelope<'_>) -> Result<Zeroizing<Vec<u8>>> {
        if envelope.key_id() != self.id {
            return Err(Error::UnknownKey(envelope.key_id()));
        }
        let header = Envelope::header(self.id);
        let mut value = Zeroizing::new(envelope.sealed().to_vec());
        let length = self
            .cipher
            .open_in_place(
                Nonce::assume_unique_for_key(envelope.nonce()),
                Aad::from(associated(&header, place)),
                &mut value,
            )
            .map_err(|_| Error::Refused)?
            .len();
        value.truncate(length);
        Ok(value)
    }
}

fn associated(header: &[u8], place: &Place) -> Vec<u8> {
    [header, place.as_bytes()].concat()
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({}, <secret>)", self.id.uuid())
    }
}
