//! Joins watches and controllers into one process.

use std::any::TypeId;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use kube::core::{ClusterResourceScope, PartialObjectMeta};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cache::{Cache, Change};
use crate::client::{fenced, heard};
use crate::controller::Controller;
use crate::events::Events;
use crate::health::Health;
use crate::lease::Leadership;
use crate::metadata::{self, MetadataWatch};
use crate::metrics::Metrics;
use crate::object::{Object, controller_of};
use crate::queue::Queue;
use crate::{runner, watch};

/// The API server ends a watch after this time and we start it again: the longest time in which a
/// connection that died without a word goes unnoticed.
const WATCH_TIMEOUT: Duration = Duration::from_secs(120);
/// kube reconnects when a watch was idle for its timeout and this.
const IDLE_MARGIN: Duration = Duration::from_secs(5);
/// How long a reconcile that runs may go on after SIGTERM.
const GRACE: Duration = Duration::from_secs(15);

/// What a controller works with. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Kit {
    /// Reads anything and writes only while the Lease is held.
    pub client: Client,
    /// The one recorder of Events.
    pub events: Events,
    /// The counters.
    pub metrics: Metrics,
    /// Whether this process may write, and its epoch.
    pub leadership: Leadership,
}

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit")
            .field("leadership", &self.leadership)
            .finish_non_exhaustive()
    }
}

/// A part of the process ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {0} ended by itself")]
pub struct Stopped(&'static str);

/// Collects watches and controllers, then runs them.
pub struct Manager {
    kit: Kit,
    /// Without a fence: watches read only.
    client: Client,
    health: Health,
    watch_timeout: Duration,
    watches: Vec<BoxFuture<'static, ()>>,
    synced: Vec<BoxFuture<'static, ()>>,
    controllers: Vec<Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>>,
    closers: Vec<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager")
            .field("watches", &self.watches.len())
            .field("controllers", &self.controllers.len())
            .finish_non_exhaustive()
    }
}

impl Manager {
    /// A manager that writes through `client` while `leadership` is held. `instance` names this
    /// process in Events: its pod.
    #[must_use]
    pub fn new(client: &Client, leadership: Leadership, metrics: Metrics, instance: &str) -> Self {
        let writer = fenced(client, &leadership, &metrics);
        Self {
            kit: Kit {
                events: Events::new(writer.clone(), "callplane-operator", instance),
                client: writer,
                metrics: metrics.clone(),
                leadership,
            },
            client: client.clone(),
            health: Health::new(metrics, 2 * (WATCH_TIMEOUT + IDLE_MARGIN)),
            watch_timeout: WATCH_TIMEOUT,
            watches: Vec::new(),
            synced: Vec::new(),
            controllers: Vec::new(),
            closers: Vec::new(),
        }
    }

    /// Uses other times than 120 s for a watch and 250 s for a silent one; for tests.
    #[must_use]
    pub fn with_watch_times(mut self, timeout: Duration, silent_after: Duration) -> Self {
        self.watch_timeout = timeout;
        self.health = Health::new(self.kit.metrics.clone(), silent_after);
        self
    }

    /// What controllers work with.
    #[must_use]
    pub fn kit(&self) -> Kit {
        self.kit.clone()
    }

    /// Answers of the probes.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Watches a kind over the whole cluster, with its own backoff. Call it once per kind and share
    /// the cache. Set a label selector in `config` for kinds that others have many objects of.
    pub fn cache<K: Object>(&mut self, config: watcher::Config) -> Cache<K> {
        let (store, writer) = reflector::store();
        let cache = Cache::new(store);
        let name = K::kind(&()).into_owned();
        let age = self.kit.metrics.watch(name.clone());
        let api = Api::all(heard(&self.client, &age));
        let config = self.with_timeout(config);
        let metrics = self.kit.metrics.clone();
        self.watches
            .push(watch::run(api, config, writer, cache.clone(), metrics, name).boxed());
        let synced = cache.clone();
        self.synced
            .push(async move { synced.synced().await }.boxed());
        cache
    }

    /// Watches the metadata of a kind over the whole cluster and keeps none of it. `name` stands in
    /// metrics and logs, because a kind may have several such watches of different selectors. No
    /// controller waits for it, and a right that is missing for it makes no probe fail.
    pub fn metadata<K: Object>(&mut self, name: &str, config: watcher::Config) -> MetadataWatch<K> {
        let watch = MetadataWatch::new();
        let age = self.kit.metrics.metadata_watch(name.to_owned());
        let api = Api::<PartialObjectMeta<K>>::all(heard(&self.client, &age));
        let config = self.with_timeout(config);
        let (metrics, name) = (self.kit.metrics.clone(), name.to_owned());
        self.watches
            .push(metadata::run(api, config, watch.clone(), metrics, name).boxed());
        watch
    }

    fn with_timeout(&self, config: watcher::Config) -> watcher::Config {
        let seconds = u32::try_from(self.watch_timeout.as_secs().max(1)).ok();
        watcher::Config {
            timeout: config.timeout.or(seconds),
            ..config
        }
    }

