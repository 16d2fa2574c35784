//! The keys that a tenant's archives are sealed with.

use std::path::Path;

use anyhow::Context as _;
use callplane_keys::{DataKey, KeyEncryptionKey as _, KeyHolder, KeyPurpose, KeyRing, LocalKek};
use callplane_store::keys::{self, KeyStatus, StoredKey};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::TenantId;
use zeroize::Zeroizing;

/// All keys of a tenant's archives, those included that seal nothing any more; one is made here when none
/// seals. `file` holds the key-encryption keys.
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
    let mut stored = of_archives(database, tenant).await?;
    if stored
        .first()
        .is_none_or(|key| key.status != KeyStatus::Active)
    {
        let key = DataKey::generate()?;
        let holder = KeyHolder {
            tenant: Some(tenant),
            purpose: KeyPurpose::Archive,
            key: key.id(),
        };
        let wrapped = kek.wrap(&holder, &key).await?;
        keys::add_first(database, fence, &holder, &wrapped).await?;
        stored = of_archives(database, tenant).await?;
    }
    let mut ring: Option<KeyRing> = None;
    for key in stored {
        let opened = kek.unwrap(&key.holder, &key.wrapped).await?;
        match &mut ring {
            None => ring = Some(KeyRing::new(opened)),
            Some(ring) => ring.add(opened),
        }
    }
    ring.context("the tenant has no key for its archives")
}

/// The one that seals first; those that were destroyed are left out.
async fn of_archives(
    database: &OperatorDatabase,
    tenant: TenantId,
) -> anyhow::Result<Vec<StoredKey>> {
    let mut stored = keys::list(database, Some(tenant)).await?;
    stored.retain(|key| {
        key.holder.purpose == KeyPurpose::Archive && key.status != KeyStatus::Shredded
    });
    stored.sort_by_key(|key| key.status != KeyStatus::Active);
    Ok(stored)
}
