//! A tenant that can be called: a trunk, a flow of one node, an agent and a number.

use callplane_store::agents::AgentSpec;
use callplane_store::flows::{FlowKind, FlowNode, FlowSpec};
use callplane_store::numbers::NumberSpec;
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::trunks::{
    TrunkCodec, TrunkDirection, TrunkKeyExchange, TrunkSpec, TrunkSrtp, TrunkTransport,
};
use callplane_store::{ObjectRef, agents, flows, numbers, trunks};
use serde_json::json;
use uuid::Uuid;

use crate::Failure;

/// Makes the tenant.
pub(crate) async fn tenant(database: &TestDatabase<'_>) -> Result<TestTenant, Failure> {
    let tenant = database.tenant("acme").await?;
    equip(database, &tenant, "+15550000001").await?;
    Ok(tenant)
}

/// Gives a tenant what a call needs.
pub(crate) async fn equip(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    e164: &str,
) -> Result<(), Failure> {
    let TestDatabase {
        operator, fence, ..
    } = database;
    trunks::project(operator, fence, tenant.id, &trunk()).await?;
    flows::project(operator, fence, tenant.id, &flow()).await?;
    agents::project(operator, fence, tenant.id, &agent()).await?;
    numbers::project(operator, fence, tenant.id, &number(e164)?).await?;
    Ok(())
}

fn object(name: &str) -> ObjectRef {
    ObjectRef {
        namespace: Some("acme".to_owned()),
        name: name.to_owned(),
        uid: Uuid::now_v7(),
        generation: 1,
    }
}

fn trunk() -> TrunkSpec {
    TrunkSpec {
        id: callplane_types::TrunkId::new(uuid::Uuid::now_v7()),
        object: object("carrier"),
        spec_hash: "1".to_owned(),
        addresses: vec!["192.0.2.10:5060".to_owned()],
        allowed_cidrs: vec!["192.0.2.0/24".to_owned()],
        transport: TrunkTransport::Udp,
        direction: TrunkDirection::Both,
        srtp: TrunkSrtp::Allowed,
        key_exchange: TrunkKeyExchange::Sdes,
        codecs: TrunkCodec::ALL.to_vec(),
        max_calls: None,
        auth: None,
    }
}

fn flow() -> FlowSpec {
    FlowSpec {
        object: object("main"),
        spec_hash: "1".to_owned(),
        kind: FlowKind::Conversation,
        schema_version: "1".to_owned(),
        graph: json!({"nodes": [], "edges": []}),
        nodes: vec![FlowNode {
            key: "greet".to_owned(),
            kind: "say".to_owned(),
            label: None,
            config: json!({}),
        }],
        edges: Vec::new(),
    }
}

fn agent() -> AgentSpec {
    AgentSpec {
        object: object("reception"),
        spec_hash: "1".to_owned(),
        display_name: "Reception".to_owned(),
        prompt: None,
        first_sentence: Some("Hello.".to_owned()),
        max_concurrent_calls: None,
        flows: vec!["main".to_owned()],
        knowledge_bases: Vec::new(),
        spec: json!({}),
        program: json!({"version": 1}),
    }
}

fn number(e164: &str) -> Result<NumberSpec, Failure> {
    Ok(NumberSpec {
        object: object("main"),
        spec_hash: "1".to_owned(),
        number: e164.parse()?,
        label: None,
        trunk: Some("carrier".to_owned()),
        agent: Some("reception".to_owned()),
        inbound: true,
        outbound: true,
    })
}