    /// Runs `controller` over the objects of `cache`. It starts when every cache that the returned
    /// builder names is synced, and waits for no other.
    pub fn controller<C: Controller>(
        &mut self,
        cache: &Cache<C::Object>,
        controller: C,
    ) -> ControllerBuilder<C::Object> {
        let builder = ControllerBuilder {
            queue: Queue::new(),
            needs: Arc::default(),
        };
        builder.reads(cache);
        queue_own(cache, &builder.queue);
        let (needs, queue) = (Arc::clone(&builder.needs), builder.queue.clone());
        let (store, kit) = (cache.store(), self.kit.clone());
        let controller = Arc::new(controller);
        self.controllers.push(Box::new(move || {
            let needs = std::mem::take(&mut *needs.lock().unwrap_or_else(PoisonError::into_inner));
            async move {
                join_all(needs).await;
                runner::run(controller, store, queue, kit).await;
            }
            .boxed()
        }));
        let queue = builder.queue.clone();
        self.closers.push(Box::new(move || queue.close()));
        builder
    }

    /// Runs everything until `shutdown`, then lets running reconciles end for at most 15 s.
    ///
    /// # Errors
    /// [`Stopped`] when a watch or controller ended by itself: the process should end too.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Stopped> {
        let mut watches: JoinSet<()> = self.watches.into_iter().collect();
        let mut controllers: JoinSet<()> = self.controllers.into_iter().map(|c| c()).collect();
        let (health, synced) = (self.health, self.synced);
        watches.spawn(async move {
            join_all(synced).await;
            health.set_synced();
            std::future::pending::<()>().await;
        });
        tokio::select! {
            () = shutdown.cancelled() => {}
            Some(_) = watches.join_next() => return Err(Stopped("watch")),
            Some(_) = controllers.join_next() => return Err(Stopped("controller")),
        }
        for close in self.closers {
            close();
        }
        let ended = async { while controllers.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("Reconciles did not end in time and are cancelled");
        }
        Ok(())
    }
}

/// Queues an object when its intent changes; a status that we wrote ourselves is no reason.
fn queue_own<K: Object>(cache: &Cache<K>, queue: &Queue<K>) {
    let queue = queue.clone();
    let intents = Mutex::new(std::collections::HashMap::new());
    cache.subscribe(move |change| {
        let reference = ObjectRef::from_obj(&**change.object());
        let mut intents = intents.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Applied(object) => {
                let intent = watch::intent(&**object);
                if intents.insert(reference.clone(), intent) != Some(intent) {
                    queue.push(reference);
                }
            }
            Change::Deleted(_) => {
                intents.remove(&reference);
                // Forgets its failures.
                queue.push(reference);
            }
        }
    });
}

/// Adds what else wakes a controller.
pub struct ControllerBuilder<K: Object> {
    queue: Queue<K>,
    needs: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
}

impl<K: Object> std::fmt::Debug for ControllerBuilder<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControllerBuilder").finish_non_exhaustive()
    }
}

impl<K: Object> ControllerBuilder<K> {
    /// Wakes the owner of a child at each change of the child, its deletion included.
    pub fn owns<Child: Object>(&self, children: &Cache<Child>) -> &Self {
        self.watches(children, |child| owner_of(child).into_iter().collect())
    }

    /// Wakes what `map` says at each change of another object. `map` must be quick: use an
    /// [`Index`](crate::Index) rather than a scan.
    pub fn watches<Other: Object>(
        &self,
        others: &Cache<Other>,
        map: impl Fn(&Other) -> Vec<ObjectRef<K>> + Send + Sync + 'static,
    ) -> &Self {
        self.reads(others);
        let queue = self.queue.clone();
        others.subscribe(move |change| {
            for object in map(change.object()) {
                queue.push(object);
            }
        });
        self
    }

    /// Wakes what `map` says at each change of an object of which only the metadata passes by.
    pub fn notices<Other: Object>(
        &self,
        others: &MetadataWatch<Other>,
        map: impl Fn(&PartialObjectMeta<Other>) -> Vec<ObjectRef<K>> + Send + Sync + 'static,
    ) -> &Self {
        let queue = self.queue.clone();
        others.subscribe(move |object| {
            for object in map(object) {
                queue.push(object);
            }
        });
        self
    }

    /// Lets the controller start only when `cache` is synced, without being woken by it.
    pub fn reads<Other: Object>(&self, cache: &Cache<Other>) -> &Self {
        let cache = cache.clone();
        self.needs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(async move { cache.synced().await }.boxed());
        self
    }

    /// A handle that wakes the controller from elsewhere, such as a notification of the database.
    pub fn waker(&self) -> impl Fn(ObjectRef<K>) + Send + Sync + 'static {
        let queue = self.queue.clone();
        move |object| queue.push(object)
    }
}

/// The owner of `child`, if its controller is a `K`.
fn owner_of<K: Object, Child: Object>(child: &Child) -> Option<ObjectRef<K>> {
    let owner = controller_of(child)?;
    if owner.kind != K::kind(&()) || owner.api_version != K::api_version(&()) {
        return None;
    }
    let reference = ObjectRef::new(&owner.name);
    if TypeId::of::<K::Scope>() == TypeId::of::<ClusterResourceScope>() {
        Some(reference)
    } else {
        child
            .meta()
            .namespace
            .as_deref()
            .map(|n| reference.within(n))
    }
}
