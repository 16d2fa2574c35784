//! `platform.user_tokens`: links that work once.

use callplane_types::{TenantId, WallTime};
use uuid::Uuid;

use crate::column::get;
use crate::time::sql;
use crate::words::words;
use crate::{ApiDatabase, Result};

words! {
    /// What a link is for.
    TokenPurpose {
        /// To choose another password.
        PasswordReset = "password_reset",
        /// To say that an address is one's own.
        EmailVerify = "email_verify",
        /// To join a tenant.
        Invite = "invite",
    }
}

/// Makes a link.
pub async fn add(
    database: &ApiDatabase,
    user: Uuid,
    tenant: Option<TenantId>,
    purpose: TokenPurpose,
    token_hash: &[u8; 32],
    expires_at: WallTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO platform.user_tokens (user_id, tenant_id, purpose, token_hash, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(user)
    .bind(tenant.map(TenantId::uuid))
    .bind(purpose.as_str())
    .bind(token_hash.as_slice())
    .bind(sql(expires_at))
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Uses a link: whose it is, and of which tenant, the first time before it expires; nothing after.
pub async fn take(
    database: &ApiDatabase,
    purpose: TokenPurpose,
    hashes: &[[u8; 32]],
) -> Result<Option<(Uuid, Option<TenantId>)>> {
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let row = sqlx::query(
        "UPDATE platform.user_tokens SET used_at = now()
          WHERE token_hash = ANY ($1) AND purpose = $2 AND used_at IS NULL AND expires_at > now()
         RETURNING user_id, tenant_id",
    )
    .bind(hashes)
    .bind(purpose.as_str())
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| Ok((get(&row, "user_id")?, get(&row, "tenant_id")?)))
        .transpose()
}
