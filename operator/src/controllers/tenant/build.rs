//! What should exist because of a Tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use callplane_crds::{LABEL_TENANT, MediaPool, Tenant};
use callplane_kit::apply::hash_of;
use callplane_store::ObjectRef;
use callplane_store::compatibility::Platform;
use callplane_store::months::Partitioning;
use callplane_store::tenants::{TenantSpec, TenantStatus};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use serde_json::json;

use super::dereference::References;
use super::validate::Validated;
use crate::names::{LABEL_MANAGED_BY, LABEL_NAME, OPERATOR};

/// Everything that a Tenant asks for. `apply::Progress` tells how far it came.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The registry row with schema and quotas.
    pub row: TenantSpec,
    /// Namespaces to label: as they are, and the label.
    pub bind: Vec<(Arc<Namespace>, Namespace)>,
    /// Namespaces to take the label off.
    pub free: Vec<Arc<Namespace>>,
    /// Where the Secret and the pool go; none while the first namespace is missing or taken.
    pub home: Option<String>,
    /// The dedicated pool: as it is, if it is, and as it should be.
    pub pool: Option<(Option<Arc<MediaPool>>, MediaPool)>,
    /// Pools that this Tenant made and no longer asks for.
    pub surplus_pools: Vec<Arc<MediaPool>>,
    /// Age at which a password is replaced.
    pub rotate_every: Duration,
    /// How long the former password works on.
    pub rotation_overlap: Duration,
    /// Platforms as whose database the data can be read.
    pub compatibility: BTreeSet<Platform>,
    /// Which tables are by month.
    pub partitioning: Partitioning,
}

/// Builds it. Pure: no client, no clock.
#[must_use]
pub fn build(tenant: &Tenant, validated: &Validated, references: &References) -> Prepared {
    let bind = validated
        .namespaces
        .iter()
        .filter_map(|name| references.namespaces.get(name))
        .map(|namespace| (Arc::clone(namespace), label_of(namespace, validated)))
        .collect();
    let wanted = pool(tenant, validated);
    let is_wanted = |pool: &MediaPool| {
        wanted.as_ref().is_some_and(|wanted| {
            wanted.name_any() == pool.name_any() && wanted.namespace() == pool.namespace()
        })
    };
    // Without a home nothing is known to be surplus: the pool stays until the conflict is settled.
    let surplus_pools = match (&validated.home, &tenant.spec.media.dedicated) {
        (None, Some(_)) => Vec::new(),
        _ => references
            .pools
            .iter()
            .filter(|pool| !is_wanted(pool))
            .cloned()
            .collect(),
    };
    let live = references
        .pools
        .iter()
        .find(|pool| is_wanted(pool))
        .cloned();
    Prepared {
        row: row(tenant, validated),
        bind,
        free: references.surplus_namespaces.clone(),
        home: validated.home.clone(),
        pool: wanted.map(|wanted| (live, wanted)),
        surplus_pools,
        rotate_every: validated.rotate_every,
        rotation_overlap: validated.rotation_overlap,
        compatibility: validated.compatibility.clone(),
        partitioning: validated.partitioning,
    }
}

fn label_of(namespace: &Namespace, validated: &Validated) -> Namespace {
    Namespace {
        metadata: ObjectMeta {
            name: namespace.metadata.name.clone(),
            labels: Some([(LABEL_TENANT.to_owned(), validated.name.to_string())].into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

fn row(tenant: &Tenant, validated: &Validated) -> TenantSpec {
    let status = if validated.is_active {
        TenantStatus::Active
    } else {
        TenantStatus::Suspended
    };
    let mut row = TenantSpec {
        object: ObjectRef {
            namespace: None,
            name: validated.name.to_string(),
            uid: validated.uid,
            generation: validated.generation,
        },
        spec_hash: String::new(),
        name: validated.name.clone(),
        schema: validated.schema.clone(),
        display_name: validated.display_name.clone(),
        status,
        plan: tenant.spec.plan.clone(),
        time_zone: "UTC".to_owned(),
        locale: "en".to_owned(),
        retain: validated.retain,
        quotas: validated.quotas.clone(),
        transcripts: validated.transcripts,
        adopt: validated.adopt,
    };
    row.spec_hash = hash_of(&json!({
        "schema": row.schema.as_str(),
        "displayName": row.display_name,
        "status": row.status.as_str(),
        "plan": row.plan,
        "timeZone": row.time_zone,
        "locale": row.locale,
        "retain": row.retain,
        "quotas": row.quotas,
        "encryptTranscripts": row.transcripts.are_encrypted(),
    }));
    row
}

fn pool(tenant: &Tenant, validated: &Validated) -> Option<MediaPool> {
    let spec = tenant.spec.media.dedicated.clone()?;
    let namespace = validated.home.clone()?;
    let mut pool = MediaPool::new(validated.name.as_str(), spec);
    pool.metadata.namespace = Some(namespace);
    pool.metadata.labels = Some(BTreeMap::from([
        (LABEL_NAME.to_owned(), "callplane".to_owned()),
        (LABEL_MANAGED_BY.to_owned(), OPERATOR.to_owned()),
        (LABEL_TENANT.to_owned(), validated.name.to_string()),
    ]));
    Some(pool)
}
