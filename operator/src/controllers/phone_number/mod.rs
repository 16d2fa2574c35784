//! PhoneNumber: who answers a number and who may call with it. Becomes the one route of that number
//! in the whole installation.

mod apply;
mod build;
mod dereference;
mod status;
mod validate;

use callplane_crds::{ConditionType, PhoneNumber, PhoneNumberStatus, Reason};
use callplane_kit::{ControllerBuilder, Manager, reference};
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::{NumberId, TenantId};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use uuid::Uuid;

use super::projection::{
    Error, Problem, Projection, Projector, TenantRef, key, key_of, wake_with_tenant,
};
use crate::context::{Caches, Context};
use build::Prepared;
use dereference::References;

#[derive(Debug)]
struct PhoneNumbers;

/// Wires the controller of PhoneNumbers. They wait for their Trunk and Agent, and for each other:
/// one that goes may free its number, or a place in the quota, for another.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches) {
    let projector = Projector::<PhoneNumbers>::new(context, caches);
    let builder = manager.controller(&caches.phone_numbers, projector);
    wake_with_tenant(&builder, &caches.phone_numbers, caches);
    let by_trunk = caches
        .phone_numbers
        .index(|number| vec![key(number, &number.spec.trunk_ref)]);
    let by_agent = caches.phone_numbers.index(|number| {
        let inbound = number.spec.inbound.iter();
        inbound
            .map(|inbound| key(number, &inbound.agent_ref))
            .collect()
    });
    builder
        .watches(&caches.trunks, move |trunk| by_trunk.get(&key_of(trunk)))
        .watches(&caches.agents, move |agent| by_agent.get(&key_of(agent)));
    wake_the_refused(&builder, caches);
}

/// A number that is being deleted wakes those that were refused because of it: of any tenant when
/// they want the same number, of its namespace when the quota was used up.
fn wake_the_refused(builder: &ControllerBuilder<PhoneNumber>, caches: &Caches) {
    let waiting = caches.phone_numbers.index(|number| match refusal(number) {
        Some(Reason::NumberConflict) => vec![number.spec.number.clone()],
        Some(Reason::QuotaExceeded) => number.metadata.namespace.clone().into_iter().collect(),
        _ => Vec::new(),
    });
    builder.watches(&caches.phone_numbers, move |gone| {
        if gone.metadata.deletion_timestamp.is_none() {
            return Vec::new();
        }
        let mut woken: Vec<ObjectRef<PhoneNumber>> = waiting.get(&gone.spec.number);
        if let Some(namespace) = &gone.metadata.namespace {
            woken.extend(waiting.get(namespace));
        }
        woken.retain(|other| *other != reference(gone));
        woken
    });
}

/// Why another number keeps this one out.
fn refusal(number: &PhoneNumber) -> Option<Reason> {
    let conditions = &number.status.as_ref()?.conditions;
    let accepted = conditions.iter().find(|condition| {
        condition.type_ == ConditionType::Accepted.as_str() && condition.status == "False"
    })?;
    [Reason::NumberConflict, Reason::QuotaExceeded]
        .into_iter()
        .find(|reason| reason.as_str() == accepted.reason)
}

impl Projection for PhoneNumbers {
    type Object = PhoneNumber;
    type References = References;
    type Prepared = Prepared;
    type Applied = NumberId;
    const NAME: &'static str = "phone_number";

    async fn dereference(
        _: &Context,
        caches: &Caches,
        number: &PhoneNumber,
        _: &Result<TenantRef, Problem>,
    ) -> Result<References, Error> {
        Ok(dereference::dereference(caches, number))
    }

    fn prepare(
        number: &PhoneNumber,
        tenant: Result<TenantRef, Problem>,
        references: References,
    ) -> Result<(TenantRef, Prepared), Problem> {
        let (tenant, valid) = validate::validate(number, tenant, references)?;
        Ok((tenant, build::build(valid)))
    }

    async fn apply(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        prepared: Prepared,
    ) -> Result<NumberId, StoreError> {
        apply::apply(database, fence, tenant, prepared).await
    }

    async fn remove(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        uid: Uuid,
    ) -> Result<bool, StoreError> {
        callplane_store::numbers::remove(database, fence, tenant, uid).await
    }

    fn tell(status: &mut PhoneNumberStatus, _: &PhoneNumber, id: &NumberId, _: Timestamp) {
        status::tell(status, *id);
    }
}
