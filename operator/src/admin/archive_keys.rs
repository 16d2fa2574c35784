//! The keys that a tenant's archives are sealed with.

use std::path::Path;

use anyhow::Context as _;
use callplane_keys::{DataKey, KeyEncryptionKey as _, KeyHolder, KeyPurpose, KeyRing, LocalKek};
use callplane_store::retention::keys::{self, StoredKey};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::TenantId;
use zeroize::Zeroizing;

/// All keys of a tenant's archives, those included that seal nothing any more; the first one is made
/// here. `file` holds the key-encryption keys.
pub(super) async fn ring(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    file: &Path,
) -> anyhow::Result<KeyRing> {
    let text = Zeroizing::new(
        std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}, the key-encryption keys", file.display()))?,
    );
    let kek = LocalKek::parse(&text)?;
    let mut stored = keys::of_archives(database, tenant).await?;
    if stored.is_empty() {
        let key = DataKey::generate()?;
        let holder = holder(tenant, key.id());
        let wrapped = kek.wrap(&holder, &key).await?;
        let first = StoredKey {
            id: key.id().uuid(),
            wrapped: wrapped.octets,
            kek: wrapped.kek,
        };
        keys::add_first(database, fence, tenant, &first).await?;
        stored = keys::of_archives(database, tenant).await?;
    }
    let mut ring: Option<KeyRing> = None;
    for key in stored {
        let wrapped = callplane_keys::WrappedKey {
            octets: key.wrapped,
            kek: key.kek,
        };
        let opened = kek
            .unwrap(
                &holder(tenant, callplane_keys::KeyId::new(key.id)),
                &wrapped,
            )
            .await?;
        match &mut ring {
            None => ring = Some(KeyRing::new(opened)),
            Some(ring) => ring.add(opened),
        }
    }
    ring.context("the tenant has no key for its archives")
}

fn holder(tenant: TenantId, key: callplane_keys::KeyId) -> KeyHolder {
    KeyHolder {
        tenant: Some(tenant),
        purpose: KeyPurpose::Archive,
        key,
    }
}
