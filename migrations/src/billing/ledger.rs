//! `balances` and `balance_transactions`: what an account has, and every movement of it.
//!
//! **The balance is the sum of its movements**: both are written in one transaction, and a movement
//! is booked once, by its key.

use callplane_types::{CallId, Currency, Micros, WallTime};
use uuid::Uuid;

use crate::column::{each, get};
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.ledger_kind`.
    LedgerKind {
        /// Money that was paid in.
        Topup = "topup",
        /// What was used.
        Usage = "usage",
        /// Set aside for a call that goes on.
        Hold = "hold",
        /// Given back of that.
        Release = "release",
        /// Paid back.
        Refund = "refund",
        /// Corrected by hand.
        Adjustment = "adjustment",
        /// Paid out to a publisher.
        Payout = "payout",
    }
}

/// A movement to book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Why.
    pub kind: LedgerKind,
    /// By how much the available amount changes, signed.
    pub amount: Micros,
    /// The call that it is for.
    pub call: Option<CallId>,
    /// What tells a repetition.
    pub idempotency_key: String,
    /// For people.
    pub note: Option<String>,
}

/// A movement that was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// Which; sorts by time.
    pub id: Uuid,
    /// When.
    pub at: WallTime,
    /// What.
    pub movement: Movement,
}

/// A row of `balances`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Which.
    pub id: Uuid,
    /// In what.
    pub currency: Currency,
    /// What may be spent.
    pub available: Micros,
    /// What has been paid and not arrived.
    pub pending: Micros,
    /// What is set aside for calls that go on.
    pub held: Micros,
}

/// What an account has, in each of its currencies.
pub async fn balances(database: &TenantDatabase, account: Uuid) -> Result<Vec<Balance>> {
    let rows = sqlx::query(
        "SELECT id, currency, available_micros, pending_micros, held_micros
           FROM balances WHERE billing_account_id = $1 ORDER BY currency",
    )
    .bind(account)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Balance {
            id: get(row, "id")?,
            currency: get(row, "currency")?,
            available: get(row, "available_micros")?,
            pending: get(row, "pending_micros")?,
            held: get(row, "held_micros")?,
        })
    })
}

/// Books a movement of an account's balance, which is opened when it is the first in its currency.
/// Says whether it was new.
pub async fn book(
    database: &TenantDatabase,
    account: Uuid,
    currency: &Currency,
    movement: &Movement,
) -> Result<bool> {
    let Movement {
        kind,
        amount,
        call,
        idempotency_key,
        note,
    } = movement;
    let mut transaction = database.pool().begin().await?;
    sqlx::query(
        "INSERT INTO balances (billing_account_id, currency) VALUES ($1, $2)
         ON CONFLICT (billing_account_id, currency) DO NOTHING",
    )
    .bind(account)
    .bind(currency.as_str())
    .execute(&mut *transaction)
    .await?;
    // The lock on the balance makes movements follow each other.
    let row = sqlx::query(
        "SELECT id FROM balances WHERE billing_account_id = $1 AND currency = $2 FOR UPDATE",
    )
    .bind(account)
    .bind(currency.as_str())
    .fetch_one(&mut *transaction)
    .await?;
    let balance: Uuid = get(&row, "id")?;
    let booked = sqlx::query(
        "INSERT INTO balance_transactions (balance_id, kind, amount_micros, call_id,
                idempotency_key, note)
         VALUES ($1, $2::text::platform.ledger_kind, $3, $4, $5, $6)
         ON CONFLICT (idempotency_key) DO NOTHING",
    )
    .bind(balance)
    .bind(kind.as_str())
    .bind(amount.0)
    .bind(call.map(CallId::uuid))
    .bind(idempotency_key)
    .bind(note)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if booked > 0 {
        sqlx::query(
            "UPDATE balances SET available_micros = available_micros + $2,
                    held_micros = held_micros - CASE WHEN $3 IN ('hold', 'release') THEN $2 ELSE 0 END
              WHERE id = $1",
        )
        .bind(balance)
        .bind(amount.0)
        .bind(kind.as_str())
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(booked > 0)
}

/// The movements of a balance.
pub async fn movements(
    database: &TenantDatabase,
    balance: Uuid,
    page: Page,
) -> Result<Vec<Booked>> {
    let rows = sqlx::query(
        "SELECT id, created_at, kind::text, amount_micros, call_id, idempotency_key, note
           FROM balance_transactions
          WHERE balance_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(balance)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Booked {
            id: get(row, "id")?,
            at: get(row, "created_at")?,
            movement: Movement {
                kind: get(row, "kind")?,
                amount: get(row, "amount_micros")?,
                call: get(row, "call_id")?,
                idempotency_key: get(row, "idempotency_key")?,
                note: get(row, "note")?,
            },
        })
    })
}
