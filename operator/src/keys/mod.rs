//! Data keys of tenants: made, unwrapped, handed out, rotated.
//!
//! The database has them wrapped; who has the key-encryption key unwraps them, and that is the operator
//! alone. Media nodes get the keys of their tenant in its Secret.

mod error;
mod options;
mod reseal;
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
pub use source::Source;

/// The keys as this process knows them. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    source: Arc<Source>,
    /// What was unwrapped once: Vault is not asked at every look at a tenant.
    unwrapped: Arc<Mutex<HashMap<KeyId, Arc<DataKey>>>>,
    reseal: Reseal,
}

/// When a key is replaced.
#[derive(Debug, Clone, Copy)]
pub struct KeyRotation {
    /// Age at which a key gets a successor; `None` for never by itself.
    pub every: Option<Duration>,
    /// How long a key is with all readers before it seals, and how long its predecessor opens after.
    pub overlap: Duration,
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

    /// Whether a key waits for its time to seal, or for its end.
    #[must_use]
    pub fn is_rotating(&self) -> bool {
        self.stored
            .iter()
            .any(|key| key.status != KeyStatus::Active)
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
        if !keys.iter().any(|key| key.status == KeyStatus::Active) {
            let (holder, wrapped) = self.make(database, tenant, purpose).await?;
            stored::add_first(database, fence, &holder, &wrapped).await?;
            keys = self.handed_out(database, tenant, purpose).await?;
        }
        let mut ring: Option<KeyRing> = None;
        // The one that seals first.
        keys.sort_by_key(|key| key.status != KeyStatus::Active);
        for key in &keys {
            let unwrapped = self.unwrap(database, key).await?;
            match &mut ring {
                None => ring = Some(KeyRing::new(unwrapped)),
                Some(ring) => ring.add(unwrapped),
            }
        }
        let ring = ring.ok_or(Error::NoKey)?;
        Ok(Handed { ring, stored: keys })
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

    /// Replaces the key of a tenant's archives at once: no reader is handed it. `false` when the tenant has
    /// none yet.
    ///
    /// # Errors
    /// [`Error`], also when the keys of archives are wrapped with another key-encryption key: a successor
    /// under this one could not be opened with them.
    pub async fn replace_archive_key(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
    ) -> Result<bool, Error> {
        let purpose = KeyPurpose::Archive;
        let keys = self.handed_out(database, tenant, purpose).await?;
        for key in &keys {
            self.unwrap(database, key).await?;
        }
        if !keys.iter().any(|key| key.status == KeyStatus::Active) {
            return Ok(false);
        }
        self.begin_rotation(database, fence, tenant, purpose)
            .await?;
        let keys = self.handed_out(database, tenant, purpose).await?;
        let pending = keys.iter().filter(|key| key.status == KeyStatus::Pending);
        let pending: Vec<KeyId> = pending.map(|key| key.holder.key).collect();
        stored::mark_distributed(database, fence, &pending).await?;
        stored::promote(database, fence, Some(tenant), purpose, Duration::ZERO).await?;
        for key in keys.iter().filter(|key| key.status != KeyStatus::Pending) {
            stored::retire(database, fence, &key.holder, Duration::ZERO).await?;
        }
        Ok(true)
    }

    /// Goes on with the rotation of a tenant's keys as far as the time allows: a key that has been with all
    /// readers for the overlap seals, and one that grew old gets a successor.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn advance(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        rotation: KeyRotation,
    ) -> Result<(), Error> {
        let purpose = KeyPurpose::Column;
        let overlap = rotation.overlap;
        let sealing = stored::promote(database, fence, Some(tenant), purpose, overlap).await?;
        if let Some(key) = sealing {
            tracing::info!(tenant.id = %tenant, key.id = %key, "A new data key seals from now on");
        }
        if let Some(every) = rotation.every
            && stored::is_older_than(database, tenant, purpose, every).await?
            && self
                .begin_rotation(database, fence, tenant, purpose)
                .await?
        {
            tracing::info!(tenant.id = %tenant, "A data key grew old and gets a successor");
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
        let (mut keys, gone): (Vec<_>, Vec<_>) = stored::list(database, Some(tenant))
            .await?
            .into_iter()
            .partition(|key| key.status.is_handed_out());
        let mut known = self.known();
        for key in gone {
            known.remove(&key.holder.key);
        }
        keys.retain(|key| key.holder.purpose == purpose);
        Ok(keys)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<KeyId, Arc<DataKey>>> {
        self.unwrapped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.source)
    }
}
