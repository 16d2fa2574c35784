//! Recipients: bringing them in, and looking at them.

use callplane_types::{CallId, CampaignId, E164, Pii, RecipientId, WallTime};
use serde::Serialize;
use sqlx::Row as _;
use uuid::Uuid;

use super::RecipientOutcome;
use crate::notify::{self, notify};
use crate::time::wall_opt;
use crate::words::{known, words};
use crate::{Error, Result, TenantDatabase};

words! {
    /// `platform.recipient_status`.
    RecipientStatus {
        /// May be dialled.
        Ready = "ready",
        /// Cannot be dialled.
        Error = "error",
        /// Chosen by a dialer.
        Queued = "queued",
        /// Being dialled or talked with.
        Dialing = "dialing",
        /// Waits for another attempt.
        RetryWait = "retry_wait",
        /// Was answered.
        Completed = "completed",
        /// Was not reached.
        Failed = "failed",
        /// Must not be called.
        Suppressed = "suppressed",
    }
}

/// A line of an import, as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecipient {
    /// Line of the file, for reports.
    pub line: u64,
    /// The number as given.
    pub number: Pii<String>,
    /// Their name.
    pub name: Option<Pii<String>>,
    /// IANA zone.
    pub time_zone: Option<String>,
    /// The other columns.
    pub variables: serde_json::Map<String, serde_json::Value>,
}

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// New recipients.
    pub inserted: u64,
    /// Numbers that the campaign or the file already had; they are left as they were.
    pub duplicates: u64,
    /// Lines that were not taken.
    pub rejected: Vec<Rejected>,
}

/// A line that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Line of the file.
    pub line: u64,
    /// Column.
    pub field: &'static str,
    /// What to do about it. Never the value: it is personal data.
    pub message: String,
}

/// A row of `campaign_recipients`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recipient {
    /// Which.
    pub id: RecipientId,
    /// Whom.
    pub number: Pii<String>,
    /// Their name.
    pub name: Option<Pii<String>>,
    /// How they stand.
    pub status: RecipientStatus,
    /// How the last attempt went.
    pub outcome: Option<RecipientOutcome>,
    /// Why they are not dialled, or what failed.
    pub reason: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next one is due.
    pub next_attempt_at: Option<WallTime>,
    /// The last call.
    pub last_call_id: Option<CallId>,
}

/// Adds recipients to the campaign that is named. All of them in one transaction: an import that
/// failed may be repeated.
pub async fn import(
    database: &TenantDatabase,
    campaign: CampaignId,
    recipients: &[NewRecipient],
) -> Result<Imported> {
    let mut imported = Imported::default();
    let mut ids = Vec::with_capacity(recipients.len());
    let mut numbers = Vec::with_capacity(recipients.len());
    let mut names = Vec::with_capacity(recipients.len());
    let mut zones = Vec::with_capacity(recipients.len());
    let mut variables = Vec::with_capacity(recipients.len());
    let known_zones = time_zones(database, recipients).await?;
    for recipient in recipients {
        let zone = recipient.time_zone.as_deref();
        match recipient.number.expose().parse::<E164>() {
            Err(error) => imported.rejected.push(Rejected {
                line: recipient.line,
                field: "number",
                message: error.to_string(),
            }),
            Ok(_) if zone.is_some_and(|zone| !known_zones.iter().any(|known| known == zone)) => {
                imported.rejected.push(Rejected {
                    line: recipient.line,
                    field: "timeZone",
                    message: "not an IANA time zone: write one as in Europe/Berlin".to_owned(),
                });
            }
            Ok(number) => {
                // Ids made one after the other sort in this order: the order of the file.
                ids.push(Uuid::now_v7());
                numbers.push(String::from(number));
                names.push(recipient.name.as_ref().map(|name| name.expose().clone()));
                zones.push(zone.map(str::to_owned));
                variables.push(serde_json::Value::Object(recipient.variables.clone()));
            }
        }
    }
    let mut transaction = database.pool().begin().await?;
    imported.inserted = sqlx::query(
        "INSERT INTO campaign_recipients
            (id, campaign_id, phone_number, name, time_zone, variables, import_batch, contact_id)
         SELECT given.id, $1, given.phone_number, given.name, given.time_zone, given.variables, $7, c.id
           FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
                AS given(id, phone_number, name, time_zone, variables)
           LEFT JOIN LATERAL (
                SELECT id FROM contacts
                 WHERE phone = given.phone_number AND deleted_at IS NULL
                 ORDER BY id LIMIT 1) c ON true
          ORDER BY given.id
         ON CONFLICT (campaign_id, phone_number) DO NOTHING",
    )
    .bind(campaign.uuid())
    .bind(&ids)
    .bind(&numbers)
    .bind(&names)
    .bind(&zones)
    .bind(&variables)
    .bind(Uuid::now_v7())
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    notify(&mut transaction, notify::CAMPAIGNS, database.tenant()).await?;
    transaction.commit().await?;
    imported.duplicates = numbers.len() as u64 - imported.inserted;
    Ok(imported)
}

/// Which of the zones that the recipients name the server knows.
async fn time_zones(database: &TenantDatabase, recipients: &[NewRecipient]) -> Result<Vec<String>> {
    let mut named: Vec<&str> = recipients
        .iter()
        .filter_map(|recipient| recipient.time_zone.as_deref())
        .collect();
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query("SELECT name FROM pg_timezone_names WHERE name = ANY ($1::text[])")
        .bind(named)
        .fetch_all(database.pool())
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The recipients of a campaign in the order they are dialled in, after `after` and at most
/// `limit`.
pub async fn recipients(
    database: &TenantDatabase,
    campaign: CampaignId,
    after: Option<RecipientId>,
    limit: u32,
) -> Result<Vec<Recipient>> {
    let rows = sqlx::query(
        "SELECT id, phone_number, name, status::text AS status, outcome::text AS outcome,
                error_reason, attempts, next_attempt_at, last_call_id
           FROM campaign_recipients
          WHERE campaign_id = $1 AND ($2::uuid IS NULL OR id > $2)
          ORDER BY id LIMIT $3",
    )
    .bind(campaign.uuid())
    .bind(after.map(RecipientId::uuid))
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    known(&rows, |row| {
        Ok(Recipient {
            id: RecipientId::new(row.try_get("id")?),
            number: Pii::new(row.try_get("phone_number")?),
            name: row.try_get::<Option<String>, _>("name")?.map(Pii::new),
            status: row.try_get::<&str, _>("status")?.parse()?,
            outcome: row
                .try_get::<Option<&str>, _>("outcome")?
                .map(str::parse)
                .transpose()?,
            reason: row.try_get("error_reason")?,
            attempts: u32::try_from(row.try_get::<i32, _>("attempts")?).unwrap_or(0),
            next_attempt_at: wall_opt(row.try_get("next_attempt_at")?),
            last_call_id: row
                .try_get::<Option<Uuid>, _>("last_call_id")?
                .map(CallId::new),
        })
    })
}

/// The id of a campaign by `metadata.name` of the Campaign.
pub async fn find(database: &TenantDatabase, name: &str) -> Result<CampaignId> {
    let row = sqlx::query(
        "SELECT id FROM campaigns WHERE k8s_name = $1 AND deleted_at IS NULL ORDER BY id LIMIT 1",
    )
    .bind(name)
    .fetch_optional(database.pool())
    .await?
    .ok_or_else(|| Error::NotFound {
        kind: "campaign",
        name: name.to_owned(),
    })?;
    Ok(CampaignId::new(row.try_get(0)?))
}
