//! The end of calls: everything about many of them in one transaction.

use std::collections::HashSet;

use callplane_types::{CallId, E164};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::check::check;
use super::rows::{self, open};
use super::seal::has_clear_words;
use super::{Call, CallRecord};
use crate::campaigns::record_outcome;
use crate::erasure::{self, Trace};
use crate::quotas;
use crate::tenants::{Transcripts, transcripts};
use crate::{Error, Result, TenantDatabase};

/// Whether a record was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// Stored now.
    Stored,
    /// It had been stored before; nothing was changed.
    Already,
    /// Stored, now or before, without what tells of a person who was erased meanwhile. Its audio is to be
    /// deleted.
    Erased,
}

/// [`finish_all`] of one call.
pub async fn finish(database: &TenantDatabase, record: &CallRecord) -> Result<Finished> {
    finish_all(database, &[record])
        .await?
        .pop()
        .unwrap_or_else(|| Err(Error::invalid("call record", "there is none")))
}

/// Stores finished calls in one transaction: of each the call, its legs, segments, events, recording,
/// conversation, transcription, costs, quality, signature, tags, detail record and outbox event; the
/// outcome of its campaign attempt; and gives back its quota slot.
///
/// Idempotent by the id of the call: the call detail record, which is written with the rest and
/// never changes, tells a repetition. A call that was closed with `node_lost` because its node was
/// silent, and whose node then delivers the record, takes the record's word.
///
/// **For a tenant whose transcripts are encrypted no record is stored that has words in clear**: that
/// one is told as [`Error::Unsealed`], to be sealed and delivered again.
///
/// A person who was erased after the call began is not stored with it ([`crate::erasure`]).
///
/// **A record that cannot be stored keeps back no other**: what is wrong with it stands in its place
/// of the answer. An error of the whole is one that may pass, and says nothing of any record: all of
/// them may be delivered again.
pub async fn finish_all(
    database: &TenantDatabase,
    records: &[&CallRecord],
) -> Result<Vec<Result<Finished>>> {
    let transcripts = transcripts(database).await?;
    let refusal = |record: &CallRecord| match transcripts {
        Transcripts::Encrypted if has_clear_words(record) => Some(Error::Unsealed),
        Transcripts::Encrypted | Transcripts::Clear => check(database.tenant(), record).err(),
    };
    let mut answers: Vec<Option<Result<Finished>>> = records
        .iter()
        .map(|record| refusal(record).map(Err))
        .collect();
    let sound: Vec<usize> = (0..records.len())
        .filter(|place| answers[*place].is_none())
        .collect();
    // Halves of what was refused, until the record that is to blame stands alone.
    let mut parts = vec![sound];
    while let Some(part) = parts.pop() {
        let together: Vec<&CallRecord> = part.iter().map(|place| records[*place]).collect();
        match store(database, &together).await {
            Ok(stored) => {
                for (place, stored) in part.into_iter().zip(stored) {
                    answers[place] = Some(Ok(stored));
                }
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => match part.as_slice() {
                [] => {}
                [alone] => answers[*alone] = Some(Err(error)),
                several => {
                    let (first, second) = several.split_at(several.len() / 2);
                    parts.push(second.to_vec());
                    parts.push(first.to_vec());
                }
            },
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

/// One transaction. Says of each record, in order, whether it was new.
async fn store(database: &TenantDatabase, records: &[&CallRecord]) -> Result<Vec<Finished>> {
    let begins = records.iter().map(|record| record.call.initiated_at);
    let Some(earliest) = begins.min() else {
        return Ok(Vec::new());
    };
    let mut transaction = database.pool().begin().await?;
    let erasures = erasure::late(&mut transaction, database.tenant(), earliest).await?;
    let scrubbed = erasure::scrubbed(&erasures, records);
    let records: Vec<&CallRecord> = scrubbed.iter().map(|(record, _)| &**record).collect();
    let calls: Vec<&Call> = records.iter().map(|record| &record.call).collect();
    lock(&mut transaction, &calls).await?;
    let mut seen = stored_before(&mut transaction, &calls).await?;
    // The second of two records of the same call is a repetition too.
    let is_new: Vec<bool> = calls.iter().map(|call| seen.insert(call.id)).collect();
    let new: Vec<&CallRecord> = records
        .iter()
        .zip(&is_new)
        .filter(|(_, is_new)| **is_new)
        .map(|(record, _)| *record)
        .collect();
    for wave in waves(&new) {
        rows::insert(&mut transaction, &wave).await?;
    }
    let mut attempts: Vec<_> = new
        .iter()
        .filter_map(|record| Some((record.call.id, record.campaign.as_ref()?)))
        .collect();
    // Recipients in one order, and before the quota, as in the claim: no deadlock among them.
    attempts.sort_unstable_by_key(|(_, attempt)| attempt.recipient_id);
    for (call, attempt) in attempts {
        record_outcome(&mut transaction, call, attempt).await?;
    }
    let ended: Vec<CallId> = new.iter().map(|record| record.call.id).collect();
    quotas::release_all_in(&mut transaction, &ended).await?;
    transaction.commit().await?;
    let answers = scrubbed.iter().zip(is_new);
    Ok(answers
        .map(|((_, trace), is_new)| match (trace, is_new) {
            (Trace::Person, _) => Finished::Erased,
            (_, true) => Finished::Stored,
            (_, false) => Finished::Already,
        })
        .collect())
}

/// Locks the calls in the order of their ids, so that two deliveries of the same record follow each
/// other; opens those that nobody has heard of.
async fn lock(connection: &mut PgConnection, calls: &[&Call]) -> Result<()> {
    let found = lock_open(connection, calls).await?;
    let missing: Vec<&Call> = calls
        .iter()
        .copied()
        .filter(|call| !found.contains(&call.id))
        .collect();
    if !missing.is_empty() {
        open(connection, &missing).await?;
        lock_open(connection, &missing).await?;
    }
    Ok(())
}

async fn lock_open(connection: &mut PgConnection, calls: &[&Call]) -> Result<HashSet<CallId>> {
    let rows = sqlx::query("SELECT id FROM calls WHERE id = ANY ($1) ORDER BY id FOR UPDATE")
        .bind(ids(calls))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok(CallId::new(row.try_get(0)?)))
        .collect()
}

/// Those that have a detail record.
async fn stored_before(connection: &mut PgConnection, calls: &[&Call]) -> Result<HashSet<CallId>> {
    let rows = sqlx::query("SELECT call_id FROM cdrs WHERE call_id = ANY ($1)")
        .bind(ids(calls))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok(CallId::new(row.try_get(0)?)))
        .collect()
}

fn ids(calls: &[&Call]) -> Vec<Uuid> {
    calls.iter().map(|call| call.id.uuid()).collect()
}

/// The records in groups in which nobody calls twice, the earlier calls of a person first: each call
/// finds those before it in the database.
fn waves<'a>(records: &[&'a CallRecord]) -> Vec<Vec<&'a CallRecord>> {
    let mut rest: Vec<&CallRecord> = records.to_vec();
    rest.sort_by_key(|record| record.call.initiated_at);
    let mut waves = Vec::new();
    while !rest.is_empty() {
        let mut people: HashSet<&E164> = HashSet::new();
        let (wave, later) = rest.into_iter().partition(|record| {
            record
                .call
                .customer_number()
                .is_none_or(|who| people.insert(who))
        });
        waves.push(wave);
        rest = later;
    }
    waves
}

#[cfg(test)]
mod tests {
    use callplane_types::{Direction, TenantId, WallTime};

    use super::*;

    fn call(from: Option<&str>, micros: i64) -> CallRecord {
        let mut call = Call::begin(
            CallId::new(Uuid::now_v7()),
            TenantId::new(Uuid::nil()),
            Direction::Inbound,
            WallTime::from_unix_micros(micros),
        );
        call.from_number = from.map(|number| number.parse().unwrap());
        CallRecord::new(call)
    }

    #[test]
    fn the_calls_of_one_person_follow_each_other_and_keep_nobody_else_back() {
        let records = [
            call(Some("+15550000001"), 30),
            call(Some("+15550000002"), 20),
            call(Some("+15550000001"), 10),
            call(None, 5),
            call(None, 6),
        ];
        let records: Vec<&CallRecord> = records.iter().collect();
        let begins: Vec<Vec<i64>> = waves(&records)
            .iter()
            .map(|wave| {
                wave.iter()
                    .map(|record| record.call.initiated_at.unix_micros())
                    .collect()
            })
            .collect();
        assert_eq!(begins, [vec![5, 6, 10, 20], vec![30]]);
    }
}
