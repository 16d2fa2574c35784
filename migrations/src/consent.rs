//! `consent_tokens`: certificates that somebody agreed to be called.

use callplane_types::{E164, WallTime};
use uuid::Uuid;

use crate::column::get;
use crate::input::text;
use crate::time::sql_opt;
use crate::words::words;
use crate::{Result, TenantDatabase};

words! {
    /// `platform.consent_provider`.
    ConsentProvider {
        /// TrustedForm.
        Trustedform = "trustedform",
        /// Jornaya.
        Jornaya = "jornaya",
        /// Somebody else.
        Other = "other",
    }
}

words! {
    /// `platform.consent_status`.
    ConsentStatus {
        /// Not looked at.
        Pending = "pending",
        /// Holds.
        Valid = "valid",
        /// Does not.
        Invalid = "invalid",
        /// Held once.
        Expired = "expired",
    }
}

/// Keeps a certificate; the same one again changes nothing.
pub async fn add(
    database: &TenantDatabase,
    provider: ConsentProvider,
    token: &str,
    number: &E164,
    expires_at: Option<WallTime>,
) -> Result<()> {
    text("token", token)?;
    sqlx::query(
        "INSERT INTO consent_tokens (provider, token, phone_number, captured_at, expires_at)
         VALUES ($1::text::platform.consent_provider, $2, $3, now(), $4)
         ON CONFLICT (provider, token) DO NOTHING",
    )
    .bind(provider.as_str())
    .bind(token)
    .bind(number.as_str())
    .bind(sql_opt(expires_at))
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Says what the provider said of a certificate.
pub async fn settle(
    database: &TenantDatabase,
    provider: ConsentProvider,
    token: &str,
    status: ConsentStatus,
) -> Result<()> {
    sqlx::query(
        "UPDATE consent_tokens SET status = $3::text::platform.consent_status, verified_at = now()
          WHERE provider = $1::text::platform.consent_provider AND token = $2",
    )
    .bind(provider.as_str())
    .bind(token)
    .bind(status.as_str())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// The certificate that holds for a number today.
pub async fn valid(database: &TenantDatabase, number: &E164) -> Result<Option<Uuid>> {
    let row = sqlx::query(
        "SELECT id FROM consent_tokens
          WHERE phone_number = $1 AND status = 'valid'
            AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC LIMIT 1",
    )
    .bind(number.as_str())
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| get(&row, "id")).transpose()
}
