//! The data keys of a tenant, from one to the next.

use std::time::Duration;

use callplane_crds::Tenant;
use callplane_keys::KeyPurpose;
use callplane_kit::owner_uid;
use callplane_store::tenants::{self, Backlog};
use callplane_store::{Fence, keys as stored};
use callplane_types::TenantId;
use k8s_openapi::ByteString;

use super::apply::Progress;
use super::login::{Home, Rotation};
use super::secret::{self, PublishedKeys};
use super::{Error, TenantController};
use crate::keys::{Handed, KeyRotation};

/// Longest that one look at a tenant seals rows anew; the rest follows at once.
const BUDGET: Duration = Duration::from_secs(20);
/// Before the rest follows: other tenants come in between.
const PAUSE: Duration = Duration::from_secs(1);
/// When every media node has heard that a Tenant changed: far more than it takes one to look again.
const SETTLE: Duration = Duration::from_secs(600);

impl TenantController {
    /// Publishes the login and the data keys in the Secret of `namespace`; gives back the keys.
    pub(super) async fn hand_out(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
        namespace: &str,
        rotation: Rotation,
        progress: &mut Progress,
    ) -> Result<Handed, Error> {
        if let Some(live) = self.secret(namespace).await?
            && owner_uid(&live) == tenant.metadata.uid.as_deref()
            && let Some(text) = secret::recording_keys(&live)
        {
            let keys = &self.context.keys;
            keys.adopt_recording_keys(&self.context.database, fence, id, &text)
                .await
                .map_err(Error::EnsureKeys)?;
        }
        let (handed, recordings) = self.advance_keys(fence, id, rotation).await?;
        let text = |keys: &Handed| ByteString(keys.to_text().as_bytes().to_vec());
        let home = Home {
            namespace,
            keys: &PublishedKeys {
                data: text(&handed),
                recordings: text(&recordings),
            },
        };
        self.publish_login(tenant, fence, id, home, rotation, progress)
            .await?;
        self.keys_are_out(fence, &handed, rotation, progress)
            .await?;
        self.keys_are_out(fence, &recordings, rotation, progress)
            .await?;
        self.replace_keys(fence, id, &handed, &recordings, rotation, progress)
            .await?;
        Ok(handed)
    }

    /// Seals what calls said before the tenant asked for encrypted transcripts. Reads nothing once all is
    /// sealed; that is so when a pass over everything finds nothing which began after every media node had
    /// heard of it.
    pub(super) async fn seal_backlog(
        &self,
        fence: &Fence,
        id: TenantId,
        handed: &Handed,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let database = &self.context.database;
        let backlog = tenants::backlog(database, id, SETTLE)
            .await
            .map_err(|error| Error::SealWords(error.into()))?;
        if backlog == Backlog::None {
            return Ok(());
        }
        let sealed = self
            .context
            .keys
            .seal_words(database, fence, id, &handed.ring, BUDGET)
            .await
            .map_err(Error::SealWords)?;
        if sealed.values > 0 {
            tracing::info!(tenant.id = %id, values = sealed.values, "Sealed what was said in calls");
        }
        if backlog == Backlog::Last && sealed.nothing_left {
            return tenants::note_sealed(database, fence, id, SETTLE)
                .await
                .map_err(|error| Error::SealWords(error.into()));
        }
        progress.look_again_in(if sealed.more { PAUSE } else { SETTLE });
        Ok(())
    }

    /// The keys that the Secret is to have now, for columns and for recordings. A key that was in it for the
    /// overlap seals from here on.
    async fn advance_keys(
        &self,
        fence: &Fence,
        id: TenantId,
        rotation: Rotation,
    ) -> Result<(Handed, Handed), Error> {
        let keys = &self.context.keys;
        let database = &self.context.database;
        let rotation = KeyRotation::new(self.rotate_keys_every, rotation.overlap);
        for purpose in [KeyPurpose::Column, KeyPurpose::Recording] {
            keys.advance(database, fence, id, purpose, rotation)
                .await
                .map_err(Error::EnsureKeys)?;
        }
        let columns = keys
            .of_tenant(database, fence, id)
            .await
            .map_err(Error::EnsureKeys)?;
        let recordings = keys
            .of_recordings(database, fence, id)
            .await
            .map_err(Error::EnsureKeys)?;
        Ok((columns, recordings))
    }

    /// Notes that the Secret has the keys: counts from now that a new one is with all readers, or seals.
    async fn keys_are_out(
        &self,
        fence: &Fence,
        handed: &Handed,
        rotation: Rotation,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let database = &self.context.database;
        let new = handed.undistributed();
        if !new.is_empty() {
            stored::mark_distributed(database, fence, &new)
                .await
                .map_err(|error| Error::EnsureKeys(error.into()))?;
        }
        if let Some(key) = handed.unannounced() {
            stored::mark_sealing(database, fence, key)
                .await
                .map_err(|error| Error::EnsureKeys(error.into()))?;
        }
        if handed.is_rotating() {
            progress.look_again_in(rotation.overlap);
        }
        Ok(())
    }

    /// Seals rows of an old key anew; recordings keep theirs.
    async fn replace_keys(
        &self,
        fence: &Fence,
        id: TenantId,
        handed: &Handed,
        recordings: &Handed,
        rotation: Rotation,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let keys = &self.context.keys;
        let (database, overlap) = (&self.context.database, rotation.overlap);
        keys.retire_recording_keys(database, fence, recordings, overlap)
            .await
            .map_err(Error::Reseal)?;
        let resealed = keys
            .reseal(database, fence, id, handed, overlap, BUDGET)
            .await
            .map_err(Error::Reseal)?;
        if resealed.more {
            progress.look_again_in(PAUSE);
        }
        Ok(())
    }
}
