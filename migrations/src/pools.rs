//! The doors into the tenants' schemas that a process has open, bounded together.
//!
//! A process that serves many tenants logs in as each of them. One pool for each tenant and purpose
//! would, in the end, hold more connections than the server has. So the process has a number of
//! connections in all; a pool takes its share when somebody asks for it first, and **while it is open
//! its share is nobody else's**: what is promised is never more than the limit. When all is promised, a
//! pool that nobody holds any more is closed for the one that is wanted, the one unused the longest
//! first; when each is held, whoever wants another waits for one.
//!
//! Connections that were not used for a while are closed though their pool is open.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use callplane_types::{SchemaName, TenantId};
use sqlx::postgres::PgPool;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::database::{Connections, pool_options};
use crate::roles::Purpose;
use crate::{Credentials, Error, Result, TenantDatabase};

/// How many connections a process may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// In all.
    pub total: NonZeroU32,
    /// For one tenant and purpose; more than `total` means `total`.
    pub each: NonZeroU32,
    /// How long a connection may be unused before it is closed.
    pub idle: Duration,
    /// How long [`TenantPools::open`] waits when every pool is held.
    pub wait: Duration,
}

/// The pools of a process. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct TenantPools {
    shared: Arc<Shared>,
}

/// How the connections of a process are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// [`PoolLimits::total`].
    pub limit: u32,
    /// By what the logins are for; only purposes that have a pool.
    pub purposes: Vec<PurposeUsage>,
    /// Times that somebody had to wait because every pool was held.
    pub waits: u64,
    /// Times that the wait was in vain.
    pub refusals: u64,
}

/// The part of one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurposeUsage {
    /// What the logins are for.
    pub purpose: Purpose,
    /// Pools that are open, one for each tenant.
    pub pools: u32,
    /// Connections that these may open.
    pub promised: u32,
    /// Connections that are open and wait for work.
    pub idle: u32,
    /// Connections that work.
    pub busy: u32,
}

#[derive(Debug)]
struct Shared {
    limits: PoolLimits,
    open: Mutex<Open>,
    /// Told when a pool is no longer held, or closed.
    freed: Notify,
    waits: AtomicU64,
    refusals: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    pools: HashMap<Key, Pool>,
    /// Connections promised to `pools` and to those that are being closed.
    promised: u32,
}

/// A tenant that was moved has another server, so the old pool is not the new one's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    purpose: Purpose,
    host: String,
    port: u16,
    database: String,
}

#[derive(Debug)]
struct Pool {
    pool: PgPool,
    credentials: Credentials,
    /// Gone when no [`TenantDatabase`] of this pool is left.
    held: Weak<Hold>,
    last_held: Instant,
}

/// What every [`TenantDatabase`] of a pool shares: while it lives the pool is not closed.
#[derive(Debug)]
pub(crate) struct Hold {
    shared: Weak<Shared>,
    key: Key,
}

/// What [`Shared::look`] found.
enum Found {
    Door(TenantDatabase),
    /// To be closed first; its promise is still counted.
    Close(PgPool),
    /// Every pool is held.
    Nothing,
}

