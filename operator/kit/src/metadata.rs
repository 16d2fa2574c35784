//! A watch that keeps nothing: for kinds of which a process must not hold the objects.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};

use futures::StreamExt;
use kube::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};

use crate::metrics::Metrics;
use crate::object::Object;

type Subscriber<K> = Box<dyn Fn(&PartialObjectMeta<K>) + Send + Sync>;

/// The metadata of the objects of one kind, as it passes by. Cheap to clone.
///
/// Neither the content of an object nor, once its subscribers have seen it, its metadata is in the
/// memory of this process: what it costs does not grow with the cluster. So it can tell that an
/// object was created, changed or deleted, and nothing about how it is. After a gap in the watch
/// every object passes by once more, and those that were deleted in the gap do not: what must not
/// miss a deletion has to look at its resync.
pub struct MetadataWatch<K: Object>(Arc<RwLock<Vec<Subscriber<K>>>>);

impl<K: Object> Clone for MetadataWatch<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Object> fmt::Debug for MetadataWatch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataWatch")
            .field("kind", &K::kind(&()))
            .finish()
    }
}

impl<K: Object> MetadataWatch<K> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Calls `subscriber` at every change. It runs inside of the watch: it must be quick and must
    /// not wait.
    pub(crate) fn subscribe(
        &self,
        subscriber: impl Fn(&PartialObjectMeta<K>) + Send + Sync + 'static,
    ) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(subscriber));
    }

    fn publish(&self, object: &PartialObjectMeta<K>) {
        for subscriber in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            subscriber(object);
        }
    }
}

/// Watches until the future is dropped, with a backoff of its own.
pub(crate) async fn run<K: Object>(
    api: Api<PartialObjectMeta<K>>,
    config: watcher::Config,
    watch: MetadataWatch<K>,
    metrics: Metrics,
    name: String,
) {
    let mut events = pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                watch.publish(&object);
            }
            Ok(Event::Init | Event::InitDone) => {}
            Err(error) => {
                metrics.watch_failed(&name);
                tracing::warn!(watch = %name, %error, "Watch of `{name}` failed, trying again");
            }
        }
    }
}
