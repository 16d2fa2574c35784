//! Sealing rows anew, in batches beside the calls that run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callplane_keys::{KeyId, KeyRing, Place};
use callplane_store::keys::{self as stored, SEALED_COLUMNS, SealedColumn};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::TenantId;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Error, Handed};

/// Rows at a time: a transaction of some milliseconds.
const BATCH: i64 = 500;

/// How far each column is, so that the next look goes on where this one stopped.
#[derive(Debug, Clone, Default)]
pub struct Reseal {
    reached: Arc<Mutex<HashMap<(KeyId, SealedColumn), Uuid>>>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// Rows that were sealed anew.
    pub rows: u64,
    /// Keys that nothing is sealed with any more.
    pub retired: u32,
    /// The time was up before all was done.
    pub more: bool,
}

/// Whose rows, and with which keys.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) database: &'a OperatorDatabase,
    pub(super) fence: &'a Fence,
    pub(super) tenant: TenantId,
    pub(super) ring: &'a KeyRing,
}

impl Reseal {
    pub(super) async fn run(
        &self,
        target: Target<'_>,
        handed: &Handed,
        overlap: Duration,
        budget: Duration,
    ) -> Result<Resealed, Error> {
        let until = Instant::now() + budget;
        let mut done = Resealed::default();
        for key in handed.retiring() {
            let id = key.holder.key;
            for column in SEALED_COLUMNS {
                while let Some(rows) = self.batch(target, *column, id).await? {
                    done.rows += rows;
                    if Instant::now() >= until {
                        done.more = true;
                        return Ok(done);
                    }
                }
            }
            if stored::retire(target.database, target.fence, &key.holder, overlap).await? {
                tracing::info!(tenant.id = %target.tenant, key.id = %id, "Nothing is sealed with a data key any more; it is retired");
                done.retired += 1;
            }
            // From the beginning: until the overlap is over, a node may still seal with it.
            self.forget(id);
        }
        Ok(done)
    }

    /// Seals some rows anew; `None` when there are no more.
    async fn batch(
        &self,
        target: Target<'_>,
        column: SealedColumn,
        key: KeyId,
    ) -> Result<Option<u64>, Error> {
        let after = self.reached(key, column);
        let Target {
            database,
            fence,
            tenant,
            ring,
        } = target;
        let rows = stored::sealed_with(database, fence, tenant, column, key, after, BATCH).await?;
        let Some(last) = rows.last().map(|row| row.id) else {
            return Ok(None);
        };
        let mut anew = Vec::with_capacity(rows.len());
        for row in rows {
            let place = Place::cell(tenant, column.table, column.column, row.id);
            match ring.reseal(&place, &row.sealed) {
                Ok(Some(sealed)) => anew.push((row, sealed)),
                Ok(None) => {}
                // One row that somebody damaged must not stop the others; it keeps its key from
                // retiring, and the row is named here.
                Err(error) => tracing::error!(
                    tenant.id = %tenant, table = column.table, column = column.column, row.id = %row.id, %error,
                    "A sealed value does not open"
                ),
            }
        }
        let written = stored::replace(database, fence, tenant, column, &anew).await?;
        self.lock().insert((key, column), last);
        Ok(Some(written))
    }

    fn reached(&self, key: KeyId, column: SealedColumn) -> Uuid {
        let reached = self.lock();
        reached.get(&(key, column)).copied().unwrap_or(Uuid::nil())
    }

    fn forget(&self, key: KeyId) {
        self.lock().retain(|(known, _), _| *known != key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(KeyId, SealedColumn), Uuid>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
