//! `billing_accounts`: who pays.

use callplane_types::Currency;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::words::words;
use crate::{Result, TenantDatabase};

words! {
    /// `platform.billing_mode`.
    BillingMode {
        /// From a balance.
        Prepaid = "prepaid",
        /// By invoice.
        Postpaid = "postpaid",
    }
}

/// A row of `billing_accounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub id: Uuid,
    /// Unique in the tenant; the first one is `default`.
    pub name: String,
    /// How it pays.
    pub mode: BillingMode,
    /// What it pays in.
    pub currency: Currency,
}

/// Opens an account; one of the same name is returned as it is.
pub async fn open(
    database: &TenantDatabase,
    name: &str,
    mode: BillingMode,
    currency: &Currency,
) -> Result<Uuid> {
    text("name", name)?;
    sqlx::query(
        "INSERT INTO billing_accounts (name, mode, currency)
         VALUES ($1, $2::text::platform.billing_mode, $3) ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(mode.as_str())
    .bind(currency.as_str())
    .execute(database.pool())
    .await?;
    let row = sqlx::query("SELECT id FROM billing_accounts WHERE name = $1")
        .bind(name)
        .fetch_one(database.pool())
        .await?;
    get(&row, "id")
}

/// All accounts, by name.
pub async fn list(database: &TenantDatabase) -> Result<Vec<Account>> {
    let rows =
        sqlx::query("SELECT id, name, mode::text, currency FROM billing_accounts ORDER BY name")
            .fetch_all(database.pool())
            .await?;
    each(&rows, |row| {
        Ok(Account {
            id: get(row, "id")?,
            name: get(row, "name")?,
            mode: get(row, "mode")?,
            currency: get(row, "currency")?,
        })
    })
}
