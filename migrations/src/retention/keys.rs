//! The keys that a tenant's archives are sealed with, as they are stored: `platform.encryption_keys`.

use callplane_types::TenantId;
use sqlx::Row as _;
use uuid::Uuid;

use crate::{Fence, OperatorDatabase, Result};

/// A data key, enciphered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Which.
    pub id: Uuid,
    /// Enciphered.
    pub wrapped: Vec<u8>,
    /// The key it was enciphered with.
    pub kek: String,
}

/// The keys of a tenant's archives, the one that seals first; those that were destroyed are left out.
pub async fn of_archives(database: &OperatorDatabase, tenant: TenantId) -> Result<Vec<StoredKey>> {
    sqlx::query(
        "SELECT id, wrapped_key, kek_ref FROM platform.encryption_keys
          WHERE tenant_id = $1 AND purpose = 'archive' AND status <> 'shredded'
          ORDER BY status = 'active' DESC, version DESC",
    )
    .bind(tenant.uuid())
    .fetch_all(database.pool())
    .await?
    .iter()
    .map(|row| {
        Ok(StoredKey {
            id: row.try_get("id")?,
            wrapped: row.try_get("wrapped_key")?,
            kek: row.try_get("kek_ref")?,
        })
    })
    .collect()
}

/// Stores the first key, unless there is one.
pub async fn add_first(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    key: &StoredKey,
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    sqlx::query(
        "INSERT INTO platform.encryption_keys (id, tenant_id, purpose, version, wrapped_key, kek_ref)
         VALUES ($1, $2, 'archive', 1, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(key.id)
    .bind(tenant.uuid())
    .bind(&key.wrapped)
    .bind(&key.kek)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}
