//! Reads the Provider that embeds, and of the ConfigMaps with files only what says that they changed, unless they did.

use std::collections::BTreeMap;
use std::sync::Arc;

use callplane_crds::{KnowledgeBase, KnowledgeSource, Provider};
use callplane_store::knowledge::projection;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::context::Caches;
use crate::context::Context;
use crate::controllers::projection::{Error, Problem, TenantRef, fingerprint, object_ref};

/// What a KnowledgeBase refers to.
#[derive(Debug)]
pub(super) struct References {
    /// The Provider that embeds, if it names one and it exists.
    pub(super) provider: Option<Arc<Provider>>,
    /// Hash of the spec and the versions of its ConfigMaps.
    pub(super) spec_hash: String,
    /// Its ConfigMaps by name, as far as they exist; nothing when the database has this very hash.
    pub(super) config_maps: Option<BTreeMap<String, Option<ConfigMap>>>,
}

/// Reads what `base` refers to. **Files are read when they changed, and else never**: a look at how far documents are
/// must not move megabytes.
pub(super) async fn dereference(
    context: &Context,
    caches: &Caches,
    base: &KnowledgeBase,
    tenant: &Result<TenantRef, Problem>,
) -> Result<References, Error> {
    let namespace = base.namespace().unwrap_or_default();
    let provider = base.spec.embedding.as_ref().and_then(|embedding| {
        let name = &embedding.provider_ref.name;
        caches.providers.get(&namespace, name)
    });
    let Ok(tenant) = tenant else {
        // Nothing is written without a tenant.
        return Ok(References {
            provider,
            spec_hash: String::new(),
            config_maps: None,
        });
    };
    let api = Api::<ConfigMap>::namespaced(context.kit.client.clone(), &namespace);
    let mut versions = BTreeMap::new();
    for name in names(base) {
        let found = api.get_metadata_opt(name).await;
        let found = found.map_err(Error::ReadConfigMap)?;
        versions.insert(name, found.as_ref().and_then(version));
    }
    let spec_hash = hash(base, &versions);
    let fence = context.fence().await?;
    let uid = object_ref(base)?.uid;
    let stored = projection::stored_hash(&context.database, fence, tenant.id, uid).await?;
    if stored.as_ref() == Some(&spec_hash) {
        return Ok(References {
            provider,
            spec_hash,
            config_maps: None,
        });
    }
    let mut config_maps = BTreeMap::new();
    for name in names(base) {
        let found = api.get_opt(name).await.map_err(Error::ReadConfigMap)?;
        // It may be a later one than that of the metadata.
        versions.insert(name, found.as_ref().and_then(version));
        config_maps.insert(name.to_owned(), found);
    }
    Ok(References {
        provider,
        spec_hash: hash(base, &versions),
        config_maps: Some(config_maps),
    })
}

/// The ConfigMaps that `base` names, each once or more.
fn names(base: &KnowledgeBase) -> impl Iterator<Item = &str> {
    let sources = base.spec.documents.iter().filter_map(|one| one.source());
    let mut names: Vec<&str> = sources
        .filter_map(|source| match source {
            KnowledgeSource::File(file) => Some(file.name.as_str()),
            KnowledgeSource::Text(_) | KnowledgeSource::Page { .. } => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

fn version<K: kube::Resource>(object: &K) -> Option<String> {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let version = object.meta().resource_version.as_deref()?;
    Some(format!("{uid}/{version}"))
}

fn hash(base: &KnowledgeBase, versions: &BTreeMap<&str, Option<String>>) -> String {
    fingerprint(&json!({ "spec": base.spec, "files": versions }))
}
