//! Flow: a conversation as a graph. Becomes a version of it, with its nodes and edges as rows.

mod apply;
mod build;
mod dereference;
mod status;
mod validate;

use callplane_crds::{Flow, FlowStatus};
use callplane_kit::Manager;
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::TenantId;
use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::projection::{Error, Problem, Projection, Projector, TenantRef, wake_with_tenant};
use crate::context::{Caches, Context};
use apply::Applied;
use build::Prepared;
use dereference::References;

pub(super) use validate::sentences;

#[derive(Debug)]
struct Flows;

/// Wires the controller of Flows.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches) {
    let projector = Projector::<Flows>::new(context, caches);
    let builder = manager.controller(&caches.flows, projector);
    wake_with_tenant(&builder, &caches.flows, caches);
}

impl Projection for Flows {
    type Object = Flow;
    type References = References;
    type Prepared = Prepared;
    type Applied = Applied;
    const NAME: &'static str = "flow";

    async fn dereference(
        _: &Context,
        _: &Caches,
        _: &Flow,
        _: &Result<TenantRef, Problem>,
    ) -> Result<References, Error> {
        Ok(dereference::dereference())
    }

    fn prepare(
        flow: &Flow,
        tenant: Result<TenantRef, Problem>,
        references: References,
    ) -> Result<(TenantRef, Prepared), Problem> {
        let (tenant, valid) = validate::validate(flow, tenant, references)?;
        Ok((tenant, build::build(valid)))
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
        callplane_store::flows::remove(database, fence, tenant, uid).await
    }

    fn tell(status: &mut FlowStatus, _: &Flow, applied: &Applied, _: Timestamp) {
        status::tell(status, applied);
    }
}
