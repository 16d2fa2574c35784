//! Wakes the objects of a namespace when its tenant changes.

use callplane_kit::{Cache, ControllerBuilder, Object};
use kube::ResourceExt as _;

use crate::context::Caches;

/// Wakes every object of `cache` whose namespace is labelled, or whose Tenant is created, becomes
/// ready or changes.
pub(crate) fn wake_with_tenant<K: Object>(
    builder: &ControllerBuilder<K>,
    cache: &Cache<K>,
    caches: &Caches,
) {
    let by_namespace = cache.index(|object| object.meta().namespace.clone().into_iter().collect());
    let in_namespace = by_namespace.clone();
    builder
        .watches(&caches.namespaces, move |namespace| {
            in_namespace.get(&namespace.name_any())
        })
        .watches(&caches.tenants, move |tenant| {
            let namespaces = &tenant.spec.namespaces;
            namespaces
                .iter()
                .flat_map(|namespace| by_namespace.get(namespace))
                .collect()
        });
}
