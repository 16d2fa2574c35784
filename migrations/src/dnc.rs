//! Do-not-call lists.
//!
//! A list of kind `internal`, where opt-outs go, bars a number from every campaign; a list of
//! another kind bars it from the campaigns that name the list. The check is the SQL function
//! `do_not_call`, run in the claim ([`crate::campaigns::claim`]).

use callplane_types::{CampaignId, E164, Pii};
use serde::Serialize;
use sqlx::Row as _;

use crate::campaigns::Rejected;
use crate::{Result, TenantDatabase};

/// A line of an import, as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Line of the file, for reports.
    pub line: u64,
    /// The number as given.
    pub number: Pii<String>,
}

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportedEntries {
    /// New numbers on the list.
    pub inserted: u64,
    /// Numbers that the list or the file already had.
    pub duplicates: u64,
    /// Lines that were not taken.
    pub rejected: Vec<Rejected>,
}

/// Adds numbers to a list; an unknown list is made, of kind `internal`. It holds from the next claim
/// on.
pub async fn add(
    database: &TenantDatabase,
    list: &str,
    source: &str,
    entries: &[NewEntry],
) -> Result<ImportedEntries> {
    let mut imported = ImportedEntries::default();
    let mut numbers = Vec::with_capacity(entries.len());
    for entry in entries {
        match entry.number.expose().parse::<E164>() {
            Ok(number) => numbers.push(String::from(number)),
            Err(error) => imported.rejected.push(Rejected {
                line: entry.line,
                field: "number",
                message: error.to_string(),
            }),
        }
    }
    let mut transaction = database.pool().begin().await?;
    sqlx::query("INSERT INTO dnc_lists (name) VALUES ($1) ON CONFLICT (name) DO NOTHING")
        .bind(list)
        .execute(&mut *transaction)
        .await?;
    imported.inserted = sqlx::query(
        "INSERT INTO dnc_list_entries (dnc_list_id, phone_number, source)
         SELECT l.id, given.number, $3
           FROM dnc_lists l, unnest($2::text[]) AS given(number) WHERE l.name = $1
         ON CONFLICT (dnc_list_id, phone_number) DO NOTHING",
    )
    .bind(list)
    .bind(&numbers)
    .bind(source)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    imported.duplicates = numbers.len() as u64 - imported.inserted;
    Ok(imported)
}

/// Whether a number must not be called by a campaign: by a list, or because its owner asked so.
pub async fn is_barred(
    database: &TenantDatabase,
    campaign: CampaignId,
    number: &E164,
) -> Result<bool> {
    Ok(sqlx::query("SELECT do_not_call($1, $2)")
        .bind(campaign.uuid())
        .bind(number.as_str())
        .fetch_one(database.pool())
        .await?
        .try_get(0)?)
}

/// Takes a number off a list; says whether it was on it.
pub async fn remove(database: &TenantDatabase, list: &str, number: &E164) -> Result<bool> {
    let removed = sqlx::query(
        "DELETE FROM dnc_list_entries e USING dnc_lists l
          WHERE l.id = e.dnc_list_id AND l.name = $1 AND e.phone_number = $2",
    )
    .bind(list)
    .bind(number.as_str())
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(removed > 0)
}
