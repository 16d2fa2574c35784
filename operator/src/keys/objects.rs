//! Keys of what lies for years: archives, and the audio of calls. Nothing is sealed anew there, so a key opens
//! until it is destroyed.

use std::time::Duration;

use callplane_keys::{KeyHolder, KeyId, KeyPurpose, KeyRing};
use callplane_store::keys::{self as stored, KeyStatus};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::TenantId;

use super::{Error, Handed, Keys, Missing, seals};

impl Keys {
    /// All keys of a tenant's archives but those that were destroyed: what a retired key sealed is there
    /// for years. Where none seals, one is made, or with [`Missing::Leave`] none: then there may be none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn of_archives(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        missing: Missing,
    ) -> Result<Option<KeyRing>, Error> {
        let keys = self
            .of_objects(database, fence, tenant, KeyPurpose::Archive, missing)
            .await?;
        Ok(keys.map(|keys| keys.ring))
    }

    /// All keys of a tenant's recordings but those that were destroyed, for its media nodes; the first one is
    /// made here.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn of_recordings(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
    ) -> Result<Handed, Error> {
        let purpose = KeyPurpose::Recording;
        self.of_objects(database, fence, tenant, purpose, Missing::Make)
            .await?
            .ok_or(Error::NoKey)
    }

    /// Takes keys of recordings back that the database has lost: it was restored to a moment before they were
    /// made, and the audio that they sealed is still there. `text` is what the Secret has. One that was
    /// destroyed is known, and stays so.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn adopt_recording_keys(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        text: &str,
    ) -> Result<(), Error> {
        let Ok(ring) = KeyRing::parse(text) else {
            return Ok(());
        };
        let known = stored::list(database, Some(tenant)).await?;
        for id in ring.ids() {
            let Some(key) = ring.key(id) else { continue };
            if known.iter().any(|stored| stored.holder.key == id) {
                continue;
            }
            let holder = KeyHolder {
                tenant: Some(tenant),
                purpose: KeyPurpose::Recording,
                key: id,
            };
            let wrapped = self.kek(database).await?.wrap(&holder, key).await?;
            stored::adopt(database, fence, &holder, &wrapped).await?;
            tracing::warn!(tenant.id = %tenant, key.id = %id, "The database had lost a key of recordings, which the Secret still has; it is taken back");
        }
        Ok(())
    }

    async fn of_objects(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        purpose: KeyPurpose,
        missing: Missing,
    ) -> Result<Option<Handed>, Error> {
        if missing == Missing::Make && !seals(&self.handed_out(database, tenant, purpose).await?) {
            self.add_first(database, fence, tenant, purpose).await?;
        }
        let mut stored = stored::list(database, Some(tenant)).await?;
        stored.retain(|key| key.holder.purpose == purpose && key.status != KeyStatus::Shredded);
        if stored.is_empty() {
            return Ok(None);
        }
        let ring = self.open(database, &stored).await?;
        Ok(Some(Handed { ring, stored }))
    }

    /// Retires keys of recordings that have a successor which every media node has had for `overlap`: they
    /// seal nothing more, and open.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn retire_recording_keys(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        handed: &Handed,
        overlap: Duration,
    ) -> Result<(), Error> {
        for key in handed.retiring() {
            stored::retire(database, fence, &key.holder, overlap).await?;
        }
        Ok(())
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
        if !seals(&keys) {
            return Ok(false);
        }
        self.begin_rotation(database, fence, tenant, purpose)
            .await?;
        let keys = self.handed_out(database, tenant, purpose).await?;
        let pending = keys.iter().filter(|key| key.status == KeyStatus::Pending);
        let pending: Vec<KeyId> = pending.map(|key| key.holder.key).collect();
        stored::mark_distributed(database, fence, &pending).await?;
        stored::promote(database, fence, Some(tenant), purpose, Duration::ZERO).await?;
        // There is no Secret that would have to say so.
        for key in &pending {
            stored::mark_sealing(database, fence, *key).await?;
        }
        for key in keys.iter().filter(|key| key.status != KeyStatus::Pending) {
            stored::retire(database, fence, &key.holder, Duration::ZERO).await?;
        }
        Ok(true)
    }
}
