//! A key-encryption key out of a Secret.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use uuid::Builder;
use zeroize::Zeroizing;

use super::{KekError, KeyEncryptionKey, KeyHolder, WrappedKey};
use crate::{DataKey, Error, KeyId, KeyRing, Place, random};

/// Keys of a Secret: the first wraps, all unwrap.
///
/// To rotate, put a new line before the others, rewrap the data keys, and take the old line away once
/// no data key names it. Keep it apart until the last backup from before has expired: the data keys in
/// there need it.
#[derive(Debug)]
pub struct LocalKek(KeyRing);

impl LocalKek {
    /// How [`WrappedKey::kek`] begins for local keys.
    pub const SCHEME: &str = "local:";

    /// Reads the keys: 32 octets in base64, one a line, the newest first. Empty lines and lines that begin
    /// with `#` count for nothing.
    ///
    /// # Errors
    /// [`KekError::Invalid`].
    pub fn parse(text: &str) -> Result<Self, KekError> {
        let mut ring: Option<KeyRing> = None;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let octets = Zeroizing::new(STANDARD.decode(line).map_err(|_| malformed())?);
            let key = DataKey::new(id_of(&octets), &octets).map_err(|_| malformed())?;
            match &mut ring {
                None => ring = Some(KeyRing::new(key)),
                Some(ring) => ring.add(key),
            }
        }
        ring.map(Self).ok_or_else(malformed)
    }

    /// Makes a key, as a line for [`LocalKek::parse`].
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn generate() -> Result<Zeroizing<String>, Error> {
        let mut octets = Zeroizing::new([0; DataKey::LEN]);
        random::fill(octets.as_mut_slice())?;
        Ok(Zeroizing::new(STANDARD.encode(octets.as_slice())))
    }

    /// What [`WrappedKey::kek`] says of a key that is wrapped now.
    #[must_use]
    pub fn current(&self) -> String {
        name_of(self.0.sealing())
    }

    /// Whether a [`WrappedKey::kek`] names a local key, this one or another.
    #[must_use]
    pub fn is_local(kek: &str) -> bool {
        kek.starts_with(Self::SCHEME)
    }

    fn wrap_now(&self, holder: &KeyHolder, octets: &[u8]) -> Result<WrappedKey, KekError> {
        let sealed = self.0.seal(&Place::key(&holder.context()), octets);
        Ok(WrappedKey {
            octets: sealed.map_err(|error| KekError::Unavailable(error.to_string()))?,
            kek: self.current(),
        })
    }

    fn unwrap_now(
        &self,
        holder: &KeyHolder,
        wrapped: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, KekError> {
        if !Self::is_local(&wrapped.kek) {
            return Err(KekError::UnknownKey(wrapped.kek.clone()));
        }
        let opened = self.0.open(&Place::key(&holder.context()), &wrapped.octets);
        opened.map_err(|error| match error {
            Error::UnknownKey(id) => KekError::UnknownKey(name_of(id)),
            _ => KekError::Refused,
        })
    }
}

impl KeyEncryptionKey for LocalKek {
    fn wrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        key: &'a DataKey,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        Box::pin(async move { self.wrap_now(holder, key.expose()) })
    }

    fn unwrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<DataKey, KekError>> {
        Box::pin(async move {
            let octets = self.unwrap_now(holder, wrapped)?;
            DataKey::new(holder.key, &octets).map_err(|_| KekError::Refused)
        })
    }

    fn rewrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Option<WrappedKey>, KekError>> {
        Box::pin(async move {
            if wrapped.kek == self.current() {
                return Ok(None);
            }
            let octets = self.unwrap_now(holder, wrapped)?;
            self.wrap_now(holder, &octets).map(Some)
        })
    }
}

/// By its hash: a key has the same name wherever it is read. 128 bits of the SHA-256 of 32 random octets
/// tell nothing of them.
fn id_of(octets: &[u8]) -> KeyId {
    let hash = digest::digest(&digest::SHA256, octets);
    let mut id = [0; KeyId::LEN];
    id.copy_from_slice(&hash.as_ref()[..KeyId::LEN]);
    KeyId::new(Builder::from_custom_bytes(id).into_uuid())
}

fn name_of(id: KeyId) -> String {
    format!("{}{id}", LocalKek::SCHEME)
}

fn malformed() -> KekError {
    KekError::Invalid(
        "a key-encryption key is 32 octets in base64, one a line, the newest first; make one with `openssl rand -base64 32`"
            .to_owned(),
    )
}
