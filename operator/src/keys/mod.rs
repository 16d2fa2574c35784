//! Data keys of tenants: made, unwrapped, handed out, rotated.
//!
//! The database has them wrapped; who has the key-encryption key unwraps them, and that is the operator
//! alone. Media nodes get the keys of their tenant in its Secret.

mod error;
mod objects;
mod options;
mod reseal;
mod seal_words;
mod secret;
mod source;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callplane_keys::{DataKey, KeyEncryptionKey, KeyHolder, KeyId, KeyPurpose, KeyRing};
use callplane_store::keys::{self as stored, KeyStatus, StoredKey};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::TenantId;
use zeroize::Zeroizing;

pub use error::Error;
pub use options::Options;
pub use reseal::{Reseal, Resealed};
pub use seal_words::SealedWords;
pub use source::Source;

/// The keys as this process knows them. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    source: Arc<Source>,
    /// What was unwrapped once: Vault is not asked at every look at a tenant.
    unwrapped: Arc<Mutex<HashMap<KeyId, Arc<DataKey>>>>,
    reseal: Reseal,
    words: seal_words::Reached,
}

/// When a key is replaced.
#[derive(Debug, Clone, Copy)]
pub struct KeyRotation {
    /// Age at which a key gets a successor; `None` for never by itself.
    pub every: Option<Duration>,
    /// How long a key is with all readers before it seals, and how long its predecessor opens after.
    pub overlap: Duration,
}

/// What becomes of a tenant that has no key for a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It gets one.
    Make,
    /// It gets none: nothing is to change.
    Leave,
}

/// The keys of a tenant that its readers are to have.
#[derive(Debug)]
pub struct Handed {
    /// The ring.
    pub ring: KeyRing,
    /// The rows it was made of.
    pub stored: Vec<StoredKey>,
}

impl Handed {
    /// The ring as a text, for the Secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        self.ring.to_text()
    }

    /// Keys that were not with all readers yet.
    #[must_use]
    pub fn undistributed(&self) -> Vec<KeyId> {
        let new = |key: &&StoredKey| key.distributed_at.is_none();
        self.stored
            .iter()
            .filter(new)
            .map(|key| key.holder.key)
            .collect()
    }

    /// The key that seals, as long as nobody has noted that readers know.
    #[must_use]
    pub fn unannounced(&self) -> Option<KeyId> {
        let new = |key: &&StoredKey| key.status == KeyStatus::Active && key.sealing_at.is_none();
        self.stored.iter().find(new).map(|key| key.holder.key)
    }

    /// Whether a key waits for its time to seal, or for its end.
    #[must_use]
    pub fn is_rotating(&self) -> bool {
        self.stored
            .iter()
            .any(|key| matches!(key.status, KeyStatus::Pending | KeyStatus::Retiring))
    }

    /// The keys whose rows are to be sealed anew.
    pub fn retiring(&self) -> impl Iterator<Item = &StoredKey> {
        let retiring = |key: &&StoredKey| key.status == KeyStatus::Retiring;
        self.stored.iter().filter(retiring)
    }
}

