//! KnowledgeBase: documents that agents look things up in. Becomes a row for it and one for each document, which workers
//! read; how far they are is read back from time to time.

mod apply;
mod build;
mod dereference;
mod status;
mod validate;

use std::time::Duration;

use callplane_crds::{KnowledgeBase, KnowledgeBaseStatus, KnowledgeSource};
use callplane_kit::conditions::Conditions;
use callplane_kit::{Manager, Next};
use callplane_store::knowledge::projection::{self, BaseSpec, Progress};
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::TenantId;
use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::projection::{
    Error, Problem, Projection, Projector, TenantRef, key, key_of, wake_with_tenant,
};
use crate::context::{Caches, Context};
use dereference::References;

/// How often documents are counted while some are being read.
const WHILE_PROCESSING: Duration = Duration::from_secs(5);
/// How often else: pages are fetched again, and may be gone.
const WHILE_READ: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct KnowledgeBases;

/// Wires the controller of KnowledgeBases. The ConfigMaps of one are read when they changed, which their metadata tells.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches) {
    let projector = Projector::<KnowledgeBases>::new(context, caches);
    let builder = manager.controller(&caches.knowledge_bases, projector);
    wake_with_tenant(&builder, &caches.knowledge_bases, caches);
    let by_config_map = caches.knowledge_bases.index(|base| {
        let namespace = base.metadata.namespace.as_deref().unwrap_or_default();
        let sources = base.spec.documents.iter().filter_map(|one| one.source());
        let files = sources.filter_map(|source| match source {
            KnowledgeSource::File(file) => Some(format!("{namespace}/{}", file.name)),
            KnowledgeSource::Text(_) | KnowledgeSource::Page { .. } => None,
        });
        let mut files: Vec<String> = files.collect();
        files.sort();
        files.dedup();
        files
    });
    let by_provider = caches.knowledge_bases.index(|base| {
        let embedding = base.spec.embedding.iter();
        embedding
            .map(|embedding| key(base, &embedding.provider_ref))
            .collect()
    });
    builder
        .notices(&caches.config_maps, move |config_map| {
            by_config_map.get(&key_of(config_map))
        })
        .watches(&caches.providers, move |provider| {
            by_provider.get(&key_of(provider))
        });
}

impl Projection for KnowledgeBases {
    type Object = KnowledgeBase;
    type References = References;
    type Prepared = BaseSpec;
    type Applied = Progress;
    const NAME: &'static str = "knowledge_base";

    async fn dereference(
        context: &Context,
        caches: &Caches,
        base: &KnowledgeBase,
        tenant: &Result<TenantRef, Problem>,
    ) -> Result<References, Error> {
        dereference::dereference(context, caches, base, tenant).await
    }

    fn prepare(
        base: &KnowledgeBase,
        tenant: Result<TenantRef, Problem>,
        references: References,
    ) -> Result<(TenantRef, BaseSpec), Problem> {
        let (tenant, valid) = validate::validate(base, tenant, references)?;
        Ok((tenant, build::build(valid)))
    }

    async fn apply(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        prepared: BaseSpec,
    ) -> Result<Progress, StoreError> {
        apply::apply(database, fence, tenant, prepared).await
    }

    async fn remove(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        uid: Uuid,
    ) -> Result<bool, StoreError> {
        projection::remove(database, fence, tenant, uid).await
    }

    fn tell(
        status: &mut KnowledgeBaseStatus,
        _: &KnowledgeBase,
        progress: &Progress,
        _: Timestamp,
    ) {
        status::tell(status, progress);
    }

    fn judge(conditions: &mut Conditions, _: &KnowledgeBase, progress: Option<&Progress>) {
        status::judge(conditions, progress);
    }

    fn next(progress: &Progress) -> Next {
        Next::After(match progress.processing {
            0 => WHILE_READ,
            _ => WHILE_PROCESSING,
        })
    }
}
