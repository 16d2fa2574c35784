//! The data keys of a tenant, from one to the next.

use std::time::Duration;

use callplane_crds::Tenant;
use callplane_store::{Fence, keys as stored};
use callplane_types::TenantId;
use k8s_openapi::ByteString;

use super::apply::Progress;
use super::login::{Home, Rotation};
use super::{Error, TenantController};
use crate::keys::{Handed, KeyRotation};

/// Longest that one look at a tenant seals rows anew; the rest follows at once.
const BUDGET: Duration = Duration::from_secs(20);
/// Before the rest follows: other tenants come in between.
const PAUSE: Duration = Duration::from_secs(1);

impl TenantController {
    /// Publishes the login and the data keys in the Secret of `namespace`.
    pub(super) async fn hand_out(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
        namespace: &str,
        rotation: Rotation,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let handed = self.advance_keys(fence, id, rotation).await?;
        let home = Home {
            namespace,
            data_keys: &ByteString(handed.to_text().as_bytes().to_vec()),
        };
        self.publish_login(tenant, fence, id, home, rotation, progress)
            .await?;
        self.keys_are_out(fence, id, &handed, rotation, progress)
            .await
    }

    /// The keys that the Secret is to have now. A key that was in it for the overlap seals from here on.
    async fn advance_keys(
        &self,
        fence: &Fence,
        id: TenantId,
        rotation: Rotation,
    ) -> Result<Handed, Error> {
        let keys = &self.context.keys;
        let database = &self.context.database;
        let rotation = KeyRotation::new(self.rotate_keys_every, rotation.overlap);
        keys.advance(database, fence, id, rotation)
            .await
            .map_err(Error::EnsureKeys)?;
        keys.of_tenant(database, fence, id)
            .await
            .map_err(Error::EnsureKeys)
    }

    /// Goes on once the Secret has the keys: counts from now that a new one is with all readers, and seals
    /// rows of an old one anew.
    async fn keys_are_out(
        &self,
        fence: &Fence,
        id: TenantId,
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
        let overlap = rotation.overlap;
        let resealed = self
            .context
            .keys
            .reseal(database, fence, id, handed, overlap, BUDGET)
            .await
            .map_err(Error::Reseal)?;
        if handed.is_rotating() {
            let next = if resealed.more { PAUSE } else { overlap };
            progress.next = Some(progress.next.map_or(next, |known| known.min(next)));
        }
        Ok(())
    }
}
