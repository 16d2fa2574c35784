//! Calls that end all the time, as media nodes write them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callplane_store::TenantDatabase;
use callplane_store::records::{self, Call, CallRecord};
use callplane_types::{CallId, CallStatus, Direction, WallTime};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A call whose record the server has acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acknowledged {
    pub(crate) id: Uuid,
    pub(crate) at: Instant,
}

/// Writes a record after the other. One that is not acknowledged is kept and tried again, as the spool
/// of a media node does.
pub(crate) struct Writer {
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    task: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(database: TenantDatabase) -> Self {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&acknowledged);
        let task = tokio::spawn(async move {
            loop {
                let record = ended_call(&database);
                while records::finish(&database, &record).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                seen.lock().unwrap().push(Acknowledged {
                    id: record.call.id.uuid(),
                    at: Instant::now(),
                });
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { acknowledged, task }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Acknowledged>> {
        self.acknowledged.lock().unwrap()
    }

    /// What was acknowledged so far, in this order.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.lock().clone()
    }

    /// The ids of [`Writer::acknowledged`].
    pub(crate) fn ids(&self) -> BTreeSet<Uuid> {
        self.lock().iter().map(|call| call.id).collect()
    }

    /// Returns once another `count` records are acknowledged: the moment of the first of them.
    pub(crate) async fn more(&self, count: usize) -> Instant {
        let before = self.lock().len();
        loop {
            {
                let calls = self.lock();
                if calls.len() >= before + count {
                    return calls[before].at;
                }
            }
            assert!(!self.task.is_finished());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) fn stop(self) -> BTreeSet<Uuid> {
        self.task.abort();
        self.ids()
    }
}

fn ended_call(database: &TenantDatabase) -> CallRecord {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = WallTime::from_unix_micros(i64::try_from(since.as_micros()).unwrap());
    CallRecord::new(Call {
        status: CallStatus::Completed,
        ended_at: Some(now),
        ..Call::begin(
            CallId::new(Uuid::now_v7()),
            database.tenant(),
            Direction::Inbound,
            now,
        )
    })
}
