//! Reads what a MediaPool refers to: all of it is cached.

use std::sync::Arc;

use callplane_crds::{MediaPool, Tenant};
use callplane_kit::owner_uid;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;

use super::tenant_of;
use crate::context::Caches;

/// The tenant of a MediaPool, and what the pool made before.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// The Tenant that its namespace belongs to.
    pub tenant: Option<Arc<Tenant>>,
    /// Its pods, those that are on their way out included.
    pub pods: Vec<Arc<Pod>>,
    /// Its budget.
    pub disruption_budget: Option<Arc<PodDisruptionBudget>>,
}

impl References {
    pub(super) fn of(pool: &MediaPool, caches: &Caches) -> Self {
        let namespace = pool.namespace().unwrap_or_default();
        let uid = pool.uid().unwrap_or_default();
        let tenant = caches
            .namespaces
            .get_cluster(&namespace)
            .and_then(|namespace| caches.tenants.get_cluster(tenant_of(&namespace)?));
        let mut pods = caches
            .pods
            .filter(|pod| owner_uid(pod) == Some(uid.as_str()));
        pods.sort_by_key(|pod| pod.name_any());
        Self {
            tenant,
            pods,
            disruption_budget: caches.disruption_budgets.get(&namespace, &pool.name_any()),
        }
    }
}
