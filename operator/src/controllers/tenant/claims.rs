//! Who has a namespace that several Tenants list.

use std::sync::Arc;

use callplane_crds::Tenant;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;

/// A namespace of a Tenant's spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It belongs to this Tenant.
    Ours,
    /// It does not exist.
    Missing,
    /// It belongs to the older Tenant of this name.
    TakenBy(String),
}

/// The Tenant that has `namespace`: the oldest that lists it, by name where two are as old.
///
/// A Tenant that is being deleted has it until it is gone, because its data may still be dropped.
pub(super) fn holder(namespace: &str, tenants: &[Arc<Tenant>]) -> Option<Arc<Tenant>> {
    tenants
        .iter()
        .filter(|tenant| {
            tenant
                .spec
                .namespaces
                .iter()
                .any(|listed| listed == namespace)
        })
        .min_by_key(|tenant| age(tenant))
        .cloned()
}

fn age(tenant: &Tenant) -> (Timestamp, String) {
    let created = tenant.metadata.creation_timestamp.as_ref();
    (
        created.map_or(Timestamp::MAX, |time| time.0),
        tenant.name_any(),
    )
}

/// What becomes of `namespace` for `tenant`.
pub(super) fn claim(
    namespace: &str,
    tenant: &Tenant,
    tenants: &[Arc<Tenant>],
    exists: bool,
) -> Claim {
    match holder(namespace, tenants) {
        Some(holder) if holder.metadata.uid != tenant.metadata.uid => {
            Claim::TakenBy(holder.name_any())
        }
        _ if exists => Claim::Ours,
        _ => Claim::Missing,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn tenant(name: &str, created: i64, namespaces: &[&str]) -> Arc<Tenant> {
        let spec = serde_json::from_value(serde_json::json!({ "namespaces": namespaces })).unwrap();
        let mut tenant = Tenant::new(name, spec);
        tenant.metadata.uid = Some(name.to_owned());
        tenant.metadata.creation_timestamp = Some(Time(Timestamp::from_second(created).unwrap()));
        Arc::new(tenant)
    }

    #[test]
    fn the_oldest_has_it_and_the_name_decides_between_twins() {
        let (old, young) = (tenant("z", 1, &["n", "o"]), tenant("a", 2, &["n", "m"]));
        let twin = tenant("b", 2, &["m"]);
        let all = [young.clone(), twin.clone(), old.clone()];
        for (namespace, who, exists, expected) in [
            ("n", &old, true, Claim::Ours),
            ("n", &young, true, Claim::TakenBy("z".to_owned())),
            ("m", &young, true, Claim::Ours),
            ("m", &twin, true, Claim::TakenBy("a".to_owned())),
            ("o", &old, false, Claim::Missing),
            ("n", &young, false, Claim::TakenBy("z".to_owned())),
        ] {
            assert_eq!(claim(namespace, who, &all, exists), expected, "{namespace}");
        }
    }
}
