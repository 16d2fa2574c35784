//! The objects of one kind as the API server last told them, shared by every controller.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use kube::api::ObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::watch;

use crate::index::Index;
use crate::object::Object;

/// What happened to an object.
#[derive(Debug, Clone)]
pub enum Change<K> {
    /// It is new or differs.
    Applied(Arc<K>),
    /// It is gone; this is how it was last.
    Deleted(Arc<K>),
}

impl<K> Change<K> {
    /// The object, as it is or was last.
    #[must_use]
    pub fn object(&self) -> &Arc<K> {
        match self {
            Self::Applied(object) | Self::Deleted(object) => object,
        }
    }
}

type Subscriber<K> = Box<dyn Fn(&Change<K>) + Send + Sync>;

/// The objects of one kind, kept in step by one watch. Cheap to clone.
///
/// Reads never wait and never fail; an object may be a moment older than in the API server. An
/// object that does not decode keeps its last good form here.
pub struct Cache<K: Object> {
    store: Store<K>,
    subscribers: Arc<RwLock<Vec<Subscriber<K>>>>,
    /// Whether the first list was complete. The store's own `wait_until_ready` wakes only the last
    /// of several waiters.
    synced: Arc<watch::Sender<bool>>,
}

impl<K: Object> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            subscribers: Arc::clone(&self.subscribers),
            synced: Arc::clone(&self.synced),
        }
    }
}

impl<K: Object> fmt::Debug for Cache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("kind", &K::kind(&()))
            .field("objects", &self.store.len())
            .finish()
    }
}

impl<K: Object> Cache<K> {
    pub(crate) fn new(store: Store<K>) -> Self {
        Self {
            store,
            subscribers: Arc::default(),
            synced: Arc::new(watch::channel(false).0),
        }
    }

    /// The object of that name in that namespace.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// The cluster-scoped object of that name.
    #[must_use]
    pub fn get_cluster(&self, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name))
    }

    /// The object that such metadata names, as it was last known.
    pub(crate) fn last(&self, metadata: &ObjectMeta) -> Option<K> {
        let reference = ObjectRef::new(metadata.name.as_deref()?);
        let reference = match &metadata.namespace {
            Some(namespace) => reference.within(namespace),
            None => reference,
        };
        let last = self.store.get(&reference)?;
        // A new object of that name is not the former one.
        (last.meta().uid == metadata.uid).then(|| (*last).clone())
    }

    /// Every object, in no order.
    #[must_use]
    pub fn objects(&self) -> Vec<Arc<K>> {
        self.store.state()
    }

    /// The objects that `keep` keeps, in no order.
    pub fn filter(&self, keep: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        self.store.state_filter(|object| keep(object))
    }

    /// Waits for the first complete list.
    pub async fn synced(&self) {
        // The sender is in `self`, so the channel is open as long as we wait.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    pub(crate) fn set_synced(&self) {
        self.synced.send_replace(true);
    }

    /// A reverse map that is kept in step: from each of `keys(object)` to the object.
    ///
    /// For questions such as "which PhoneNumbers refer to this Trunk" that would otherwise scan the
    /// whole cache at every change of a Trunk.
    pub fn index(&self, keys: impl Fn(&K) -> Vec<String> + Send + Sync + 'static) -> Index<K> {
        let index = Index::<K>::default();
        let kept = index.clone();
        self.subscribe(move |change| match change {
            Change::Applied(object) => kept.set(ObjectRef::from_obj(&**object), keys(object)),
            Change::Deleted(object) => kept.set(ObjectRef::from_obj(&**object), Vec::new()),
        });
        index
    }

    /// Calls `subscriber` at every change, after the cache has it. It runs inside of the watch: it
    /// must be quick and must not wait.
    pub(crate) fn subscribe(&self, subscriber: impl Fn(&Change<K>) + Send + Sync + 'static) {
        self.subscribers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(subscriber));
    }

    pub(crate) fn publish(&self, change: &Change<K>) {
        let subscribers = self
            .subscribers
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for subscriber in subscribers.iter() {
            subscriber(change);
        }
    }

    pub(crate) fn store(&self) -> Store<K> {
        self.store.clone()
    }
}
