//! `platform.users`: one row a person, over all tenants.

use callplane_types::{Pii, WallTime};
use uuid::Uuid;

use crate::column::get;
use crate::input::text;
use crate::words::words;
use crate::{ApiDatabase, Result};

/// Failed logins in a row after which a person waits.
const PATIENCE: i32 = 5;

words! {
    /// `platform.user_status`.
    UserStatus {
        /// Invited, or imported: nobody logs in before the address is confirmed.
        Pending = "pending",
        /// May log in.
        Active = "active",
        /// Has left.
        Inactive = "inactive",
        /// Was locked out by somebody.
        Suspended = "suspended",
    }
}

/// What a login needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub id: Uuid,
    /// Hash of the password; `None` logs in elsewhere.
    pub password_hash: Option<String>,
    /// Whether they may log in.
    pub status: UserStatus,
    /// Sealed seed of one-time passwords, when they are asked for.
    pub two_factor_secret_enc: Option<Vec<u8>>,
    /// Nobody gets in before.
    pub locked_until: Option<WallTime>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What opens the account of a person from its confirmation on.
pub enum Credential<'a> {
    /// The password that the row has: the same browser logged in with it and followed the link.
    Kept,
    /// The hash of one that was chosen with the link. Whoever followed it from elsewhere chooses one: the
    /// password of the row may be that of somebody who only claimed the address.
    Chosen(&'a str),
}

/// Adds a person. Whoever adds them as active vouches for the address.
pub async fn add(
    database: &ApiDatabase,
    email: &Pii<String>,
    password_hash: Option<&str>,
    status: UserStatus,
) -> Result<Uuid> {
    text("email", email.expose())?;
    let row = sqlx::query(
        "INSERT INTO platform.users (email, password_hash, status, email_verified, email_verified_at)
         VALUES ($1::text, $2, $3::text::platform.user_status, $3 = 'active',
                CASE $3 WHEN 'active' THEN now() END) RETURNING id",
    )
    .bind(email.expose())
    .bind(password_hash)
    .bind(status.as_str())
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// The person of an address, whatever its case.
pub async fn login(database: &ApiDatabase, email: &Pii<String>) -> Result<Option<Login>> {
    let row = sqlx::query(
        "SELECT id, password_hash, status::text, locked_until,
                CASE WHEN two_factor_enabled THEN two_factor_secret_enc END AS two_factor_secret_enc
           FROM platform.users WHERE email = $1::text::public.citext AND deleted_at IS NULL",
    )
    .bind(email.expose())
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| {
        Ok(Login {
            id: get(&row, "id")?,
            password_hash: get(&row, "password_hash")?,
            status: get(&row, "status")?,
            two_factor_secret_enc: get(&row, "two_factor_secret_enc")?,
            locked_until: get(&row, "locked_until")?,
        })
    })
    .transpose()
}

/// Counts a login that was right, or one that was wrong: after some of those in a row the person waits,
/// twice as long with each.
pub async fn logged_in(database: &ApiDatabase, user: Uuid, right: bool) -> Result<()> {
    sqlx::query(
        "UPDATE platform.users SET
                failed_logins = CASE WHEN $2 THEN 0 ELSE failed_logins + 1 END,
                last_login_at = CASE WHEN $2 THEN now() ELSE last_login_at END,
                locked_until = CASE WHEN NOT $2 AND failed_logins + 1 >= $3
                    THEN now() + make_interval(secs => 30 * 2 ^ least(failed_logins + 1 - $3, 10)) END
          WHERE id = $1",
    )
    .bind(user)
    .bind(right)
    .bind(PATIENCE)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Gives a person another password, or a better hash of the same.
pub async fn set_password(database: &ApiDatabase, user: Uuid, hash: &str) -> Result<()> {
    sqlx::query("UPDATE platform.users SET password_hash = $2 WHERE id = $1")
        .bind(user)
        .bind(hash)
        .execute(database.pool())
        .await?;
    Ok(())
}

/// A person showed that an address is theirs, by a link that was sent there. Sessions from before end:
/// they may be those of whoever claimed it. So may the tenants be that imported somebody with this address: each
/// is asked about by itself ([`super::memberships::accept`]). Says whether it was open.
pub async fn confirm(
    database: &ApiDatabase,
    user: Uuid,
    credential: Credential<'_>,
) -> Result<bool> {
    let hash = match credential {
        Credential::Kept => None,
        Credential::Chosen(hash) => Some(hash),
    };
    let mut transaction = database.pool().begin().await?;
    // A statement of its own: what an import writes about the person while this waits for it is seen after.
    sqlx::query("SELECT FROM platform.users WHERE id = $1 FOR UPDATE")
        .bind(user)
        .execute(&mut *transaction)
        .await?;
    let confirmed = sqlx::query(
        "WITH confirmed AS (
           UPDATE platform.users
              SET status = 'active', email_verified = true, email_verified_at = now(),
                  password_hash = coalesce($2, password_hash), failed_logins = 0,
                  locked_until = NULL
            WHERE id = $1 AND status IN ('pending', 'active') AND NOT email_verified
              AND deleted_at IS NULL
           RETURNING id),
         ended AS (
           UPDATE platform.sessions SET status = 'revoked', revoked_at = now()
            WHERE user_id = (SELECT id FROM confirmed) AND status = 'active'),
         asked AS (
           UPDATE platform.memberships SET status = 'pending'
            WHERE user_id = (SELECT id FROM confirmed) AND status = 'active' AND metadata ? 'import')
         SELECT id FROM confirmed",
    )
    .bind(user)
    .bind(hash)
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(confirmed.is_some())
}

/// Says whether a person may log in. Nobody may whose address is not confirmed: active is pending then.
pub async fn set_status(database: &ApiDatabase, user: Uuid, status: UserStatus) -> Result<()> {
    sqlx::query(
        "UPDATE platform.users
            SET status = CASE WHEN $2 = 'active' AND NOT email_verified THEN 'pending' ELSE $2
                         END::platform.user_status
          WHERE id = $1",
    )
    .bind(user)
    .bind(status.as_str())
    .execute(database.pool())
    .await?;
    Ok(())
}
