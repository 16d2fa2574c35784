//! Campaign: calls to a list of recipients. Becomes a row that media nodes pull recipients by; how
//! far it is comes back into the status.

mod apply;
mod build;
mod dereference;
mod status;
mod validate;

use std::time::Duration;

use callplane_crds::{Campaign, CampaignStatus};
use callplane_kit::{Manager, Next};
use callplane_store::campaigns::Phase;
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::TenantId;
use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::projection::{
    Error, Problem, Projection, Projector, TenantRef, key, key_of, wake_with_tenant,
};
use crate::context::{Caches, Context};
use apply::Applied;
use build::Prepared;
use dereference::References;

/// How often a campaign that calls is counted, and the least time between two statuses of it.
const COUNT_EVERY: Duration = Duration::from_secs(10);
/// How often one is counted that only an import of recipients can change.
const COUNT_QUIET_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Campaigns;

/// Wires the controller of Campaigns.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches) {
    let projector = Projector::<Campaigns>::new(context, caches);
    let builder = manager.controller(&caches.campaigns, projector);
    wake_with_tenant(&builder, &caches.campaigns, caches);
    let by_agent = caches
        .campaigns
        .index(|campaign| vec![key(campaign, &campaign.spec.agent_ref)]);
    let by_number = caches
        .campaigns
        .index(|campaign| vec![key(campaign, &campaign.spec.caller_number_ref)]);
    builder
        .watches(&caches.agents, move |agent| by_agent.get(&key_of(agent)))
        .watches(&caches.phone_numbers, move |number| {
            by_number.get(&key_of(number))
        });
}

impl Projection for Campaigns {
    type Object = Campaign;
    type References = References;
    type Prepared = Prepared;
    type Applied = Applied;
    const NAME: &'static str = "campaign";

    async fn dereference(
        _: &Context,
        caches: &Caches,
        campaign: &Campaign,
        _: &Result<TenantRef, Problem>,
    ) -> Result<References, Error> {
        Ok(dereference::dereference(caches, campaign))
    }

    fn prepare(
        campaign: &Campaign,
        tenant: Result<TenantRef, Problem>,
        references: References,
    ) -> Result<(TenantRef, Prepared), Problem> {
        let (tenant, valid) = validate::validate(campaign, tenant, references)?;
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
        callplane_store::campaigns::remove(database, fence, tenant, uid).await
    }

    fn tell(status: &mut CampaignStatus, campaign: &Campaign, applied: &Applied, now: Timestamp) {
        status::tell(status, campaign.metadata.generation, applied, now);
    }

    fn next(applied: &Applied) -> Next {
        match applied.progress.phase {
            Phase::Running => Next::After(COUNT_EVERY),
            _ if applied.progress.dialing > 0 => Next::After(COUNT_EVERY),
            Phase::Stopped | Phase::Failed => Next::Resync,
            Phase::Draft | Phase::Scheduled | Phase::Paused | Phase::Completed => {
                Next::After(COUNT_QUIET_EVERY)
            }
        }
    }
}
