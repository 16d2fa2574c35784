//! The task that brings records into PostgreSQL: those in the spool oldest first, as soon as it
//! answers, for as long as it takes.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callplane_store::records::{self, CallRecord};
use callplane_store::{Error, TenantDatabase};
use callplane_types::CallId;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::handle::{Note, Records};
use super::spool::{Spool, is_damaged};
use crate::metrics::Metrics;

/// Longest a statement may take before the database counts as down.
const DEADLINE: Duration = Duration::from_secs(3);
/// Pause before asking again after it was down.
const RETRY: Duration = Duration::from_millis(500);
/// How often records that the database did not want are offered again.
const SECOND_TRY: Duration = Duration::from_secs(30);
/// Notes that may wait.
const NOTES: usize = 1_024;
/// Records held in memory because neither disk nor database takes them.
const MAX_UNSPOOLED: usize = 1_024;

/// The task's state.
pub(crate) struct Writer {
    spool: Spool,
    database: TenantDatabase,
    notes: mpsc::Receiver<Note>,
    behind: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
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
        database: TenantDatabase,
        metrics: Arc<Metrics>,
    ) -> (Records, Self) {
        let (sender, notes) = mpsc::channel(NOTES);
        let behind = Arc::new(AtomicBool::new(false));
        let records = Records {
            spool: spool.clone(),
            notes: sender,
            behind: Arc::clone(&behind),
            metrics: Arc::clone(&metrics),
        };
        let writer = Self {
            spool,
            database,
            notes,
            behind,
            metrics,
            unspooled: VecDeque::new(),
            closing: false,
        };
        (records, writer)
    }

    /// Runs until it is told to close and has delivered everything.
    pub(crate) async fn run(mut self) {
        self.deliver_until_done().await;
        while !self.closing {
            match timeout(SECOND_TRY, self.notes.recv()).await {
                Ok(Some(note)) => self.take(note).await,
                Ok(None) => self.closing = true,
                Err(_elapsed) => self.behind.store(true, Ordering::Release),
            }
            if self.behind.swap(false, Ordering::AcqRel) {
                self.deliver_until_done().await;
            }
        }
        self.deliver_until_done().await;
    }

    async fn take(&mut self, note: Note) {
        let written = match note {
            Note::Started(call) => self.ask(records::start(&self.database, &call)).await,
            Note::Answered(call, at) => self.ask(records::answered(&self.database, call, at)).await,
            Note::Spooled(call) => self.deliver(call).await,
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
        while let Some(record) = self.unspooled.front() {
            if self.store(record).await == Written::Unavailable {
                return Written::Unavailable;
            }
            self.unspooled.pop_front();
        }
        let spool = self.spool.clone();
        let waiting = match blocking(move || spool.waiting()).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, "failed to read the spool of call records");
                return Written::Refused;
            }
        };
        self.metrics
            .spool_records
            .set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        for call in waiting {
            if self.deliver(call).await == Written::Unavailable {
                return Written::Unavailable;
            }
        }
        Written::Yes
    }

    /// Brings one record from the spool into the database.
    async fn deliver(&self, call: CallId) -> Written {
        let spool = self.spool.clone();
        let record = match blocking(move || spool.get(call)).await {
            Ok(Some(record)) => record,
            // Delivered together with an older one.
            Ok(None) => return Written::Yes,
            Err(error) if is_damaged(&error) => {
                tracing::error!(call.id = %call, %error, "a spooled call record does not read; it is set aside until the next start");
                self.set_aside(call).await;
                return Written::Refused;
            }
            Err(error) => {
                tracing::warn!(call.id = %call, %error, "failed to read a spooled call record; it stays");
                return Written::Refused;
            }
        };
        let written = self.store(&record).await;
        match written {
            Written::Yes => self.forget(call).await,
            Written::Refused => {
                tracing::error!(call.id = %call, "the database refused a call record; it stays in the spool and is offered again");
            }
            Written::Unavailable => {}
        }
        written
    }

    async fn store(&self, record: &CallRecord) -> Written {
        let written = self
            .ask(async {
                records::finish(&self.database, record).await?;
                Ok(())
            })
            .await;
        if written == Written::Yes {
            self.metrics.spool_delivered.inc();
        }
        written
    }

    async fn ask(&self, query: impl Future<Output = callplane_store::Result<()>>) -> Written {
        let written = match timeout(DEADLINE, query).await {
            Err(_elapsed) => Written::Unavailable,
            Ok(Ok(())) => Written::Yes,
            Ok(Err(error)) if error.is_transient() => Written::Unavailable,
            Ok(Err(error)) => {
                report(&error);
                Written::Refused
            }
        };
        self.metrics
            .database_up
            .set(i64::from(written != Written::Unavailable));
        written
    }

    async fn forget(&self, call: CallId) {
        let spool = self.spool.clone();
        if let Err(error) = blocking(move || spool.remove(call)).await {
            // It will be delivered again, which changes nothing.
            tracing::warn!(call.id = %call, %error, "failed to remove a delivered call record from the spool");
        }
        self.metrics.spool_records.dec();
    }

    async fn set_aside(&self, call: CallId) {
        let spool = self.spool.clone();
        if let Err(error) = blocking(move || spool.set_aside(call)).await {
            tracing::error!(call.id = %call, %error, "failed to set a call record aside");
        }
        self.metrics.spool_records.dec();
    }
}

/// Work on the disk, off the threads that serve SIP.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn report(error: &Error) {
    tracing::error!(error = %error, cause = ?std::error::Error::source(error).map(ToString::to_string), "the database refused a write about a call");
}