impl TenantPools {
    /// No pool is open yet.
    #[must_use]
    pub fn new(limits: PoolLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits: PoolLimits {
                    each: limits.each.min(limits.total),
                    ..limits
                },
                open: Mutex::default(),
                freed: Notify::new(),
                waits: AtomicU64::new(0),
                refusals: AtomicU64::new(0),
            }),
        }
    }

    /// The door of a login's tenant and purpose. It opens a connection when it is used first.
    ///
    /// **Hold it for a piece of work, not for ever**, where the process serves more tenants than its
    /// connections are enough for. Other credentials than last time are used from now on.
    ///
    /// Fails with [`Error::Saturated`] when every pool was held for [`PoolLimits::wait`], and with
    /// [`Error::Invalid`] on credentials of no known purpose or an unknown `sslmode`.
    pub async fn open(&self, credentials: &Credentials) -> Result<TenantDatabase> {
        let key = Key::of(credentials)?;
        let mut waited = false;
        let found = timeout(self.shared.limits.wait, async {
            loop {
                // Before the look, so that what is freed between look and wait is heard of.
                let freed = self.shared.freed.notified();
                match self.shared.look(&key, credentials)? {
                    Found::Door(door) => return Ok(door),
                    Found::Close(pool) => self.shared.close(pool).await,
                    Found::Nothing => {
                        if !std::mem::replace(&mut waited, true) {
                            self.shared.waits.fetch_add(1, Ordering::Relaxed);
                        }
                        freed.await;
                    }
                }
            }
        });
        found.await.unwrap_or_else(|_elapsed| {
            self.shared.refusals.fetch_add(1, Ordering::Relaxed);
            Err(Error::Saturated {
                limit: self.shared.limits.total.get(),
            })
        })
    }

    /// How the connections are used now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut purposes: BTreeMap<Purpose, PurposeUsage> = BTreeMap::new();
        for (key, pool) in &self.shared.lock().pools {
            let used = Connections::of(&pool.pool);
            let usage = purposes
                .entry(key.purpose)
                .or_insert_with(|| PurposeUsage::none(key.purpose));
            usage.pools += 1;
            usage.promised += used.limit;
            usage.idle += used.idle;
            usage.busy += used.busy;
        }
        Usage {
            limit: self.shared.limits.total.get(),
            purposes: purposes.into_values().collect(),
            waits: self.shared.waits.load(Ordering::Relaxed),
            refusals: self.shared.refusals.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        // Each change of the map and its count is made whole before anything can fail.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool of `key`, new where there is room for it.
    fn look(self: &Arc<Self>, key: &Key, credentials: &Credentials) -> Result<Found> {
        let mut open = self.lock();
        if let Some(pool) = open.pools.get_mut(key) {
            if pool.credentials != *credentials {
                pool.pool
                    .set_connect_options(credentials.connect_options()?);
                pool.credentials = credentials.clone();
            }
            return Ok(Found::Door(pool.door(self, key)));
        }
        let each = self.limits.each.get();
        if open.promised + each <= self.limits.total.get() {
            let mut pool = Pool {
                pool: pool_options(each)
                    .idle_timeout(self.limits.idle)
                    .connect_lazy_with(credentials.connect_options()?),
                credentials: credentials.clone(),
                held: Weak::new(),
                last_held: Instant::now(),
            };
            let door = pool.door(self, key);
            open.pools.insert(key.clone(), pool);
            open.promised += each;
            return Ok(Found::Door(door));
        }
        let free = open
            .pools
            .iter()
            .filter(|(_, pool)| pool.held.strong_count() == 0)
            .min_by_key(|(_, pool)| pool.last_held)
            .map(|(key, _)| key.clone());
        Ok(match free.and_then(|key| open.pools.remove(&key)) {
            Some(pool) => Found::Close(pool.pool),
            None => Found::Nothing,
        })
    }

    /// Closes the connections of a pool that was taken out, and only then gives its promise back.
    async fn close(self: &Arc<Self>, pool: PgPool) {
        /// Gives it back also when whoever waits is gone: dropping a pool closes its connections.
        struct Promise<'a>(&'a Shared);
        impl Drop for Promise<'_> {
            fn drop(&mut self) {
                self.0.lock().promised -= self.0.limits.each.get();
                self.0.freed.notify_waiters();
            }
        }
        let _promise = Promise(self);
        pool.close().await;
    }
}

impl Key {
    fn of(credentials: &Credentials) -> Result<Self> {
        Ok(Self {
            tenant: credentials.tenant_id,
            purpose: credentials.purpose().ok_or_else(|| {
                Error::invalid("credentials", "the login is none of media, app or ro")
            })?,
            host: credentials.host.clone(),
            port: credentials.port,
            database: credentials.database.clone(),
        })
    }
}

impl Pool {
    fn door(&mut self, shared: &Arc<Shared>, key: &Key) -> TenantDatabase {
        let held = self.held.upgrade().unwrap_or_else(|| {
            let held = Arc::new(Hold {
                shared: Arc::downgrade(shared),
                key: key.clone(),
            });
            self.held = Arc::downgrade(&held);
            held
        });
        let schema: SchemaName = self.credentials.schema.clone();
        TenantDatabase::of_pool(self.pool.clone(), key.tenant, schema, held)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        if let Some(pool) = shared.lock().pools.get_mut(&self.key) {
            pool.last_held = Instant::now();
        }
        shared.freed.notify_waiters();
    }
}

impl PurposeUsage {
    const fn none(purpose: Purpose) -> Self {
        Self {
            purpose,
            pools: 0,
            promised: 0,
            idle: 0,
            busy: 0,
        }
    }
}
