//! `platform.sessions`: logins that hold. Found by the hash of their token, under each pepper that may
//! have been in use.
//!
//! **A session holds while its person is in service, and where it entered a tenant, while membership and
//! tenant are** (`platform.works_in`).

use callplane_types::{TenantId, WallTime};
use uuid::Uuid;

use crate::column::get;
use crate::time::sql;
use crate::{ApiDatabase, Result};

/// A session that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub user: Uuid,
    /// The tenant that is worked in.
    pub tenant: Option<TenantId>,
    /// Until when.
    pub expires_at: WallTime,
}

/// Begins a session.
pub async fn begin(
    database: &ApiDatabase,
    user: Uuid,
    token_hash: &[u8; 32],
    refresh_hash: Option<&[u8; 32]>,
    expires_at: WallTime,
) -> Result<Uuid> {
    let row = sqlx::query(
        "INSERT INTO platform.sessions (user_id, token_hash, refresh_token_hash, expires_at)
         VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(user)
    .bind(token_hash.as_slice())
    .bind(refresh_hash.map(<[u8; 32]>::as_slice))
    .bind(sql(expires_at))
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// The session of a token, if it holds. `hashes` are of the same token.
pub async fn find(database: &ApiDatabase, hashes: &[[u8; 32]]) -> Result<Option<Session>> {
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let row = sqlx::query(
        "SELECT s.id, s.user_id, s.tenant_id, s.expires_at
           FROM platform.sessions s JOIN platform.users u ON u.id = s.user_id
          WHERE s.token_hash = ANY ($1) AND s.status = 'active' AND s.expires_at > now()
            AND u.status = 'active' AND u.deleted_at IS NULL
            AND (s.tenant_id IS NULL OR platform.works_in(s.user_id, s.tenant_id))",
    )
    .bind(hashes)
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| {
        Ok(Session {
            id: get(&row, "id")?,
            user: get(&row, "user_id")?,
            tenant: get(&row, "tenant_id")?,
            expires_at: get(&row, "expires_at")?,
        })
    })
    .transpose()
}

/// Gives a session a new token for its refresh token, which works once; says whether it did. `hashes` are
/// of the same refresh token.
pub async fn refresh(
    database: &ApiDatabase,
    hashes: &[[u8; 32]],
    (token_hash, next_refresh_hash): (&[u8; 32], &[u8; 32]),
    expires_at: WallTime,
) -> Result<bool> {
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let refreshed = sqlx::query(
        "UPDATE platform.sessions s SET token_hash = $2, refresh_token_hash = $3, expires_at = $4,
                last_activity_at = now()
           FROM platform.users u
          WHERE s.refresh_token_hash = ANY ($1) AND s.status = 'active' AND u.id = s.user_id
            AND u.status = 'active' AND u.deleted_at IS NULL
            AND (s.tenant_id IS NULL OR platform.works_in(s.user_id, s.tenant_id))",
    )
    .bind(hashes)
    .bind(token_hash.as_slice())
    .bind(next_refresh_hash.as_slice())
    .bind(sql(expires_at))
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(refreshed > 0)
}

/// Chooses the tenant that a session works in; only one that its person may work in, while it holds.
pub async fn enter(database: &ApiDatabase, session: Uuid, tenant: TenantId) -> Result<bool> {
    let entered = sqlx::query(
        "UPDATE platform.sessions s SET tenant_id = $2
          WHERE s.id = $1 AND s.status = 'active' AND s.expires_at > now()
            AND platform.works_in(s.user_id, $2)",
    )
    .bind(session)
    .bind(tenant.uuid())
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(entered > 0)
}

/// Ends all sessions of a person; says how many.
pub async fn revoke_all(database: &ApiDatabase, user: Uuid) -> Result<u64> {
    Ok(sqlx::query(
        "UPDATE platform.sessions SET status = 'revoked', revoked_at = now()
          WHERE user_id = $1 AND status = 'active'",
    )
    .bind(user)
    .execute(database.pool())
    .await?
    .rows_affected())
}
