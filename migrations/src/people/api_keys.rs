//! `platform.api_keys`: programs that come in. A key is shown once; here is its hash.

use callplane_types::{SchemaName, TenantId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::{json, text};
use crate::words::words;
use crate::{ApiDatabase, Error, Page, Result};

words! {
    /// `platform.api_key_env`.
    KeyEnvironment {
        /// For what counts: `sk_live_`.
        Live = "live",
        /// For trying out: `sk_test_`.
        Test = "test",
    }
}

impl KeyEnvironment {
    /// What the key begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }
}

/// A key to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewKey {
    /// For people.
    pub name: String,
    /// What for.
    pub environment: KeyEnvironment,
    /// Its last four characters.
    pub hint: String,
    /// What it may do.
    pub scopes: serde_json::Value,
    /// The one that it replaces.
    pub rotated_from: Option<Uuid>,
}

/// Whose a key is.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// Which key.
    pub key: Uuid,
    /// Of which tenant.
    pub tenant: TenantId,
    /// Where its data is.
    pub schema: SchemaName,
    /// What the key may do.
    pub scopes: serde_json::Value,
    /// Requests a minute.
    pub rate_limit: i32,
}

/// Keeps a key of a tenant.
pub async fn add(
    database: &ApiDatabase,
    tenant: TenantId,
    key: &NewKey,
    key_hash: &[u8; 32],
) -> Result<Uuid> {
    let NewKey {
        name,
        environment,
        hint,
        scopes,
        rotated_from,
    } = key;
    text("name", name)?;
    json("scopes", scopes)?;
    let row = sqlx::query(
        "INSERT INTO platform.api_keys (tenant_id, name, environment, key_prefix, key_hash,
                key_hint, scopes, rotated_from_id)
         VALUES ($1, $2, $3::text::platform.api_key_env, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(tenant.uuid())
    .bind(name)
    .bind(environment.as_str())
    .bind(environment.prefix())
    .bind(key_hash.as_slice())
    .bind(hint)
    .bind(Json(scopes))
    .bind(rotated_from)
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Whose key this is. Nothing for one that is revoked or expired, or whose tenant is not in service.
pub async fn find(database: &ApiDatabase, hashes: &[[u8; 32]]) -> Result<Option<Holder>> {
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let row = sqlx::query(
        "SELECT k.* FROM unnest($1::bytea[]) AS h(hash), platform.api_key_lookup(h.hash) AS k LIMIT 1",
    )
    .bind(hashes)
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| {
        let schema: String = get(&row, "schema_name")?;
        Ok(Holder {
            key: get(&row, "api_key_id")?,
            tenant: get(&row, "tenant_id")?,
            schema: schema
                .parse()
                .map_err(|error| Error::invalid("schema name", error))?,
            scopes: get(&row, "scopes")?,
            rate_limit: get(&row, "rate_limit_rpm")?,
        })
    })
    .transpose()
}

/// Notes that a key was used.
pub async fn used(database: &ApiDatabase, key: Uuid) -> Result<()> {
    sqlx::query(
        "UPDATE platform.api_keys SET last_used_at = now()
          WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
    )
    .bind(key)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Takes a key back for good; says whether it was in force.
pub async fn revoke(database: &ApiDatabase, tenant: TenantId, key: Uuid) -> Result<bool> {
    let revoked = sqlx::query(
        "UPDATE platform.api_keys SET status = 'revoked', revoked_at = now()
          WHERE id = $1 AND tenant_id = $2 AND status = 'active'",
    )
    .bind(key)
    .bind(tenant.uuid())
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(revoked > 0)
}

/// The keys of a tenant: which, its name, and how people tell it, `sk_live_...abcd`.
pub async fn list(
    database: &ApiDatabase,
    tenant: TenantId,
    page: Page,
) -> Result<Vec<(Uuid, String, String)>> {
    let rows = sqlx::query(
        "SELECT id, name, key_prefix || '...' || key_hint AS shown FROM platform.api_keys
          WHERE tenant_id = $1 AND id < $2 AND status = 'active' ORDER BY id DESC LIMIT $3",
    )
    .bind(tenant.uuid())
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok((get(row, "id")?, get(row, "name")?, get(row, "shown")?))
    })
}
