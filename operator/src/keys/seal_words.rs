//! Sealing what calls said before their tenant asked for it, in batches beside the calls that run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callplane_keys::{KeyRing, Place};
use callplane_store::keys::{self as stored, CLEAR_COLUMNS, ClearColumn};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::TenantId;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Error, Keys};

/// Rows at a time: a transaction of some milliseconds.
const BATCH: i64 = 500;

/// How far each column of a tenant is, so that the next look goes on where this one stopped.
pub(super) type Reached = Arc<Mutex<HashMap<(TenantId, ClearColumn), Uuid>>>;

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealedWords {
    /// Values that were sealed.
    pub values: u64,
    /// The time was up before all was read.
    pub more: bool,
    /// It read everything from the first row to the last and nothing was in clear. A run that went on where
    /// another stopped has not seen what came behind.
    pub nothing_left: bool,
}

impl Keys {
    /// Seals words in clear of the tenant's calls with the key of `ring` that seals, for as long as
    /// `budget`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn seal_words(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        ring: &KeyRing,
        budget: Duration,
    ) -> Result<SealedWords, Error> {
        let until = Instant::now() + budget;
        let mut done = SealedWords::default();
        let mut found = self.reached().keys().any(|(known, _)| *known == tenant);
        for column in CLEAR_COLUMNS {
            let place = (tenant, *column);
            loop {
                let after = self.reached().get(&place).copied().unwrap_or(Uuid::nil());
                let rows = stored::in_clear(database, fence, tenant, *column, after, BATCH).await?;
                let Some(last) = rows.last().map(|row| row.id) else {
                    break;
                };
                found = true;
                let mut sealed = Vec::with_capacity(rows.len());
                for row in rows {
                    let cell = column.sealed;
                    let place = Place::cell(tenant, cell.table, cell.column, row.id);
                    let envelope = ring.seal(&place, row.value.expose().as_bytes())?;
                    sealed.push((row, envelope));
                }
                done.values +=
                    stored::put_sealed(database, fence, tenant, *column, &sealed).await?;
                self.reached().insert(place, last);
                if Instant::now() >= until {
                    done.more = true;
                    return Ok(done);
                }
            }
        }
        // The next run begins anew: until all media nodes know, words in clear may still come.
        self.reached().retain(|(known, _), _| *known != tenant);
        done.nothing_left = !found;
        Ok(done)
    }

    fn reached(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, ClearColumn), Uuid>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
