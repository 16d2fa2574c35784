//! `subscriptions`: which plan an account pays for.

use callplane_types::{Micros, WallTime};
use uuid::Uuid;

use crate::column::get;
use crate::time::sql;
use crate::words::words;
use crate::{Result, TenantDatabase};

words! {
    /// `platform.subscription_status`.
    SubscriptionStatus {
        /// Tried out.
        Trialing = "trialing",
        /// Paid.
        Active = "active",
        /// Owed.
        PastDue = "past_due",
        /// Stopped for a while.
        Paused = "paused",
        /// Ended by somebody.
        Cancelled = "cancelled",
        /// Ended by itself.
        Expired = "expired",
    }
}

/// A row of `subscriptions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Which.
    pub id: Uuid,
    /// `platform.plans.key`.
    pub plan: String,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// Price of a period.
    pub price: Micros,
    /// When the next period begins.
    pub period_end: WallTime,
}

/// Begins a subscription.
pub async fn begin(
    database: &TenantDatabase,
    account: Uuid,
    plan: &str,
    price: Micros,
    (from, until): (WallTime, WallTime),
) -> Result<Uuid> {
    let row = sqlx::query(
        "INSERT INTO subscriptions (billing_account_id, plan_key, status, price_micros,
                current_period_start, current_period_end)
         VALUES ($1, $2, 'active', $3, $4, $5) RETURNING id",
    )
    .bind(account)
    .bind(plan)
    .bind(price.0)
    .bind(sql(from))
    .bind(sql(until))
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Says how a subscription stands.
pub async fn set_status(
    database: &TenantDatabase,
    subscription: Uuid,
    status: SubscriptionStatus,
) -> Result<()> {
    sqlx::query(
        "UPDATE subscriptions SET status = $2::text::platform.subscription_status WHERE id = $1",
    )
    .bind(subscription)
    .bind(status.as_str())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// The newest subscription of an account.
pub async fn current(database: &TenantDatabase, account: Uuid) -> Result<Option<Subscription>> {
    let row = sqlx::query(
        "SELECT id, plan_key, status::text, price_micros, current_period_end FROM subscriptions
          WHERE billing_account_id = $1 ORDER BY current_period_start DESC, id DESC LIMIT 1",
    )
    .bind(account)
    .fetch_optional(database.pool())
    .await?;
    row.map(|row| {
        Ok(Subscription {
            id: get(&row, "id")?,
            plan: get(&row, "plan_key")?,
            status: get(&row, "status")?,
            price: get(&row, "price_micros")?,
            period_end: get(&row, "current_period_end")?,
        })
    })
    .transpose()
}
