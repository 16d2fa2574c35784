//! Trunk: who may call in, and where calls go out. Becomes a row that media nodes read.

mod apply;
mod build;
mod dereference;
mod status;
mod validate;

use callplane_crds::{Trunk, TrunkStatus};
use callplane_kit::Manager;
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::{TenantId, TrunkId};
use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::projection::{
    Error, Problem, Projection, Projector, TenantRef, key, key_of, wake_with_tenant,
};
use crate::context::{Caches, Context};
use build::Prepared;
use dereference::References;

#[derive(Debug)]
struct Trunks;

/// Wires the controller of Trunks. A Secret that a Trunk names is read when it is needed; that it
/// changed is told by its metadata.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches) {
    let projector = Projector::<Trunks>::new(context, caches);
    let builder = manager.controller(&caches.trunks, projector);
    wake_with_tenant(&builder, &caches.trunks, caches);
    if let Some(secrets) = &caches.secrets {
        let by_secret = caches.trunks.index(|trunk| {
            let auth = trunk.spec.auth.iter();
            auth.map(|auth| key(trunk, &auth.secret_ref)).collect()
        });
        builder.notices(secrets, move |secret| by_secret.get(&key_of(secret)));
    }
}

impl Projection for Trunks {
    type Object = Trunk;
    type References = References;
    type Prepared = Prepared;
    type Applied = TrunkId;
    const NAME: &'static str = "trunk";

    async fn dereference(
        context: &Context,
        _: &Caches,
        trunk: &Trunk,
        tenant: &Result<TenantRef, Problem>,
    ) -> Result<References, Error> {
        dereference::dereference(context, trunk, tenant).await
    }

    fn prepare(
        trunk: &Trunk,
        tenant: Result<TenantRef, Problem>,
        references: References,
    ) -> Result<(TenantRef, Prepared), Problem> {
        let (tenant, valid) = validate::validate(trunk, tenant, references)?;
        Ok((tenant, build::build(valid)?))
    }

    async fn apply(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        prepared: Prepared,
    ) -> Result<TrunkId, StoreError> {
        apply::apply(database, fence, tenant, prepared).await
    }

    async fn remove(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        uid: Uuid,
    ) -> Result<bool, StoreError> {
        callplane_store::trunks::remove(database, fence, tenant, uid).await
    }

    fn tell(status: &mut TrunkStatus, _: &Trunk, id: &TrunkId, _: Timestamp) {
        status::tell(status, *id);
    }
}
