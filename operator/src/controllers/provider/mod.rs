//! Provider: a model that agents ask. Becomes a row that media nodes read; its endpoint is asked from time to time
//! whether it is there and takes the key.

mod apply;
mod build;
mod check;
mod dereference;
mod status;
mod validate;

use callplane_crds::{Provider, ProviderStatus};
use callplane_kit::conditions::Conditions;
use callplane_kit::{Manager, Next};
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::TenantId;
use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::projection::{
    Error, Problem, Projection, Projector, TenantRef, key_of, wake_with_tenant,
};
use crate::context::{Caches, Context};
use apply::Applied;
use build::Prepared;
use dereference::References;

#[derive(Debug)]
struct Providers;

/// Wires the controller of Providers. The Secret of one is read when it is needed; that it changed is told by its
/// metadata.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches) {
    let projector = Projector::<Providers>::new(context, caches);
    let builder = manager.controller(&caches.providers, projector);
    wake_with_tenant(&builder, &caches.providers, caches);
    if let Some(secrets) = &caches.secrets {
        let by_secret = caches.providers.index(|provider| {
            let namespace = provider.metadata.namespace.as_deref().unwrap_or_default();
            let secret = provider.spec.secret_ref.iter();
            secret
                .map(|secret| format!("{namespace}/{}", secret.name))
                .collect()
        });
        builder.notices(secrets, move |secret| by_secret.get(&key_of(secret)));
    }
}

impl Projection for Providers {
    type Object = Provider;
    type References = References;
    type Prepared = Prepared;
    type Applied = Applied;
    const NAME: &'static str = "provider";

    async fn dereference(
        context: &Context,
        _: &Caches,
        provider: &Provider,
        tenant: &Result<TenantRef, Problem>,
    ) -> Result<References, Error> {
        dereference::dereference(context, provider, tenant).await
    }

    fn prepare(
        provider: &Provider,
        tenant: Result<TenantRef, Problem>,
        references: References,
    ) -> Result<(TenantRef, Prepared), Problem> {
        let (tenant, valid) = validate::validate(provider, tenant, references)?;
        Ok((tenant, build::build(valid)?))
    }

    async fn apply(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        prepared: Prepared,
    ) -> Result<Applied, StoreError> {
        apply::apply(database, fence, tenant, prepared).await
    }

    async fn remove(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        uid: Uuid,
    ) -> Result<bool, StoreError> {
        callplane_store::providers::remove(database, fence, tenant, uid).await
    }

    fn tell(status: &mut ProviderStatus, _: &Provider, applied: &Applied, _: Timestamp) {
        status::tell(status, applied);
    }

    fn judge(conditions: &mut Conditions, provider: &Provider, applied: Option<&Applied>) {
        status::judge(conditions, provider, applied);
    }

    fn next(applied: &Applied) -> Next {
        Next::After(check::pause_after(&applied.checked.check))
    }
}
