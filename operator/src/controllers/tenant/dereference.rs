//! Reads what a Tenant refers to: all of it is cached.

use std::collections::BTreeMap;
use std::sync::Arc;

use callplane_crds::{LABEL_TENANT, MediaPool, Tenant};
use callplane_kit::Index;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;

use super::claims::{Claim, claim};
use crate::context::Caches;

/// What a Tenant refers to and what it made before.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// Each namespace of the spec, in its order.
    pub claims: Vec<(String, Claim)>,
    /// Namespaces that exist, of the spec.
    pub namespaces: BTreeMap<String, Arc<Namespace>>,
    /// Namespaces that carry the label of this Tenant and are not its own.
    pub surplus_namespaces: Vec<Arc<Namespace>>,
    /// MediaPools that this Tenant owns, wherever they are.
    pub pools: Vec<Arc<MediaPool>>,
}

impl References {
    pub(super) fn of(tenant: &Tenant, caches: &Caches, pools: &Index<MediaPool>) -> Self {
        let tenants = caches.tenants.objects();
        let mut references = Self::default();
        for name in &tenant.spec.namespaces {
            let namespace = caches.namespaces.get_cluster(name);
            let claim = claim(name, tenant, &tenants, namespace.is_some());
            references.claims.push((name.clone(), claim));
            if let Some(namespace) = namespace {
                references.namespaces.insert(name.clone(), namespace);
            }
        }
        let label = tenant.name_any();
        references.surplus_namespaces = caches.namespaces.filter(|namespace| {
            namespace.labels().get(LABEL_TENANT) == Some(&label)
                && !references.has(&namespace.name_any())
        });
        let uid = tenant.uid().unwrap_or_default();
        references.pools = pools
            .get(&uid)
            .into_iter()
            .filter_map(|pool| {
                caches
                    .media_pools
                    .get(pool.namespace.as_deref()?, &pool.name)
            })
            .collect();
        references
    }

    /// References of a Tenant whose namespaces are all there and its own, for a rendering without a
    /// cluster.
    #[must_use]
    pub fn as_if_all_were_there(tenant: &Tenant) -> Self {
        let names = &tenant.spec.namespaces;
        let namespace = |name: &String| Namespace {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        Self {
            claims: names
                .iter()
                .map(|name| (name.clone(), Claim::Ours))
                .collect(),
            namespaces: names
                .iter()
                .map(|name| (name.clone(), Arc::new(namespace(name))))
                .collect(),
            ..Self::default()
        }
    }

    /// Whether this Tenant has that namespace.
    #[must_use]
    pub fn has(&self, namespace: &str) -> bool {
        self.claims
            .iter()
            .any(|(name, claim)| name == namespace && *claim == Claim::Ours)
    }
}
