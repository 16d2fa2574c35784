//! `sms_messages` and `emails`.

use callplane_types::{Direction, E164, Micros, Pii};
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::{opt_text, text};
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.message_status`.
    MessageStatus {
        /// Waits.
        Queued = "queued",
        /// Left.
        Sent = "sent",
        /// Arrived.
        Delivered = "delivered",
        /// Could not be sent.
        Failed = "failed",
        /// Did not arrive.
        Undelivered = "undelivered",
        /// Came in.
        Received = "received",
    }
}

/// A short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// As the tenant sees it.
    pub direction: Direction,
    /// Who wrote it.
    pub from: E164,
    /// To whom.
    pub to: E164,
    /// What.
    pub body: Pii<String>,
    /// How it stands.
    pub status: MessageStatus,
}

/// An e-mail to send or that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// As the tenant sees it.
    pub direction: Direction,
    /// Who wrote it.
    pub from: Pii<String>,
    /// To whom.
    pub to: Vec<String>,
    /// About what.
    pub subject: Option<Pii<String>>,
    /// The text.
    pub body: Option<Pii<String>>,
    /// How it stands.
    pub status: MessageStatus,
}

/// Keeps a short message.
pub async fn add_sms(database: &TenantDatabase, sms: &Sms) -> Result<Uuid> {
    let Sms {
        direction,
        from,
        to,
        body,
        status,
    } = sms;
    text("body", body.expose())?;
    let row = sqlx::query(
        "INSERT INTO sms_messages (direction, from_number, to_number, body, status)
         VALUES ($1::text::platform.call_direction, $2, $3, $4, $5::text::platform.message_status)
         RETURNING id",
    )
    .bind(direction.as_str())
    .bind(from.as_str())
    .bind(to.as_str())
    .bind(body.expose())
    .bind(status.as_str())
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Says what the carrier told of a short message, and what it cost.
pub async fn settle_sms(
    database: &TenantDatabase,
    sms: Uuid,
    status: MessageStatus,
    cost: Micros,
) -> Result<()> {
    sqlx::query(
        "UPDATE sms_messages SET status = $2::text::platform.message_status, cost_micros = $3,
                sent_at = coalesce(sent_at, now()),
                delivered_at = CASE WHEN $2 = 'delivered' THEN now() END
          WHERE id = $1",
    )
    .bind(sms)
    .bind(status.as_str())
    .bind(cost.0)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Short messages: who to whom, and how they stand.
pub async fn list_sms(
    database: &TenantDatabase,
    page: Page,
) -> Result<Vec<(Pii<String>, Pii<String>, MessageStatus)>> {
    let rows = sqlx::query(
        "SELECT from_number, to_number, status::text FROM sms_messages
          WHERE id < $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok((
            get(row, "from_number")?,
            get(row, "to_number")?,
            get(row, "status")?,
        ))
    })
}

/// Keeps an e-mail.
pub async fn add_email(database: &TenantDatabase, email: &Email) -> Result<Uuid> {
    let Email {
        direction,
        from,
        to,
        subject,
        body,
        status,
    } = email;
    opt_text(
        "subject",
        subject.as_ref().map(|text| text.expose().as_str()),
    )?;
    opt_text("body", body.as_ref().map(|text| text.expose().as_str()))?;
    let row = sqlx::query(
        "INSERT INTO emails (direction, from_address, to_addresses, subject, body_text, status)
         VALUES ($1::text::platform.call_direction, $2::text, $3::text[]::public.citext[], $4, $5,
                $6::text::platform.message_status)
         RETURNING id",
    )
    .bind(direction.as_str())
    .bind(from.expose())
    .bind(to)
    .bind(subject.as_ref().map(Pii::expose))
    .bind(body.as_ref().map(Pii::expose))
    .bind(status.as_str())
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Says how an e-mail stands.
pub async fn settle_email(
    database: &TenantDatabase,
    email: Uuid,
    status: MessageStatus,
    error: Option<&str>,
) -> Result<()> {
    sqlx::query(
        "UPDATE emails SET status = $2::text::platform.message_status, error = $3,
                sent_at = coalesce(sent_at, now())
          WHERE id = $1",
    )
    .bind(email)
    .bind(status.as_str())
    .bind(error)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// E-mails: about what, and how they stand.
pub async fn list_emails(
    database: &TenantDatabase,
    page: Page,
) -> Result<Vec<(Option<Pii<String>>, MessageStatus)>> {
    let rows = sqlx::query(
        "SELECT subject, status::text FROM emails WHERE id < $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| Ok((get(row, "subject")?, get(row, "status")?)))
}
