//! `invoices` and their lines.

use callplane_types::{Currency, Micros, WallTime};
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::time::sql;
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.invoice_status`.
    InvoiceStatus {
        /// Being written.
        Draft = "draft",
        /// Sent, not paid.
        Open = "open",
        /// Paid in full.
        Paid = "paid",
        /// Taken back.
        Void = "void",
        /// Given up.
        Uncollectible = "uncollectible",
    }
}

/// A line to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// For people.
    pub description: String,
    /// What was used: `call_minute`.
    pub resource: Option<String>,
    /// How much of it, in millionths.
    pub quantity_micros: i64,
    /// Price of one.
    pub unit_price: Micros,
    /// What it comes to.
    pub amount: Micros,
    /// Tax on it.
    pub tax: Micros,
}

/// A row of `invoices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Which.
    pub id: Uuid,
    /// Unique in the tenant.
    pub number: String,
    /// How it stands.
    pub status: InvoiceStatus,
    /// In what.
    pub currency: Currency,
    /// With tax.
    pub total: Micros,
    /// Of that, paid.
    pub paid: Micros,
    /// When it has to be paid.
    pub due_at: Option<WallTime>,
}

/// Writes an invoice with its lines, as a draft. One of the same number stays as it is.
pub async fn draft(
    database: &TenantDatabase,
    account: Uuid,
    number: &str,
    currency: &Currency,
    (from, until): (WallTime, WallTime),
    lines: &[Line],
) -> Result<Uuid> {
    text("invoice_number", number)?;
    let mut transaction = database.pool().begin().await?;
    let subtotal: Micros = lines.iter().map(|line| line.amount).sum();
    let tax: Micros = lines.iter().map(|line| line.tax).sum();
    let inserted = sqlx::query(
        "INSERT INTO invoices (billing_account_id, invoice_number, currency, period_start,
                period_end, subtotal_micros, tax_micros)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (invoice_number) DO NOTHING RETURNING id",
    )
    .bind(account)
    .bind(number)
    .bind(currency.as_str())
    .bind(sql(from))
    .bind(sql(until))
    .bind(subtotal.0)
    .bind(tax.0)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = inserted else {
        let row = sqlx::query("SELECT id FROM invoices WHERE invoice_number = $1")
            .bind(number)
            .fetch_one(&mut *transaction)
            .await?;
        return get(&row, "id");
    };
    let invoice: Uuid = get(&row, "id")?;
    sqlx::query(
        "INSERT INTO invoice_lines (invoice_id, line_no, description, resource, quantity,
                unit_price, amount_micros, tax_micros)
         SELECT $1, l.line_no, l.description, l.resource, l.quantity / 1000000::numeric,
                l.unit_price / 1000000::numeric, l.amount, l.tax
           FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                       $7::bigint[])
                WITH ORDINALITY
                AS l(description, resource, quantity, unit_price, amount, tax, line_no)",
    )
    .bind(invoice)
    .bind(
        lines
            .iter()
            .map(|line| line.description.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|line| line.resource.as_deref())
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|line| line.quantity_micros)
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|line| line.unit_price.0)
            .collect::<Vec<_>>(),
    )
    .bind(lines.iter().map(|line| line.amount.0).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.tax.0).collect::<Vec<_>>())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(invoice)
}

/// Sends a draft: from now on it is owed.
pub async fn issue(database: &TenantDatabase, invoice: Uuid, due_at: WallTime) -> Result<bool> {
    let issued = sqlx::query(
        "UPDATE invoices SET status = 'open', issued_at = now(), due_at = $2
          WHERE id = $1 AND status = 'draft'",
    )
    .bind(invoice)
    .bind(sql(due_at))
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(issued > 0)
}

/// The invoices of an account.
pub async fn list(database: &TenantDatabase, account: Uuid, page: Page) -> Result<Vec<Invoice>> {
    let rows = sqlx::query(
        "SELECT id, invoice_number, status::text, currency, total_micros, paid_micros, due_at
           FROM invoices WHERE billing_account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(account)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Invoice {
            id: get(row, "id")?,
            number: get(row, "invoice_number")?,
            status: get(row, "status")?,
            currency: get(row, "currency")?,
            total: get(row, "total_micros")?,
            paid: get(row, "paid_micros")?,
            due_at: get(row, "due_at")?,
        })
    })
}

/// The lines of an invoice, in order: description and amount.
pub async fn lines(database: &TenantDatabase, invoice: Uuid) -> Result<Vec<(String, Micros)>> {
    let rows = sqlx::query(
        "SELECT description, amount_micros FROM invoice_lines WHERE invoice_id = $1 ORDER BY line_no",
    )
    .bind(invoice)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok((get(row, "description")?, get(row, "amount_micros")?))
    })
}