impl Keys {
    /// Wraps with the key-encryption key of `source`.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source: Arc::new(source),
            unwrapped: Arc::default(),
            reseal: Reseal::default(),
            words: seal_words::Reached::default(),
        }
    }

    /// The key-encryption key as it is now.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn kek(
        &self,
        database: &OperatorDatabase,
    ) -> Result<Arc<dyn KeyEncryptionKey>, Error> {
        self.source.kek(database).await
    }

    /// The keys of `tenant` for its columns; the first one is made here. Those of no use to readers, retired
    /// and shredded, are left out.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn of_tenant(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
    ) -> Result<Handed, Error> {
        self.handed(database, fence, tenant, KeyPurpose::Column)
            .await
    }

    /// The keys of `tenant` for one purpose.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn handed(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        purpose: KeyPurpose,
    ) -> Result<Handed, Error> {
        let mut keys = self.handed_out(database, tenant, purpose).await?;
        if !seals(&keys) {
            self.add_first(database, fence, tenant, purpose).await?;
            keys = self.handed_out(database, tenant, purpose).await?;
        }
        let ring = self.open(database, &keys).await?;
        Ok(Handed { ring, stored: keys })
    }

    /// The keys of `tenant` for its columns as they are: none is made, and without one that seals there are
    /// none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn present(
        &self,
        database: &OperatorDatabase,
        tenant: TenantId,
    ) -> Result<Option<KeyRing>, Error> {
        let purpose = KeyPurpose::Column;
        let keys = self.handed_out(database, tenant, purpose).await?;
        if !seals(&keys) {
            return Ok(None);
        }
        self.open(database, &keys).await.map(Some)
    }

    /// Makes the successor of the key that seals now. It seals when all readers have had it for the
    /// overlap. `false` when a successor waits already.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn begin_rotation(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        purpose: KeyPurpose,
    ) -> Result<bool, Error> {
        let (holder, wrapped) = self.make(database, tenant, purpose).await?;
        Ok(stored::add_pending(database, fence, &holder, &wrapped).await?)
    }

    /// Goes on with the rotation of a tenant's keys for one purpose as far as the time allows: a key that has been with all
    /// readers for the overlap seals, and one that grew old gets a successor.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn advance(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        purpose: KeyPurpose,
        rotation: KeyRotation,
    ) -> Result<(), Error> {
        let overlap = rotation.overlap;
        let sealing = stored::promote(database, fence, Some(tenant), purpose, overlap).await?;
        if let Some(key) = sealing {
            tracing::info!(tenant.id = %tenant, key.id = %key, key.purpose = %purpose, "A new data key seals from now on");
        }
        if let Some(every) = rotation.every
            && stored::is_older_than(database, tenant, purpose, every).await?
            && self
                .begin_rotation(database, fence, tenant, purpose)
                .await?
        {
            tracing::info!(tenant.id = %tenant, key.purpose = %purpose, "A data key grew old and gets a successor");
        }
        Ok(())
    }

    /// Seals rows of retiring keys with the key that seals, for as long as `budget`, and retires what nothing
    /// is sealed with any more.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn reseal(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        handed: &Handed,
        overlap: Duration,
        budget: Duration,
    ) -> Result<Resealed, Error> {
        let target = reseal::Target {
            database,
            fence,
            tenant,
            ring: &handed.ring,
        };
        self.reseal.run(target, handed, overlap, budget).await
    }

    /// Makes the first key, unless somebody did meanwhile.
    async fn add_first(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        purpose: KeyPurpose,
    ) -> Result<(), Error> {
        let (holder, wrapped) = self.make(database, tenant, purpose).await?;
        stored::add_first(database, fence, &holder, &wrapped).await?;
        Ok(())
    }

    /// The ring of these keys, which seals with the active one.
    async fn open(
        &self,
        database: &OperatorDatabase,
        keys: &[StoredKey],
    ) -> Result<KeyRing, Error> {
        let mut ring: Option<KeyRing> = None;
        let mut keys: Vec<&StoredKey> = keys.iter().collect();
        // The first one seals: where none is active, the one that is going to be.
        keys.sort_by_key(|key| match key.status {
            KeyStatus::Active => 0,
            KeyStatus::Pending => 1,
            _ => 2,
        });
        for key in keys {
            let unwrapped = self.unwrap(database, key).await?;
            match &mut ring {
                None => ring = Some(KeyRing::new(unwrapped)),
                Some(ring) => ring.add(unwrapped),
            }
        }
        ring.ok_or(Error::NoKey)
    }

    async fn make(
        &self,
        database: &OperatorDatabase,
        tenant: TenantId,
        purpose: KeyPurpose,
    ) -> Result<(KeyHolder, callplane_keys::WrappedKey), Error> {
        let key = DataKey::generate()?;
        let holder = KeyHolder {
            tenant: Some(tenant),
            purpose,
            key: key.id(),
        };
        let wrapped = self.kek(database).await?.wrap(&holder, &key).await?;
        Ok((holder, wrapped))
    }

    async fn unwrap(
        &self,
        database: &OperatorDatabase,
        key: &StoredKey,
    ) -> Result<Arc<DataKey>, Error> {
        let id = key.holder.key;
        if let Some(known) = self.known().get(&id) {
            return Ok(Arc::clone(known));
        }
        let kek = self.kek(database).await?;
        let unwrapped = Arc::new(kek.unwrap(&key.holder, &key.wrapped).await?);
        self.known().insert(id, Arc::clone(&unwrapped));
        Ok(unwrapped)
    }

    /// The keys that readers have; what was unwrapped of the others is forgotten.
    async fn handed_out(
        &self,
        database: &OperatorDatabase,
        tenant: TenantId,
        purpose: KeyPurpose,
    ) -> Result<Vec<StoredKey>, Error> {
        let mut keys = stored::list(database, Some(tenant)).await?;
        let mut known = self.known();
        for key in &keys {
            let opens = key.status != KeyStatus::Shredded;
            // Readers play recordings for years.
            let stays = opens && key.holder.purpose == KeyPurpose::Recording;
            if !stays && !key.status.is_handed_out() {
                known.remove(&key.holder.key);
            }
        }
        drop(known);
        keys.retain(|key| key.status.is_handed_out() && key.holder.purpose == purpose);
        Ok(keys)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<KeyId, Arc<DataKey>>> {
        self.unwrapped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one of them seals.
fn seals(keys: &[StoredKey]) -> bool {
    keys.iter().any(|key| key.status == KeyStatus::Active)
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.source)
    }
}
