//! The way in for records. **Calls never wait here for the database.**

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use callplane_store::erasure::Erasure;
use callplane_store::records::{Call, CallRecord};
use callplane_types::{CallId, TenantId, WallTime};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::sealer::Sealer;
use super::spool::Spool;
use crate::metrics::Metrics;

/// A small write on the way of a call.
pub(super) enum Note {
    Started(Box<Call>),
    Answered(CallId, WallTime),
    /// The record of this call is in the spool.
    Spooled(CallId),
    /// The disk did not take this record; the database may.
    Unspooled(Box<CallRecord>),
    /// Nothing more will come.
    Close,
}

/// Takes records from anywhere. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Records {
    pub(super) spool: Spool,
    pub(super) sealer: Sealer,
    pub(super) notes: mpsc::Sender<Note>,
    /// Set when the queue was full: the writer looks into the folder instead.
    pub(super) behind: Arc<AtomicBool>,
    pub(super) metrics: Arc<Metrics>,
}

impl Records {
    /// Whether the database answered the last time it was asked.
    pub(crate) fn database_is_up(&self) -> bool {
        self.metrics.database_up.get() == 1
    }

    /// Notes that a call has begun. Lost when too many wait: its record comes at its end anyway.
    pub(crate) fn started(&self, call: Call) {
        let _ = self.notes.try_send(Note::Started(Box::new(call)));
    }

    /// Notes that a call was answered.
    pub(crate) fn answered(&self, call: CallId, at: WallTime) {
        let _ = self.notes.try_send(Note::Answered(call, at));
    }

    /// Whether the record of a call that begins now can be kept as the tenant asks.
    pub(crate) fn can_keep(&self) -> bool {
        self.sealer.can_keep()
    }

    /// Keeps the record of a call that has ended, sealed when the tenant asks for it. Returns when it is safe on the disk; when the
    /// disk does not take it, when it is on its way to the database.
    pub(crate) async fn submit(&self, mut record: CallRecord) {
        let call = record.call.id;
        let (spool, sealer) = (self.spool.clone(), self.sealer.clone());
        let kept = tokio::task::spawn_blocking(move || {
            sealer.close(&mut record);
            let kept = spool.put(&record);
            (kept, Box::new(record))
        });
        let note = match kept.await {
            Ok((Ok(()), _)) => {
                self.metrics.spool_records.inc();
                Note::Spooled(call)
            }
            Ok((Err(error), record)) => {
                tracing::error!(call.id = %call, %error, "failed to spool the record of a call: make room in the data folder; it goes to the database from memory");
                Note::Unspooled(record)
            }
            Err(error) => {
                tracing::error!(call.id = %call, %error, "failed to spool the record of a call; it is lost");
                return;
            }
        };
        match self.notes.try_send(note) {
            Ok(()) => {}
            Err(
                TrySendError::Full(Note::Unspooled(_)) | TrySendError::Closed(Note::Unspooled(_)),
            ) => {
                tracing::error!(call.id = %call, "neither disk nor database takes the record of a call; it is lost");
            }
            // It is in the folder, which the writer or the next start reads.
            Err(_) => self.behind.store(true, Ordering::Release),
        }
    }

    /// The calls whose records the database does not have yet. Blocks.
    pub(crate) fn spooled(&self) -> std::io::Result<Vec<CallId>> {
        self.spool.waiting()
    }

    /// As [`Spool::scrub`].
    pub(crate) fn scrub(
        &self,
        tenant: TenantId,
        erasure: &Erasure,
        delete_audio: impl FnMut(CallId) -> std::io::Result<()>,
    ) -> std::io::Result<u32> {
        self.spool.scrub(tenant, erasure, delete_audio)
    }

    /// The oldest call whose record waits, dead letters included. Blocks.
    pub(crate) fn oldest(&self) -> std::io::Result<Option<CallId>> {
        let files = self.spool.files()?;
        Ok(files.into_iter().map(|(call, _)| call).min())
    }

    /// Ends the writer once everything is delivered.
    pub(crate) async fn close(&self) {
        // A writer that is gone is closed.
        let _ = self.notes.send(Note::Close).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use callplane_store::{Credentials, Slot, TenantDatabase};
    use callplane_types::{CallStatus, Direction};
    use prometheus_client::registry::Registry;
    use uuid::Uuid;

    use super::*;
    use crate::keys::{KeyFile, TenantKeys};
    use crate::recordings::Recordings;
    use crate::records::Writer;

    #[tokio::test]
    async fn a_call_does_not_wait_for_a_writer_that_waits_for_the_database() {
        let folder = std::env::temp_dir().join(format!("callplane-spool-{}", Uuid::now_v7()));
        let spool = Spool::open(&folder).unwrap();
        let tenant = TenantId::new(Uuid::from_u128(1));
        let credentials = Credentials {
            username: String::new(),
            password: String::new(),
            slot: Slot::A,
            host: "127.0.0.1".to_owned(),
            port: 1,
            database: String::new(),
            schema: "callplane_acme".parse().unwrap(),
            tenant_id: tenant,
            sslmode: "disable".to_owned(),
            ca_file: None,
        };
        let database = TenantDatabase::connect_lazy(&credentials, 1).unwrap();
        let metrics = Arc::new(Metrics::register("acme", &mut Registry::default()));
        let keys = TenantKeys::open(&folder, KeyFile::Columns);
        let directory = tokio::sync::watch::channel(Arc::default()).1;
        let sealer = Sealer::new(keys.clone(), directory);
        let recordings = Recordings::new(&folder, &"acme".parse().unwrap(), tenant, keys.clone());
        let (records, writer) = Writer::new(spool, sealer, database, recordings, metrics);
        let now = WallTime::from_unix_micros(1_700_000_000_000_000);
        // Nobody reads the queue: it is as if the database were down.
        for _ in 0..2_000 {
            records.answered(CallId::new(Uuid::now_v7()), now);
        }
        let call = CallId::new(Uuid::now_v7());
        let mut row = Call::begin(call, tenant, Direction::Inbound, now);
        row.status = CallStatus::Completed;
        row.ended_at = Some(now);
        let record = CallRecord::new(row);
        tokio::time::timeout(Duration::from_secs(5), records.submit(record))
            .await
            .unwrap();
        assert_eq!(records.spooled().unwrap(), [call]);
        assert!(
            records.behind.load(Ordering::Acquire),
            "the writer looks for it"
        );
        drop(writer);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
