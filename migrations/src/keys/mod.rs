//! Data keys of tenants: `platform.encryption_keys`. Wrapped: nothing here can open one.
//!
//! A key goes through five states. **A key seals nothing before all who read have it, and is taken
//! from nobody before nothing is sealed with it**:
//!
//! ```text
//! pending -> active -> retiring -> retired -> shredded
//! ```

mod clear;
mod life;
mod sealed;
mod shred;

use callplane_keys::{KeyHolder, KeyId, KeyPurpose, WrappedKey};
use callplane_types::{TenantId, WallTime};
use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::time::{wall, wall_opt};
use crate::words::words;
use crate::{Error, Fence, OperatorDatabase, Result};

pub use clear::{CLEAR_COLUMNS, ClearColumn, ClearRow, in_clear, put_sealed};
pub use life::{
    add_first, add_pending, adopt, is_older_than, mark_distributed, mark_sealing, promote, recall,
    replace_wrapping, retire,
};
pub use sealed::{SEALED_COLUMNS, SealedColumn, SealedRow, replace, sealed_with};
pub(crate) use shred::shred_of_tenant;
pub use shred::{Needs, needs, shred};

words! {
    /// How far a key is in its life.
    KeyStatus {
        /// Handed to readers, seals nothing yet.
        Pending = "pending",
        /// Seals.
        Active = "active",
        /// Opens, while rows are sealed with the next one.
        Retiring = "retiring",
        /// Handed to nobody but players of recordings; kept for backups and archives.
        Retired = "retired",
        /// Destroyed; what it sealed is lost.
        Shredded = "shredded",
    }
}

impl KeyStatus {
    /// Whether readers hold it.
    #[must_use]
    pub const fn is_handed_out(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Retiring)
    }
}

/// A row of `platform.encryption_keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Whose it is, what for, and which.
    pub holder: KeyHolder,
    /// From 1 on, for one tenant and purpose.
    pub version: i32,
    /// Enciphered; empty once it is shredded.
    pub wrapped: WrappedKey,
    /// How far it is.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: WallTime,
    /// When all who read had it in their Secret.
    pub distributed_at: Option<WallTime>,
    /// When it began to seal.
    pub activated_at: Option<WallTime>,
    /// When all who seal had it in their Secret that it does.
    pub sealing_at: Option<WallTime>,
}

const COLUMNS: &str = "id, tenant_id, purpose, version, wrapped_key, kek_ref, status, created_at,
                       distributed_at, activated_at, sealing_at";

/// The keys of a tenant, by purpose and version; `None` is the installation's.
pub async fn list(database: &OperatorDatabase, tenant: Option<TenantId>) -> Result<Vec<StoredKey>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM platform.encryption_keys
          WHERE tenant_id IS NOT DISTINCT FROM $1 ORDER BY purpose, version"
    )))
    .bind(tenant.map(TenantId::uuid))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(read).collect()
}

/// All keys, by tenant, purpose and version, those of tenants that are gone included.
pub async fn list_all(database: &OperatorDatabase) -> Result<Vec<StoredKey>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM platform.encryption_keys ORDER BY tenant_id, purpose, version"
    )))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(read).collect()
}

/// Whether a key for columns is there that was wrapped with a key-encryption key whose `kek_ref` begins
/// so: whoever makes a new one would lock that out. Keys of archives have a key-encryption key of their
/// own.
pub async fn any_wrapped_by(database: &OperatorDatabase, scheme: &str) -> Result<bool> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT FROM platform.encryption_keys
                         WHERE status <> 'shredded' AND purpose = 'column'
                           AND starts_with(kek_ref, $1))",
    )
    .bind(scheme)
    .fetch_one(database.pool())
    .await?;
    Ok(row.try_get(0)?)
}

fn read(row: &PgRow) -> Result<StoredKey> {
    let tenant: Option<uuid::Uuid> = row.try_get("tenant_id")?;
    let purpose: KeyPurpose = row
        .try_get::<&str, _>("purpose")?
        .parse()
        .map_err(|error| Error::invalid("purpose of a key", error))?;
    Ok(StoredKey {
        holder: KeyHolder {
            tenant: tenant.map(TenantId::new),
            purpose,
            key: KeyId::new(row.try_get("id")?),
        },
        version: row.try_get("version")?,
        wrapped: WrappedKey {
            octets: row.try_get("wrapped_key")?,
            kek: row.try_get("kek_ref")?,
        },
        status: row.try_get::<&str, _>("status")?.parse()?,
        created_at: wall(row.try_get("created_at")?),
        distributed_at: wall_opt(row.try_get::<Option<DateTime<Utc>>, _>("distributed_at")?),
        activated_at: wall_opt(row.try_get::<Option<DateTime<Utc>>, _>("activated_at")?),
        sealing_at: wall_opt(row.try_get::<Option<DateTime<Utc>>, _>("sealing_at")?),
    })
}

/// A transaction in which no other process changes the keys of this tenant.
async fn begin(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: Option<TenantId>,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>> {
    let mut transaction = database.begin(fence).await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('callplane.keys/' || coalesce($1::text, ''), 0))")
        .bind(tenant.map(TenantId::uuid))
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}
