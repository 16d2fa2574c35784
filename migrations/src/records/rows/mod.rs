//! What the records of many calls are in the database: a file for each table, and in it one statement
//! for the rows of all of them.

mod calls;
mod cdrs;
mod conversations;
mod costs;
mod events;
mod legs;
mod outbox;
mod quality;
mod recordings;
mod segments;
mod stir;
mod tags;
mod transcriptions;

pub use quality::{MediaStream, Playout, QualitySample};
pub use stir::{StirAttestation, StirStatus, StirVerification};

use callplane_types::CallId;
use sqlx::PgConnection;
use uuid::Uuid;

pub(super) use calls::open;

use super::CallRecord;
use crate::Result;

/// Writes everything about calls whose rows are open, in the caller's transaction. What a call learns
/// from earlier ones (whether this person was spoken to before) it learns from the database: **no
/// two of `records` are of the same person or call.**
pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    calls::close(connection, records).await?;
    legs::insert(connection, records).await?;
    segments::insert(connection, records).await?;
    events::insert(connection, records).await?;
    recordings::insert(connection, records).await?;
    conversations::insert(connection, records).await?;
    transcriptions::insert(connection, records).await?;
    costs::insert(connection, records).await?;
    quality::insert(connection, records).await?;
    stir::insert(connection, records).await?;
    tags::insert(connection, records).await?;
    let calls: Vec<Uuid> = records.iter().map(|record| record.call.id.uuid()).collect();
    cdrs::insert(connection, &calls).await?;
    outbox::insert(connection, &calls).await
}

/// The rows of one table with the calls that they hang below.
fn below<'a, T: 'a>(
    records: &[&'a CallRecord],
    rows: impl Fn(&'a CallRecord) -> &'a [T],
) -> Vec<(CallId, usize, &'a T)> {
    records
        .iter()
        .flat_map(|record| {
            let call = record.call.id;
            (1..)
                .zip(rows(record))
                .map(move |(number, row)| (call, number, row))
        })
        .collect()
}

/// As a column holds it; what it cannot hold becomes its end.
fn int(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Numbers of rows below a call.
fn small(number: usize) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}
