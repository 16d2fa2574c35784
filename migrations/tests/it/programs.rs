//! Flows, agents and trunks: versions that never change, and references that hold.

use callplane_store::agents::{self, AgentSpec};
use callplane_store::flows::{self, FlowEdge, FlowNode, FlowSpec};
use callplane_store::trunks::{
    self, TrunkAuth, TrunkCodec, TrunkKeyExchange, TrunkSpec, TrunkSrtp,
};
use callplane_store::{Error, rates, routes};
use serde_json::json;

use crate::support::{agent, ask, database, equipped, flow, trunk};

#[tokio::test]
async fn a_new_graph_is_a_new_version_and_an_old_one_is_found_again() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let node = |key: &str| FlowNode {
        key: key.to_owned(),
        kind: "say".to_owned(),
        label: None,
        config: json!({"text": "Hello."}),
    };
    let mut spec = FlowSpec {
        nodes: vec![node("a"), node("b")],
        edges: vec![FlowEdge {
            key: "a-b".to_owned(),
            source: "a".to_owned(),
            target: "b".to_owned(),
            condition: None,
            priority: 0,
        }],
        ..flow("main")
    };
    let first = flows::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    assert_eq!(
        first,
        flows::project(operator, fence, acme.id, &spec)
            .await
            .unwrap()
    );
    spec.spec_hash = "2".to_owned();
    let second = flows::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    assert_eq!((second.flow_id, second.version), (first.flow_id, 2));
    spec.spec_hash = "1".to_owned();
    assert_eq!(
        first,
        flows::project(operator, fence, acme.id, &spec)
            .await
            .unwrap()
    );
    let active = format!(
        "SELECT string_agg(version || ':' || is_active, ' ' ORDER BY version)
           FROM {}.flow_versions",
        acme.schema()
    );
    assert_eq!(ask(&database, &active).await, "1:true 2:false");
    let edges = format!("SELECT count(*) FROM {}.flow_edges", acme.schema());
    assert_eq!(ask(&database, &edges).await, "2");

    spec.spec_hash = "3".to_owned();
    spec.edges[0].target = "nowhere".to_owned();
    let error = flows::project(operator, fence, acme.id, &spec)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no node `nowhere`"), "{error}");
    assert!(
        flows::remove(operator, fence, acme.id, spec.object.uid)
            .await
            .unwrap()
    );
    assert!(
        !flows::remove(operator, fence, acme.id, spec.object.uid)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn an_agent_keeps_every_version_and_routes_lead_to_the_current_one() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let (operator, fence) = (&database.operator, &database.fence);
    let before = routes::snapshot(&acme.database).await.unwrap();
    let first = before[0].agent.clone().unwrap();
    let stored = agents::program(&acme.database, first.version_id)
        .await
        .unwrap();
    assert_eq!(
        (stored.agent_name.as_str(), &stored.program),
        ("reception", &json!({"version": 1}))
    );

    let mut spec = agent("reception");
    spec.object.uid = ask(
        &database,
        &format!("SELECT k8s_uid FROM {}.agents", acme.schema()),
    )
    .await
    .parse()
    .unwrap();
    spec.spec_hash = "2".to_owned();
    spec.program = json!({"version": 1, "changed": true});
    let second = agents::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    assert_eq!(second.version, 2);
    let after = routes::snapshot(&acme.database).await.unwrap();
    assert_eq!(
        after[0].agent.as_ref().unwrap().version_id,
        second.version_id
    );
    // A call that began before still finds its Program.
    agents::program(&acme.database, first.version_id)
        .await
        .unwrap();

    assert!(
        agents::remove(operator, fence, acme.id, spec.object.uid)
            .await
            .unwrap()
    );
    let gone = routes::snapshot(&acme.database).await.unwrap();
    assert_eq!((gone.len(), &gone[0].agent), (1, &None));
}

#[tokio::test]
async fn a_missing_flow_is_named_and_no_version_is_kept() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let spec = AgentSpec {
        flows: vec!["nowhere".to_owned()],
        ..agent("reception")
    };
    let error = agents::project(&database.operator, &database.fence, acme.id, &spec)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { kind: "flow", name } if name == "nowhere"),
        "{error}"
    );
    let versions = format!("SELECT count(*) FROM {}.agent_versions", acme.schema());
    assert_eq!(ask(&database, &versions).await, "0");
}

