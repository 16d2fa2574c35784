//! The end of a Tenant: its calls first, then its data as the policy says, then its namespaces.

use std::time::Duration;

use callplane_crds::{
    ANNOTATION_ADOPT_DATA, ANNOTATION_CONFIRM_DELETE, DeletionPolicy, FINALIZER, LABEL_TENANT,
    Reason, Tenant,
};
use callplane_kit::{Next, finalizer, owner_uid};
use callplane_store::tenants;
use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use kube::{Api, ResourceExt as _};
use uuid::Uuid;

use super::{Error, TenantController, status};

/// How often to look whether the last call has ended.
const DRAIN_POLL: Duration = Duration::from_secs(2);

/// What a deletion waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl TenantController {
    /// Ends a Tenant that is being deleted.
    pub(super) async fn let_go(&self, tenant: &Tenant) -> Result<Next, Error> {
        if !finalizer::has(tenant, FINALIZER) {
            return Ok(Next::AwaitChange);
        }
        if let Err(wait) = confirmed(tenant, Timestamp::now()) {
            self.tell(tenant, &wait).await?;
            return Ok(Next::AwaitChange);
        }
        let calls = self.end_calls(tenant).await?;
        if let Some(wait) = calls {
            self.tell(tenant, &wait).await?;
            return Ok(Next::After(DRAIN_POLL));
        }
        self.release_data(tenant).await?;
        let name = tenant.name_any();
        let labelled = self
            .caches
            .namespaces
            .filter(|namespace| namespace.labels().get(LABEL_TENANT) == Some(&name));
        for namespace in labelled {
            self.free(&namespace).await?;
        }
        self.proved.forget(&tenant.uid().unwrap_or_default());
        let api = Api::all(self.context.kit.client.clone());
        finalizer::remove(&api, tenant, FINALIZER)
            .await
            .map_err(Error::Finalizer)?;
        Ok(Next::AwaitChange)
    }

    async fn tell(&self, tenant: &Tenant, wait: &Wait) -> Result<(), Error> {
        let status = status::deleting(tenant, wait, Timestamp::now());
        self.write_status(tenant, &status).await
    }

    /// Deletes the pools and waits for their pods: a node whose login is closed could not deliver the
    /// records of its calls.
    async fn end_calls(&self, tenant: &Tenant) -> Result<Option<Wait>, Error> {
        let pools = self.pools.get(&tenant.uid().unwrap_or_default());
        let pools: Vec<_> = pools
            .iter()
            .filter_map(|pool| {
                self.caches
                    .media_pools
                    .get(pool.namespace.as_deref()?, &pool.name)
            })
            .collect();
        for pool in &pools {
            self.delete_pool(tenant, pool).await?;
        }
        if let Some(wait) = self.foreign_pool(tenant) {
            return Ok(Some(wait));
        }
        let name = tenant.name_any();
        let in_ours = |namespace: Option<String>| {
            namespace.is_some_and(|namespace| self.has(tenant, &namespace))
        };
        let pods = self.caches.pods.filter(|pod| {
            pod.labels().get(LABEL_TENANT) == Some(&name) && in_ours(pod.namespace())
        });
        let pods = pods.len();
        if pools.is_empty() && pods == 0 {
            return Ok(None);
        }
        Ok(Some(Wait {
            reason: Reason::Draining,
            message: format!(
                "{pods} media nodes finish their calls before the data is let go, at most for maxDrainSeconds"
            ),
        }))
    }

    /// A MediaPool that somebody made beside ours: only they can say that its calls may end.
    fn foreign_pool(&self, tenant: &Tenant) -> Option<Wait> {
        let uid = tenant.metadata.uid.as_deref();
        let pools = self.caches.media_pools.filter(|pool| {
            owner_uid(pool) != uid
                && pool.metadata.deletion_timestamp.is_none()
                && pool
                    .namespace()
                    .is_some_and(|namespace| self.has(tenant, &namespace))
        });
        let pool = pools.first()?;
        Some(Wait {
            reason: Reason::DependencyNotReady,
            message: format!(
                "MediaPool {}/{} was not made for this Tenant and still takes its calls; delete it",
                pool.namespace().unwrap_or_default(),
                pool.name_any()
            ),
        })
    }

    /// Whether a namespace is this Tenant's, by its spec and by the label.
    fn has(&self, tenant: &Tenant, namespace: &str) -> bool {
        let label = tenant.name_any();
        tenant
            .spec
            .namespaces
            .iter()
            .any(|listed| listed == namespace)
            && self
                .caches
                .namespaces
                .get_cluster(namespace)
                .is_some_and(|namespace| namespace.labels().get(LABEL_TENANT) == Some(&label))
    }

    /// Keeps or drops the data. The store acts on the row that carries our uid and on no other, so a
    /// Tenant that never got a schema lets go of nothing.
    async fn release_data(&self, tenant: &Tenant) -> Result<(), Error> {
        let uid: Uuid = match tenant.uid().unwrap_or_default().parse() {
            Ok(uid) => uid,
            // Then no row carries it either.
            Err(_) => return Ok(()),
        };
        let fence = self.context.fence().await?;
        let database = &self.context.database;
        let events = &self.context.kit.events;
        match tenant.spec.deletion_policy {
            DeletionPolicy::Retain => {
                let kept = tenants::retain(database, fence, uid)
                    .await
                    .map_err(Error::ReleaseData)?;
                if let Some(kept) = kept {
                    let note = format!(
                        "The schema {schema} keeps all data of tenant {id}; its logins are closed. A new Tenant of this name takes it over with the annotation {ANNOTATION_ADOPT_DATA}: {id}",
                        schema = kept.schema,
                        id = kept.id,
                    );
                    events.normal(tenant, "Delete", "DataRetained", &note).await;
                }
            }
            DeletionPolicy::Delete => {
                let gone = tenants::delete(database, fence, uid)
                    .await
                    .map_err(Error::ReleaseData)?;
                if let Some(gone) = gone {
                    let note = format!(
                        "The schema {} with all data of tenant {} and its roles are dropped",
                        gone.schema, gone.id
                    );
                    events.normal(tenant, "Delete", "DataDeleted", &note).await;
                }
            }
        }
        Ok(())
    }
}

