//! The task that brings records into PostgreSQL: those in the spool oldest first, many in one
//! transaction, as soon as it answers, for as long as it takes.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callplane_store::records::{self, CallRecord};
use callplane_store::{Error, Result as StoreResult, TenantDatabase};
use callplane_types::CallId;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::batch::Batch;
use super::handle::{Note, Records};
use super::sealer::Sealer;
use super::spool::{Spool, is_damaged};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::recordings::Recordings;

/// Longest a statement, or the transaction of many records, may take before the database counts as
/// down.
const DEADLINE: Duration = Duration::from_secs(3);
/// Pause before asking again after it was down.
const RETRY: Duration = Duration::from_millis(500);
/// How often the spool is looked through for records that nobody told of.
const SECOND_TRY: Duration = Duration::from_secs(30);
/// How long a dead letter lies before it is offered again.
const DEAD_FOR: Duration = Duration::from_secs(600);
/// Notes that may wait.
const NOTES: usize = 1_024;
/// Records held in memory because neither disk nor database takes them.
const MAX_UNSPOOLED: usize = 1_024;

/// The task's state.
pub(crate) struct Writer {
    spool: Spool,
    sealer: Sealer,
    database: TenantDatabase,
    recordings: Recordings,
    notes: mpsc::Receiver<Note>,
    behind: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    clock: Clock,
    batch: Batch,
    unspooled: VecDeque<CallRecord>,
    closing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    /// The server does not answer: later.
    Unavailable,
    /// It answers, and will not have it now.
    Refused,
}

impl Writer {
    pub(crate) fn new(
        spool: Spool,
        sealer: Sealer,
        database: TenantDatabase,
        recordings: Recordings,
        metrics: Arc<Metrics>,
    ) -> (Records, Self) {
        let (sender, notes) = mpsc::channel(NOTES);
        let behind = Arc::new(AtomicBool::new(false));
        let records = Records {
            spool: spool.clone(),
            sealer: sealer.clone(),
            notes: sender,
            behind: Arc::clone(&behind),
            metrics: Arc::clone(&metrics),
        };
        let writer = Self {
            spool,
            sealer,
            database,
            recordings,
            notes,
            behind,
            metrics,
            clock: Clock::start(),
            batch: Batch::new(),
            unspooled: VecDeque::new(),
            closing: false,
        };
        (records, writer)
    }

    /// Runs until it is told to close and has delivered everything.
    pub(crate) async fn run(mut self) {
        self.deliver_until_done().await;
        while !self.closing {
            let wait = self.batch.wait(self.clock.now());
            match timeout(wait.unwrap_or(SECOND_TRY), self.notes.recv()).await {
                Ok(Some(note)) => self.take(note).await,
                Ok(None) => self.closing = true,
                Err(_elapsed) if wait.is_none() => self.look_again().await,
                Err(_elapsed) => {}
            }
            if let Some(calls) = self.batch.take(self.clock.now())
                && self.deliver(&calls).await == Written::Unavailable
            {
                self.behind.store(true, Ordering::Release);
            }
            if self.behind.swap(false, Ordering::AcqRel) {
                self.batch.clear();
                self.deliver_until_done().await;
            }
        }
        self.deliver_until_done().await;
    }

    async fn take(&mut self, note: Note) {
        let written = match note {
            Note::Started(call) => self.ask(records::start(&self.database, &call)).await,
            Note::Answered(call, at) => self.ask(records::answered(&self.database, call, at)).await,
            Note::Spooled(call) => {
                self.batch.add(self.clock.now(), call);
                return;
            }
            Note::Unspooled(record) => {
                self.unspooled.push_back(*record);
                Written::Unavailable
            }
            Note::Close => {
                self.closing = true;
                return;
            }
        };
        if written == Written::Unavailable {
            self.behind.store(true, Ordering::Release);
        }
    }

    /// Looks for records that nobody told of, and gives dead letters another try.
    async fn look_again(&mut self) {
        let spool = self.spool.clone();
        if let Err(error) = blocking(move || spool.offer_again(DEAD_FOR)).await {
            tracing::warn!(%error, "failed to look through the dead letters of the spool");
        }
        self.behind.store(true, Ordering::Release);
    }

