//! `rate_cards` of a tenant, which hold before those of the installation ([`crate::rates`]).

use callplane_types::{Currency, WallTime};
use sqlx::types::Json;
use uuid::Uuid;

use crate::column::get;
use crate::input::json;
use crate::time::sql;
use crate::{Result, TenantDatabase};

/// Adds a price list that holds from a moment on; the one before it ends there.
pub async fn add(
    database: &TenantDatabase,
    account: Option<Uuid>,
    name: &str,
    currency: &Currency,
    rates: &serde_json::Value,
    from: WallTime,
) -> Result<Uuid> {
    json("rates", rates)?;
    let mut transaction = database.pool().begin().await?;
    sqlx::query(
        "UPDATE rate_cards SET effective_to = $3
          WHERE name = $1 AND billing_account_id IS NOT DISTINCT FROM $2 AND effective_to IS NULL",
    )
    .bind(name)
    .bind(account)
    .bind(sql(from))
    .execute(&mut *transaction)
    .await?;
    let row = sqlx::query(
        "INSERT INTO rate_cards (billing_account_id, name, currency, rates, effective_from)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(account)
    .bind(name)
    .bind(currency.as_str())
    .bind(Json(rates))
    .bind(sql(from))
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    get(&row, "id")
}

/// The prices of an account at a moment: its own list before the tenant's.
pub async fn at(
    database: &TenantDatabase,
    account: Uuid,
    moment: WallTime,
) -> Result<Option<serde_json::Value>> {
    let row = sqlx::query(
        "SELECT rates FROM rate_cards
          WHERE (billing_account_id = $1 OR billing_account_id IS NULL) AND status = 'active'
            AND effective_from <= $2 AND (effective_to IS NULL OR effective_to > $2)
          ORDER BY billing_account_id NULLS LAST, effective_from DESC LIMIT 1",
    )
    .bind(account)
    .bind(sql(moment))
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| get(&row, "rates")).transpose()
}
