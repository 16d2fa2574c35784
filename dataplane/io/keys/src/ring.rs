//! The keys of one purpose, by their identifiers.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{DataKey, Envelope, Error, KeyId, Place, Result};

/// Keys of one purpose: one seals, all open. Cheap to clone; clones count together what they seal.
///
/// A rotation puts the new key on every ring first and lets it seal only then, so that no reader ever
/// meets a value whose key it does not have.
#[derive(Debug, Clone)]
pub struct KeyRing {
    keys: BTreeMap<KeyId, Arc<DataKey>>,
    sealing: KeyId,
}

/// A text is no ring of keys. Tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyRingError {
    /// Not as [`KeyRing::to_text`] writes it.
    #[error("it is no JSON with `seal` and `keys`")]
    Malformed,
    /// A key is not 32 octets in base64.
    #[error("a key is not 32 octets in base64")]
    Key,
    /// The key that seals is not among the keys.
    #[error("the key that seals is not among the keys")]
    NothingSeals,
}

/// How a ring is written. Borrowed, so that keys are not copied while it is read.
#[derive(Serialize, Deserialize)]
struct Text<'a> {
    seal: Uuid,
    #[serde(borrow)]
    keys: BTreeMap<Uuid, &'a str>,
}

impl KeyRing {
    /// A ring that seals with `key`.
    #[must_use]
    pub fn new(key: impl Into<Arc<DataKey>>) -> Self {
        let key = key.into();
        Self {
            sealing: key.id(),
            keys: BTreeMap::from([(key.id(), key)]),
        }
    }

    /// Opens with `key`, too.
    pub fn add(&mut self, key: impl Into<Arc<DataKey>>) {
        let key = key.into();
        self.keys.entry(key.id()).or_insert(key);
    }

    /// Seals with the key `id` from now on.
    ///
    /// # Errors
    /// [`Error::UnknownKey`].
    pub fn seal_with(&mut self, id: KeyId) -> Result<()> {
        if !self.keys.contains_key(&id) {
            return Err(Error::UnknownKey(id));
        }
        self.sealing = id;
        Ok(())
    }

    /// The key that seals.
    #[must_use]
    pub const fn sealing(&self) -> KeyId {
        self.sealing
    }

    /// The keys that open, in the order of their identifiers.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.keys().copied()
    }

    /// The key `id`.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&DataKey> {
        self.keys.get(&id).map(Arc::as_ref)
    }

    /// How many values the key that seals may still seal in this process.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.key(self.sealing).map_or(0, DataKey::room)
    }

    /// Seals `value` for `place`.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn seal(&self, place: &Place, value: &[u8]) -> Result<Vec<u8>> {
        self.key(self.sealing)
            .ok_or(Error::UnknownKey(self.sealing))?
            .seal(place, value)
    }

    /// Opens what any key of the ring sealed for `place`.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownKey`], [`Error::Refused`].
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let envelope = Envelope::parse(sealed)?;
        let id = envelope.key_id();
        self.key(id)
            .ok_or(Error::UnknownKey(id))?
            .open(place, &envelope)
    }

    /// Opens a value and seals it with the key that seals; `None` when it is sealed with that already.
    ///
    /// # Errors
    /// As [`KeyRing::open`] and [`KeyRing::seal`].
    pub fn reseal(&self, place: &Place, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        if Envelope::parse(sealed)?.key_id() == self.sealing {
            return Ok(None);
        }
        let value = self.open(place, sealed)?;
        self.seal(place, &value).map(Some)
    }

    /// Keeps the count of what this process sealed with the keys of an earlier ring: a ring that is read
    /// again from its file begins none anew.
    pub fn carry_on(&mut self, earlier: &Self) {
        for (id, key) in &mut self.keys {
            if let Some(known) = earlier.keys.get(id)
                && known.expose() == key.expose()
            {
                *key = Arc::clone(known);
            }
        }
    }

    /// The ring as a text, for a Secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let keys: Vec<(Uuid, Zeroizing<String>)> = self
            .keys
            .values()
            .map(|key| {
                (
                    key.id().uuid(),
                    Zeroizing::new(STANDARD.encode(key.expose())),
                )
            })
            .collect();
        let text = Text {
            seal: self.sealing.uuid(),
            keys: keys.iter().map(|(id, key)| (*id, key.as_str())).collect(),
        };
        // Enough for all: a text that grows leaves its former self in memory.
        let mut octets = Vec::with_capacity(128 + 128 * keys.len());
        serde_json::to_writer(&mut octets, &text).expect("maps of text are JSON");
        Zeroizing::new(String::from_utf8(octets).expect("JSON is UTF-8"))
    }

    /// Reads what [`KeyRing::to_text`] wrote.
    ///
    /// # Errors
    /// [`ParseKeyRingError`].
    pub fn parse(text: &str) -> Result<Self, ParseKeyRingError> {
        let Text { seal, keys } =
            serde_json::from_str(text).map_err(|_| ParseKeyRingError::Malformed)?;
        let keys: BTreeMap<KeyId, Arc<DataKey>> = keys
            .into_iter()
            .map(|(id, key)| {
                let id = KeyId::new(id);
                let octets =
                    Zeroizing::new(STANDARD.decode(key).map_err(|_| ParseKeyRingError::Key)?);
                let key = DataKey::new(id, &octets).map_err(|_| ParseKeyRingError::Key)?;
                Ok((id, Arc::new(key)))
            })
            .collect::<Result<_, _>>()?;
        let sealing = KeyId::new(seal);
        if !keys.contains_key(&sealing) {
            return Err(ParseKeyRingError::NothingSeals);
        }
        Ok(Self { keys, sealing })
    }
}