    /// Delivers all there is, waiting for the database as long as it takes. Notes that come
    /// meanwhile are taken off the queue: their records are in the spool, or kept here.
    async fn deliver_until_done(&mut self) {
        while self.deliver_all().await == Written::Unavailable {
            tokio::time::sleep(RETRY).await;
            while let Ok(note) = self.notes.try_recv() {
                match note {
                    Note::Unspooled(record) if self.unspooled.len() < MAX_UNSPOOLED => {
                        self.unspooled.push_back(*record);
                    }
                    Note::Unspooled(record) => {
                        tracing::error!(call.id = %record.call.id, "neither disk nor database takes the record of a call; it is lost");
                    }
                    Note::Close => self.closing = true,
                    // The record of the call will say it.
                    Note::Started(_) | Note::Answered(..) | Note::Spooled(_) => {}
                }
            }
        }
    }

    async fn deliver_all(&mut self) -> Written {
        if self.deliver_unspooled().await == Written::Unavailable {
            return Written::Unavailable;
        }
        let spool = self.spool.clone();
        let mut waiting = match blocking(move || spool.waiting()).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, "failed to read the spool of call records");
                return Written::Refused;
            }
        };
        self.metrics
            .spool_records
            .set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(self.batch.limit()));
            if self.deliver(&waiting).await == Written::Unavailable {
                return Written::Unavailable;
            }
            waiting = rest;
        }
        Written::Yes
    }

    /// Records that are nowhere but here.
    async fn deliver_unspooled(&mut self) -> Written {
        while !self.unspooled.is_empty() {
            // The tenant may have asked for it since; there is no disk that could keep one that waits.
            for record in &mut self.unspooled {
                self.sealer.close(record);
            }
            let count = self.unspooled.len().min(self.batch.limit());
            let records: Vec<CallRecord> = self.unspooled.iter().take(count).cloned().collect();
            let Some(answers) = self.store(&records).await else {
                return Written::Unavailable;
            };
            self.unspooled.drain(..count);
            let mut waits = false;
            for (record, answer) in records.into_iter().zip(answers) {
                match answer {
                    Answer::Stored => {}
                    Answer::Erased => {
                        // What stays of it is found by the calls that the erasure lists.
                        self.delete_audio(record.call.id).await;
                    }
                    // It is nowhere else.
                    Answer::Later => {
                        waits = true;
                        self.unspooled.push_back(record);
                    }
                    Answer::Unsealed => {
                        self.sealer.heed();
                        self.unspooled.push_back(record);
                    }
                    Answer::Refused(sentence) => {
                        tracing::error!(call.id = %record.call.id, reason = %sentence, "the disk did not take a call record and the database refused it; it is lost");
                    }
                }
            }
            if waits {
                return Written::Unavailable;
            }
        }
        Written::Yes
    }

    /// Brings records from the spool into the database, in one transaction. One that the database
    /// refuses becomes a dead letter; the others are stored.
    async fn deliver(&mut self, calls: &[CallId]) -> Written {
        match self.deliver_as_they_are(calls).await {
            Some(unsealed) if unsealed.is_empty() => return Written::Yes,
            // The database knows it before the directory does.
            Some(unsealed) => {
                self.sealer.heed();
                if self.deliver_as_they_are(&unsealed).await.is_some() {
                    return Written::Yes;
                }
            }
            None => {}
        }
        Written::Unavailable
    }

    /// The calls whose records the database takes only sealed; `None` when it does not answer.
    async fn deliver_as_they_are(&mut self, calls: &[CallId]) -> Option<Vec<CallId>> {
        let records = self.read(calls).await;
        if records.is_empty() {
            return Some(Vec::new());
        }
        let answers = self.store(&records).await?;
        let mut stored = Vec::with_capacity(records.len());
        let mut unsealed = Vec::new();
        for (record, answer) in records.iter().zip(answers) {
            let call = record.call.id;
            match answer {
                Answer::Stored => stored.push(call),
                // Before the record goes, by which the audio is known.
                Answer::Erased => {
                    if self.delete_audio(call).await {
                        stored.push(call);
                    }
                }
                Answer::Later => {}
                Answer::Unsealed => unsealed.push(call),
                Answer::Refused(sentence) => {
                    tracing::error!(call.id = %call, reason = %sentence, "the database refused a call record; it is set aside in the spool and offered again later");
                    self.set_aside(call, sentence).await;
                }
            }
        }
        self.forget(stored).await;
        Some(unsealed)
    }

    /// The records of calls, as they may leave: with their words sealed where the tenant asks for it, which
    /// it may have done since they were spooled. Those that are gone were delivered with an older note.
    async fn read(&self, calls: &[CallId]) -> Vec<CallRecord> {
        let (spool, sealer) = (self.spool.clone(), self.sealer.clone());
        let calls = calls.to_vec();
        let read = spawn_blocking(move || {
            let read = |call| (call, spool.amend(call, |record| sealer.seal(record)));
            calls.into_iter().map(read).collect::<Vec<_>>()
        });
        let mut records = Vec::new();
        for (call, record) in read.await.unwrap_or_default() {
            match record {
                Ok(Some(Ok(record))) => records.push(record),
                Ok(Some(Err(error))) => {
                    tracing::error!(call.id = %call, %error, "failed to seal a spooled call record; it stays in the spool");
                }
                Ok(None) => {}
                Err(error) if is_damaged(&error) => {
                    tracing::error!(call.id = %call, %error, "a spooled call record does not read; it is set aside");
                    self.set_aside(call, error.to_string()).await;
                }
                Err(error) => {
                    tracing::warn!(call.id = %call, %error, "failed to read a spooled call record; it stays");
                }
            }
        }
        records
    }

    /// What became of each record; `None` when the database does not answer.
    async fn store(&mut self, records: &[CallRecord]) -> Option<Vec<Answer>> {
        let together: Vec<&CallRecord> = records.iter().collect();
        let answers = match timeout(DEADLINE, records::finish_all(&self.database, &together)).await
        {
            Ok(Ok(answers)) => answers,
            // Somebody holds the row of a call: the others do not wait for that one.
            Ok(Err(Error::Busy(_))) if records.len() == 1 => return Some(vec![Answer::Later]),
            Ok(Err(_)) | Err(_) => {
                self.batch.shrink();
                self.metrics.database_up.set(0);
                return None;
            }
        };
        self.batch.grow();
        self.metrics.database_up.set(1);
        let answers: Vec<Answer> = answers.into_iter().map(Answer::of).collect();
        let stored = answers
            .iter()
            .filter(|answer| matches!(answer, Answer::Stored | Answer::Erased));
        self.metrics.spool_delivered.inc_by(stored.count() as u64);
        Some(answers)
    }

    async fn ask(&self, query: impl Future<Output = StoreResult<()>>) -> Written {
        let written = match timeout(DEADLINE, query).await {
            Err(_elapsed) => Written::Unavailable,
            Ok(Ok(())) => Written::Yes,
            Ok(Err(error)) if error.is_transient() => Written::Unavailable,
            Ok(Err(error)) => {
                tracing::error!(reason = %sentence(&error), "the database refused a write about a call");
                Written::Refused
            }
        };
        self.metrics
            .database_up
            .set(i64::from(written != Written::Unavailable));
        written
    }

    async fn forget(&self, calls: Vec<CallId>) {
        self.metrics
            .spool_records
            .dec_by(i64::try_from(calls.len()).unwrap_or(0));
        let spool = self.spool.clone();
        let forgotten = blocking(move || calls.iter().try_for_each(|call| spool.remove(*call)));
        if let Err(error) = forgotten.await {
            // They will be delivered again, which changes nothing.
            tracing::warn!(%error, "failed to remove delivered call records from the spool");
        }
    }

    /// Deletes the audio of somebody who was erased; whether it is gone.
    async fn delete_audio(&self, call: CallId) -> bool {
        let recordings = self.recordings.clone();
        match blocking(move || recordings.delete(call)).await {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(call.id = %call, %error, "failed to delete the audio of an erased person; its record stays in the spool, and it is tried again");
                false
            }
        }
    }

    async fn set_aside(&self, call: CallId, sentence: String) {
        let spool = self.spool.clone();
        match blocking(move || spool.set_aside(call, &sentence)).await {
            Ok(()) => {
                self.metrics.spool_refused.inc();
                self.metrics.spool_records.dec();
            }
            Err(error) => {
                tracing::error!(call.id = %call, %error, "failed to set a call record aside; it stays in the spool");
            }
        }
    }
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Stored,
    /// Stored without an erased person, whose audio is to go.
    Erased,
    /// It stays in the spool until somebody looks again.
    Later,
    /// The tenant has its transcripts encrypted, which this node has not heard yet.
    Unsealed,
    /// With what is wrong.
    Refused(String),
}

impl Answer {
    fn of(stored: StoreResult<records::Finished>) -> Self {
        match stored {
            Ok(records::Finished::Erased) => Self::Erased,
            Ok(records::Finished::Stored | records::Finished::Already) => Self::Stored,
            Err(Error::Unsealed) => Self::Unsealed,
            Err(error) => Self::Refused(sentence(&error)),
        }
    }
}

/// What is wrong, with its cause, without the values.
fn sentence(error: &Error) -> String {
    match (error, std::error::Error::source(error)) {
        (Error::Rejected { .. }, _) | (_, None) => error.to_string(),
        (_, Some(cause)) => format!("{error}: {cause}"),
    }
}

/// Work on the disk, off the threads that serve SIP.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
