//! The tenant that a namespace belongs to.

use callplane_crds::{LABEL_TENANT, Reason, Tenant};
use callplane_types::TenantId;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;

use super::Problem;
use crate::context::Caches;

/// A tenant whose schema is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantRef {
    /// Its id in the database.
    pub id: TenantId,
    /// `metadata.name`.
    pub name: String,
    /// The namespace that has its Secrets: the first of its spec.
    pub home: String,
}

/// The tenant of a namespace, as the caches know it.
pub(crate) fn tenant_of(caches: &Caches, namespace: &str) -> Result<TenantRef, Problem> {
    let object = caches.namespaces.get_cluster(namespace);
    let label = object.as_deref().and_then(label);
    let Some(name) = label else {
        let lists = |tenant: &Tenant| tenant.spec.namespaces.iter().any(|one| one == namespace);
        return Err(match caches.tenants.filter(lists).first() {
            // The Tenant controller is about to label it.
            Some(tenant) => Problem::waits_for("Tenant", &tenant.name_any()),
            None => of_nobody(namespace),
        });
    };
    resolve(namespace, name, caches.tenants.get_cluster(name).as_deref())
}

fn label(namespace: &Namespace) -> Option<&str> {
    let labels = namespace.metadata.labels.as_ref()?;
    labels.get(LABEL_TENANT).map(String::as_str)
}

/// The label alone proves nothing, because whoever may edit a namespace may write it: the Tenant has
/// to list the namespace too.
fn resolve(namespace: &str, name: &str, tenant: Option<&Tenant>) -> Result<TenantRef, Problem> {
    let lists = |tenant: &&Tenant| tenant.spec.namespaces.iter().any(|one| one == namespace);
    let tenant = tenant.filter(lists).ok_or_else(|| of_nobody(namespace))?;
    if tenant.metadata.deletion_timestamp.is_some() {
        return Err(Problem::unresolved(
            Reason::WaitingForDependency,
            format!("the Tenant `{name}` is being deleted"),
        ));
    }
    let id = tenant_id(tenant).filter(|_| has_schema(tenant));
    let Some(id) = id else {
        return Err(Problem::waits_for("Tenant", name));
    };
    Ok(TenantRef {
        id,
        name: name.to_owned(),
        home: tenant.spec.namespaces.first().cloned().unwrap_or_default(),
    })
}

fn of_nobody(namespace: &str) -> Problem {
    Problem::unresolved(
        Reason::TenantMissing,
        format!(
            "the namespace `{namespace}` belongs to no tenant; ask the platform team to list it in spec.namespaces of a Tenant"
        ),
    )
}

/// The id that a Tenant has in the database.
pub(super) fn tenant_id(tenant: &Tenant) -> Option<TenantId> {
    tenant.status.as_ref()?.tenant_id.as_ref()?.parse().ok()
}

/// Whether the schema was ever complete. One that lacks the migrations of this version, or that one of
/// them fails on, is as good for what is applied now as it was for the version before.
fn has_schema(tenant: &Tenant) -> bool {
    let status = tenant.status.as_ref();
    status.is_some_and(|status| status.schema.is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "019aa6d2-0000-7000-8000-000000000001";

    fn tenant(status: &Value) -> Tenant {
        serde_json::from_value(json!({
            "apiVersion": "callplane.dev/v1alpha1",
            "kind": "Tenant",
            "metadata": { "name": "acme" },
            "spec": { "namespaces": ["acme", "acme-test"] },
            "status": status,
        }))
        .unwrap()
    }

    fn ready() -> Tenant {
        tenant(&json!({
            "tenantId": ID,
            "schema": { "name": "callplane_acme", "version": 1 },
        }))
    }

    fn reason(outcome: Result<TenantRef, Problem>) -> Reason {
        outcome.unwrap_err().reason
    }

    #[test]
    fn a_listed_namespace_with_the_label_belongs_to_the_tenant() {
        let found = resolve("acme-test", "acme", Some(&ready())).unwrap();
        assert_eq!(found.id.to_string(), ID);
        assert_eq!(found.home, "acme");
    }

    #[test]
    fn a_label_that_somebody_wrote_gives_no_access() {
        let outcome = resolve("other", "acme", Some(&ready()));
        assert_eq!(reason(outcome), Reason::TenantMissing);
    }

    #[test]
    fn a_label_of_no_tenant_gives_no_access() {
        assert_eq!(reason(resolve("acme", "gone", None)), Reason::TenantMissing);
    }

    #[test]
    fn a_tenant_without_schema_is_waited_for() {
        let fresh = tenant(&json!({}));
        let outcome = resolve("acme", "acme", Some(&fresh));
        assert_eq!(reason(outcome), Reason::WaitingForDependency);
    }
}
