//! `payment_methods` and `payments`. Of a card there is what people read and a sealed token of the
//! processor, never its number.

use callplane_types::{Currency, Micros};
use uuid::Uuid;

use crate::column::{each, get};
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.payment_method_kind`.
    PaymentKind {
        /// A card.
        Card = "card",
        /// A transfer.
        BankTransfer = "bank_transfer",
        /// A debit in the euro area.
        SepaDebit = "sepa_debit",
        /// A debit in the United States.
        Ach = "ach",
        /// A wallet.
        Wallet = "wallet",
        /// Credits.
        Credit = "credit",
    }
}

words! {
    /// `platform.payment_status`.
    PaymentStatus {
        /// Asked for.
        Pending = "pending",
        /// Under way.
        Processing = "processing",
        /// Arrived.
        Succeeded = "succeeded",
        /// Refused.
        Failed = "failed",
        /// Paid back.
        Refunded = "refunded",
    }
}

/// A way to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// Which.
    pub id: Uuid,
    /// What kind.
    pub kind: PaymentKind,
    /// For people: `visa **** 4242`.
    pub display: Option<String>,
    /// Whether it is used unless another is named.
    pub is_default: bool,
}

/// A payment that the processor told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The invoice that it pays.
    pub invoice: Option<Uuid>,
    /// The way it came.
    pub method: Option<Uuid>,
    /// Negative is a refund.
    pub amount: Micros,
    /// In what.
    pub currency: Currency,
    /// How it stands.
    pub status: PaymentStatus,
    /// The processor's identifier: the same payment is booked once.
    pub processor_ref: String,
    /// Why it failed.
    pub failure: Option<String>,
}

/// Adds a way to pay, sealed; the new default replaces the old one.
pub async fn add_method(
    database: &TenantDatabase,
    account: Uuid,
    method: &Method,
    token_enc: &[u8],
) -> Result<()> {
    let Method {
        id,
        kind,
        display,
        is_default,
    } = method;
    let mut transaction = database.pool().begin().await?;
    if *is_default {
        sqlx::query("UPDATE payment_methods SET is_default = false WHERE billing_account_id = $1 AND is_default")
            .bind(account)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query(
        "INSERT INTO payment_methods (id, billing_account_id, kind, display, is_default, token_enc)
         VALUES ($1, $2, $3::text::platform.payment_method_kind, $4, $5, $6)",
    )
    .bind(id)
    .bind(account)
    .bind(kind.as_str())
    .bind(display)
    .bind(is_default)
    .bind(token_enc)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// The ways an account can pay.
pub async fn methods(database: &TenantDatabase, account: Uuid) -> Result<Vec<Method>> {
    let rows = sqlx::query(
        "SELECT id, kind::text, display, is_default FROM payment_methods
          WHERE billing_account_id = $1 AND status = 'active' ORDER BY id",
    )
    .bind(account)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Method {
            id: get(row, "id")?,
            kind: get(row, "kind")?,
            display: get(row, "display")?,
            is_default: get(row, "is_default")?,
        })
    })
}

/// Writes what the processor told, again with every change; when the payment has arrived, its invoice is
/// paid by that much. A payment that has arrived counts once, however often it is told.
pub async fn record(database: &TenantDatabase, account: Uuid, payment: &Payment) -> Result<Uuid> {
    let Payment {
        invoice,
        method,
        amount,
        currency,
        status,
        processor_ref,
        failure,
    } = payment;
    let mut transaction = database.pool().begin().await?;
    sqlx::query(
        "INSERT INTO payments (billing_account_id, invoice_id, payment_method_id, amount_micros,
                currency, processor_ref)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (processor_ref) DO NOTHING",
    )
    .bind(account)
    .bind(invoice)
    .bind(method)
    .bind(amount.0)
    .bind(currency.as_str())
    .bind(processor_ref)
    .execute(&mut *transaction)
    .await?;
    let row =
        sqlx::query("SELECT id, status::text FROM payments WHERE processor_ref = $1 FOR UPDATE")
            .bind(processor_ref)
            .fetch_one(&mut *transaction)
            .await?;
    let (id, before): (Uuid, PaymentStatus) = (get(&row, "id")?, get(&row, "status")?);
    // Processors tell late and twice: what has arrived can only be paid back.
    let is_late = match before {
        PaymentStatus::Succeeded => *status != PaymentStatus::Refunded,
        PaymentStatus::Refunded => true,
        PaymentStatus::Pending | PaymentStatus::Processing | PaymentStatus::Failed => false,
    };
    if is_late {
        return Ok(id);
    }
    sqlx::query(
        "UPDATE payments SET status = $2::text::platform.payment_status, failure_reason = $3,
                paid_at = CASE WHEN $2 = 'succeeded' THEN coalesce(paid_at, now()) ELSE paid_at END
          WHERE id = $1",
    )
    .bind(id)
    .bind(status.as_str())
    .bind(failure)
    .execute(&mut *transaction)
    .await?;
    if *status == PaymentStatus::Succeeded {
        sqlx::query(
            "UPDATE invoices SET paid_micros = paid_micros + $2,
                    status = CASE WHEN paid_micros + $2 >= total_micros THEN 'paid' ELSE status END,
                    paid_at = CASE WHEN paid_micros + $2 >= total_micros THEN coalesce(paid_at, now())
                                   ELSE paid_at END
              WHERE id = $1",
        )
        .bind(invoice)
        .bind(amount.0)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(id)
}

/// The payments of an account: identifier at the processor, amount, how it stands.
pub async fn list(
    database: &TenantDatabase,
    account: Uuid,
    page: Page,
) -> Result<Vec<(Option<String>, Micros, PaymentStatus)>> {
    let rows = sqlx::query(
        "SELECT processor_ref, amount_micros, status::text FROM payments
          WHERE billing_account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(account)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok((
            get(row, "processor_ref")?,
            get(row, "amount_micros")?,
            get(row, "status")?,
        ))
    })
}
