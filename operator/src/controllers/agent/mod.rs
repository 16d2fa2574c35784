//! Agent: who speaks in a call. Compiled with its Flow into a Program, one version for each that
//! differs; a call keeps the version that it started with.

mod apply;
mod build;
mod dereference;
mod knowledge;
mod providers;
mod status;
mod tools;
mod validate;

use callplane_crds::{Agent, AgentStatus};
use callplane_kit::Manager;
use callplane_store::agents::AgentVersion;
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::TenantId;
use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::projection::{
    Error, Problem, Projection, Projector, TenantRef, key, key_of, wake_with_tenant,
};
use crate::context::{Caches, Context};
pub(in crate::controllers) use providers::check as check_provider;

use build::Prepared;
use dereference::References;

#[derive(Debug)]
struct Agents;

/// Wires the controller of Agents: a changed Flow compiles the Agents that follow it again, a changed Provider those that
/// ask it, and a KnowledgeBase those that look things up in it.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches) {
    let projector = Projector::<Agents>::new(context, caches);
    let builder = manager.controller(&caches.agents, projector);
    wake_with_tenant(&builder, &caches.agents, caches);
    let by_flow = caches
        .agents
        .index(|agent| vec![key(agent, &agent.spec.flow_ref)]);
    let by_provider = caches.agents.index(|agent| {
        let model = agent.spec.model.iter().map(|model| &model.provider_ref);
        let fallbacks = agent.spec.model.iter().flat_map(|model| &model.fallbacks);
        let fallbacks = fallbacks.map(|fallback| &fallback.provider_ref);
        let transcription = agent.spec.transcription.iter().map(|one| &one.provider_ref);
        let speech = agent.spec.speech.iter().map(|one| &one.provider_ref);
        let tools = agent.spec.tools.iter().map(|tool| &tool.http.provider_ref);
        let named = model
            .chain(fallbacks)
            .chain(transcription)
            .chain(speech)
            .chain(tools);
        named.map(|named| key(agent, named)).collect()
    });
    let by_base = caches.agents.index(|agent| {
        let named = agent.spec.knowledge_bases.iter();
        named.map(|named| key(agent, named)).collect()
    });
    builder
        .watches(&caches.knowledge_bases, move |base| {
            by_base.get(&key_of(base))
        })
        .watches(&caches.flows, move |flow| by_flow.get(&key_of(flow)))
        .watches(&caches.providers, move |provider| {
            by_provider.get(&key_of(provider))
        });
}

impl Projection for Agents {
    type Object = Agent;
    type References = References;
    type Prepared = Prepared;
    type Applied = AgentVersion;
    const NAME: &'static str = "agent";

    async fn dereference(
        _: &Context,
        caches: &Caches,
        agent: &Agent,
        _: &Result<TenantRef, Problem>,
    ) -> Result<References, Error> {
        Ok(dereference::dereference(caches, agent))
    }

    fn prepare(
        agent: &Agent,
        tenant: Result<TenantRef, Problem>,
        references: References,
    ) -> Result<(TenantRef, Prepared), Problem> {
        let (tenant, valid) = validate::validate(agent, tenant, references)?;
        Ok((tenant, build::build(valid)))
    }

    async fn apply(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        prepared: Prepared,
    ) -> Result<AgentVersion, StoreError> {
        apply::apply(database, fence, tenant, prepared).await
    }

    async fn remove(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        uid: Uuid,
    ) -> Result<bool, StoreError> {
        callplane_store::agents::remove(database, fence, tenant, uid).await
    }

    fn tell(status: &mut AgentStatus, _: &Agent, version: &AgentVersion, _: Timestamp) {
        status::tell(status, version);
    }
}
