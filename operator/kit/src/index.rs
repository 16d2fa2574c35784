//! A reverse map beside a cache.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use kube::runtime::reflector::ObjectRef;

use crate::object::Object;

/// From a key to the objects that have it. Made by [`Cache::index`](crate::Cache::index).
pub struct Index<K: Object>(Arc<RwLock<Maps<K>>>);

struct Maps<K: Object> {
    keys: HashMap<ObjectRef<K>, Vec<String>>,
    objects: HashMap<String, HashSet<ObjectRef<K>>>,
}

impl<K: Object> Clone for Index<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Object> Default for Index<K> {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Maps {
            keys: HashMap::new(),
            objects: HashMap::new(),
        })))
    }
}

impl<K: Object> fmt::Debug for Index<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("kind", &K::kind(&()))
            .finish()
    }
}

impl<K: Object> Index<K> {
    /// The objects that have `key`, in no order.
    #[must_use]
    pub fn get(&self, key: &str) -> Vec<ObjectRef<K>> {
        let maps = self.0.read().unwrap_or_else(PoisonError::into_inner);
        maps.objects
            .get(key)
            .map(|objects| objects.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Replaces the keys of an object; no keys remove it.
    pub(crate) fn set(&self, object: ObjectRef<K>, keys: Vec<String>) {
        let mut maps = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for key in maps.keys.remove(&object).unwrap_or_default() {
            if let Some(objects) = maps.objects.get_mut(&key) {
                objects.remove(&object);
                if objects.is_empty() {
                    maps.objects.remove(&key);
                }
            }
        }
        if keys.is_empty() {
            return;
        }
        for key in &keys {
            maps.objects
                .entry(key.clone())
                .or_default()
                .insert(object.clone());
        }
        maps.keys.insert(object, keys);
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[test]
    fn an_object_is_found_by_its_present_keys_only() {
        let index = Index::<ConfigMap>::default();
        let object = ObjectRef::new("a").within("n");
        index.set(object.clone(), vec!["x".into(), "y".into()]);
        assert_eq!(index.get("x"), vec![object.clone()]);
        index.set(object.clone(), vec!["y".into()]);
        assert!(index.get("x").is_empty());
        assert_eq!(index.get("y"), vec![object.clone()]);
        index.set(object, vec![]);
        assert!(index.get("y").is_empty());
    }
}
