//! Keeps one cache in step with the API server.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use kube::Api;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, predicates};

use crate::cache::{Cache, Change};
use crate::metrics::Metrics;
use crate::object::{Object, describe};

/// Watches until the future is dropped. The backoff is this watch's own: what fails here delays
/// nothing elsewhere.
pub(crate) async fn run<K: Object>(
    api: Api<DeserializeGuard<K>>,
    config: watcher::Config,
    mut writer: Writer<K>,
    cache: Cache<K>,
    metrics: Metrics,
    name: String,
) {
    let mut events = pin!(watcher(api, config).default_backoff());
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                if let Some(event) = decoded(event, &cache) {
                    handle(event, &mut writer, &cache, &mut listed);
                }
            }
            Err(error) => {
                metrics.watch_failed(&name);
                tracing::warn!(watch = %name, %error, "Watch of `{name}` failed, trying again");
            }
        }
    }
}

/// Puts the last good form in the place of an object that does not decode, if there was one; the log
/// says which. So an object of a newer version is neither misread nor taken for deleted.
fn decoded<K: Object>(event: Event<DeserializeGuard<K>>, cache: &Cache<K>) -> Option<Event<K>> {
    let decode = |DeserializeGuard(object): DeserializeGuard<K>| match object {
        Ok(mut object) => {
            object.meta_mut().managed_fields = None;
            Some(object)
        }
        Err(invalid) => {
            tracing::error!(
                object.kind = %K::kind(&()),
                object.namespace = invalid.metadata.namespace.as_deref(),
                object.name = invalid.metadata.name.as_deref(),
                error = %invalid,
                "Object does not decode; apply the custom resource definitions of this version"
            );
            cache.last(&invalid.metadata)
        }
    };
    Some(match event {
        Event::Apply(object) => Event::Apply(decode(object)?),
        Event::InitApply(object) => Event::InitApply(decode(object)?),
        Event::Delete(object) => Event::Delete(decode(object)?),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    })
}

fn handle<K: Object>(
    event: Event<K>,
    writer: &mut Writer<K>,
    cache: &Cache<K>,
    listed: &mut HashSet<ObjectRef<K>>,
) {
    match event {
        Event::Init => {
            listed.clear();
            writer.apply_watcher_event(&Event::Init);
        }
        Event::InitApply(object) => {
            listed.insert(ObjectRef::from_obj(&object));
            writer.apply_watcher_event(&Event::InitApply(object));
        }
        Event::InitDone => {
            let before = cache.objects();
            writer.apply_watcher_event(&Event::InitDone);
            // A list that follows a gap names no deleted objects: they are those that it lacks.
            for object in before {
                if !listed.contains(&ObjectRef::from_obj(&*object)) {
                    cache.publish(&Change::Deleted(object));
                }
            }
            listed.clear();
            for object in cache.objects() {
                cache.publish(&Change::Applied(object));
            }
            cache.set_synced();
        }
        Event::Apply(object) => {
            let change = Change::Applied(Arc::new(object.clone()));
            writer.apply_watcher_event(&Event::Apply(object));
            cache.publish(&change);
        }
        Event::Delete(object) => {
            tracing::debug!(object = %describe(&object), "Deleted");
            let change = Change::Deleted(Arc::new(object.clone()));
            writer.apply_watcher_event(&Event::Delete(object));
            cache.publish(&change);
        }
    }
}

/// A hash of what a controller of the kind itself reacts to: everything but the status.
///
/// Without it each status that we write would wake us once more.
pub(crate) fn intent<K: Object>(object: &K) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let meta = object.meta();
    let mut hasher = DefaultHasher::new();
    meta.uid.hash(&mut hasher);
    predicates::generation(object).hash(&mut hasher);
    predicates::labels(object).hash(&mut hasher);
    predicates::annotations(object).hash(&mut hasher);
    predicates::finalizers(object).hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    if meta.generation.is_none() {
        // Kinds without generations (Namespace, ConfigMap, Secret): any change counts.
        meta.resource_version.hash(&mut hasher);
    }
    hasher.finish()
}