#[tokio::test]
async fn an_agent_is_linked_to_its_knowledge_bases_in_their_order() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let make = format!(
        "INSERT INTO {}.knowledge_bases (name, k8s_namespace, k8s_name)
         SELECT n, 'acme', n FROM unnest('{{faq,prices}}'::text[]) n",
        acme.schema()
    );
    database.superuser(&make).await.unwrap();
    let reception = agent("reception");
    let naming = |names: &[&str], hash: &str| AgentSpec {
        knowledge_bases: names.iter().map(|name| (*name).to_owned()).collect(),
        spec_hash: hash.to_owned(),
        ..reception.clone()
    };
    let linked = format!(
        "SELECT coalesce(string_agg(b.name, ' ' ORDER BY a.priority), '') FROM {0}.agent_knowledge_bases a
           JOIN {0}.knowledge_bases b ON b.id = a.knowledge_base_id",
        acme.schema()
    );
    for (names, expected) in [
        (&["prices", "faq"][..], "prices faq"),
        (&["faq", "prices"], "faq prices"),
        (&["prices"], "prices"),
        (&[], ""),
    ] {
        let spec = naming(names, expected);
        agents::project(operator, fence, acme.id, &spec)
            .await
            .unwrap();
        assert_eq!(ask(&database, &linked).await, expected);
    }
    let spec = naming(&["faq", "nowhere"], "none");
    let error = agents::project(operator, fence, acme.id, &spec)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { kind: "knowledge base", name } if name == "nowhere"),
        "{error}"
    );
}

#[tokio::test]
async fn a_trunk_reads_back_and_frees_its_numbers_when_it_goes() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let (operator, fence) = (&database.operator, &database.fence);
    let spec = TrunkSpec {
        auth: Some(TrunkAuth {
            username: "acme".to_owned(),
            sealed_password: vec![1, 2, 3],
            challenge_inbound: true,
        }),
        allowed_cidrs: vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()],
        max_calls: None,
        srtp: TrunkSrtp::Required,
        key_exchange: TrunkKeyExchange::Dtls,
        codecs: vec![TrunkCodec::G722, TrunkCodec::Pcma],
        ..trunk("second")
    };
    let id = trunks::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    let listed = trunks::list(&acme.database).await.unwrap();
    let found = listed.iter().find(|trunk| trunk.id == id).unwrap();
    assert_eq!(found.name, "second");
    assert_eq!(found.uid, Some(spec.object.uid));
    assert_eq!(
        (&found.auth, &found.allowed_cidrs),
        (&spec.auth, &spec.allowed_cidrs)
    );
    assert_eq!((&found.addresses, found.max_calls), (&spec.addresses, None));
    assert_eq!((found.srtp, &found.codecs), (spec.srtp, &spec.codecs));
    assert_eq!(found.key_exchange, TrunkKeyExchange::Dtls);

    let bad = TrunkSpec {
        spec_hash: "2".to_owned(),
        allowed_cidrs: vec!["everybody".to_owned()],
        ..spec.clone()
    };
    let error = trunks::project(operator, fence, acme.id, &bad)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("as in 192.0.2.0/24"), "{error}");

    let unencrypted = TrunkSpec {
        spec_hash: "2".to_owned(),
        srtp: TrunkSrtp::Allowed,
        ..spec.clone()
    };
    let error = trunks::project(operator, fence, acme.id, &unencrypted)
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("23514"), "{error}");

    let carrier = ask(
        &database,
        &format!(
            "SELECT k8s_uid FROM {}.trunks WHERE k8s_name = 'carrier'",
            acme.schema()
        ),
    )
    .await;
    assert!(
        trunks::remove(operator, fence, acme.id, carrier.parse().unwrap())
            .await
            .unwrap()
    );
    assert_eq!(
        routes::snapshot(&acme.database).await.unwrap()[0].trunk_id,
        None
    );
    // The name is free for another object.
    trunks::project(operator, fence, acme.id, &trunk("carrier"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_price_list_of_the_plan_goes_before_the_one_for_all() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let standard = rates::call_minute(&acme.database).await.unwrap().unwrap();
    assert_eq!(standard.per_minute.0, 10_000);
    assert_eq!(standard.increment_seconds, 6);
    database
        .superuser(
            "INSERT INTO platform.rate_cards (key, plan_key, currency, rates) VALUES
                ('pro', 'pro', 'EUR', '{\"call_minute\": {\"unit_price_micros\": 5000, \"billing_increment_seconds\": 1},
                                        \"tts_character\": {\"unit\": \"character\", \"unit_price_micros\": 15}}'),
                ('growth', 'growth', 'EUR', '{\"call_minute\": {\"unit_price_micros\": 1}}')",
        )
        .await
        .unwrap();
    let own = rates::call_minute(&acme.database).await.unwrap().unwrap();
    assert_eq!(
        (
            own.per_minute.0,
            own.currency.as_str(),
            own.increment_seconds
        ),
        (5000, "EUR", 1)
    );
    let units = rates::UnitPrices {
        tts_character: callplane_types::Micros(15),
        ..rates::UnitPrices::default()
    };
    assert_eq!(own.units, units, "what is not named costs nothing");
    assert_eq!(standard.units, rates::UnitPrices::default());
}
