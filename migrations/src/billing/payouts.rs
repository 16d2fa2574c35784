//! `payouts`: what publishers are paid.

use callplane_types::{Currency, Micros};
use uuid::Uuid;

use crate::column::{each, get};
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.payout_status`.
    PayoutStatus {
        /// To be paid.
        Pending = "pending",
        /// Under way.
        Processing = "processing",
        /// Paid.
        Paid = "paid",
        /// Refused.
        Failed = "failed",
        /// Taken back.
        Cancelled = "cancelled",
    }
}

/// A row of `payouts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// Which.
    pub id: Uuid,
    /// To whom.
    pub publisher: Option<Uuid>,
    /// How much.
    pub amount: Micros,
    /// In what.
    pub currency: Currency,
    /// How it stands.
    pub status: PayoutStatus,
}

/// Adds what a publisher is to be paid.
pub async fn add(
    database: &TenantDatabase,
    account: Uuid,
    publisher: Uuid,
    amount: Micros,
    currency: &Currency,
) -> Result<Uuid> {
    let row = sqlx::query(
        "INSERT INTO payouts (billing_account_id, publisher_id, amount_micros, currency)
         VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(account)
    .bind(publisher)
    .bind(amount.0)
    .bind(currency.as_str())
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Says how a payout stands.
pub async fn set_status(
    database: &TenantDatabase,
    payout: Uuid,
    status: PayoutStatus,
    external_ref: Option<&str>,
) -> Result<()> {
    sqlx::query(
        "UPDATE payouts SET status = $2::text::platform.payout_status,
                external_ref = coalesce($3, external_ref),
                paid_at = CASE WHEN $2 = 'paid' THEN coalesce(paid_at, now()) END
          WHERE id = $1",
    )
    .bind(payout)
    .bind(status.as_str())
    .bind(external_ref)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// What a publisher was and is to be paid.
pub async fn of_publisher(
    database: &TenantDatabase,
    publisher: Uuid,
    page: Page,
) -> Result<Vec<Payout>> {
    let rows = sqlx::query(
        "SELECT id, publisher_id, amount_micros, currency, status::text FROM payouts
          WHERE publisher_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(publisher)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Payout {
            id: get(row, "id")?,
            publisher: get(row, "publisher_id")?,
            amount: get(row, "amount_micros")?,
            currency: get(row, "currency")?,
            status: get(row, "status")?,
        })
    })
}