/// Whether the deletion may go on: `Delete` needs `<name>/<date>`, the date being that of today or of
/// the day on which the Tenant was deleted, give or take a day for the time zone of who wrote it.
pub(super) fn confirmed(tenant: &Tenant, now: Timestamp) -> Result<(), Wait> {
    if tenant.spec.deletion_policy == DeletionPolicy::Retain {
        return Ok(());
    }
    let name = tenant.name_any();
    let day = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
    let deleted = tenant
        .metadata
        .deletion_timestamp
        .as_ref()
        .map(|time| time.0);
    let given = tenant.annotations().get(ANNOTATION_CONFIRM_DELETE);
    let is_confirmed = given
        .and_then(|given| given.strip_prefix(&name)?.strip_prefix('/'))
        .and_then(|date| date.parse::<k8s_openapi::jiff::civil::Date>().ok())
        .is_some_and(|date| {
            [Some(now), deleted]
                .into_iter()
                .flatten()
                .any(|time| (date - day(time)).get_days().abs() <= 1)
        });
    if is_confirmed {
        return Ok(());
    }
    let today = day(now);
    Err(Wait {
        reason: Reason::ConfirmationMissing,
        message: format!(
            "deletionPolicy is Delete, which drops all data of this tenant: confirm it with `kubectl annotate tenant {name} {ANNOTATION_CONFIRM_DELETE}={name}/{today}`, or set deletionPolicy to Retain"
        ),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;

    fn tenant(policy: &str, annotation: Option<&str>) -> Tenant {
        let spec = json!({"namespaces": ["n"], "deletionPolicy": policy});
        let mut tenant = Tenant::new("acme", serde_json::from_value(spec).unwrap());
        tenant.metadata.deletion_timestamp = Some(Time("2026-11-20T12:00:00Z".parse().unwrap()));
        if let Some(annotation) = annotation {
            tenant
                .annotations_mut()
                .insert(ANNOTATION_CONFIRM_DELETE.to_owned(), annotation.to_owned());
        }
        tenant
    }

    #[test]
    fn data_is_dropped_only_with_its_name_and_the_date() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        for (policy, annotation, is_confirmed) in [
            ("Retain", None, true),
            ("Delete", None, false),
            ("Delete", Some("acme"), false),
            ("Delete", Some("acme/yes"), false),
            ("Delete", Some("acme-eu/2026-11-25"), false),
            ("Delete", Some("acme/2026-11-25"), true),
            ("Delete", Some("acme/2026-11-26"), true),
            ("Delete", Some("acme/2026-11-20"), true),
            ("Delete", Some("acme/2026-11-23"), false),
            ("Delete", Some("acme/2025-11-25"), false),
        ] {
            let outcome = confirmed(&tenant(policy, annotation), now);
            assert_eq!(outcome.is_ok(), is_confirmed, "{annotation:?}");
            if let Err(wait) = outcome {
                assert!(
                    wait.message
                        .contains("callplane.dev/confirm-delete=acme/2026-11-25")
                );
            }
        }
    }
}
