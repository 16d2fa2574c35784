//! Flows and Agents become Programs.

use callplane_crds::{Agent, Campaign, Flow, PhoneNumber, Trunk};
use callplane_flow::Program;
use callplane_store::{agents, routes};
use serde_json::json;

use super::world::{World, message};

#[tokio::test]
async fn the_examples_become_ready_in_whatever_order_they_come() {
    let world = World::start().await;
    world.put_examples("acme");
    for name in ["front-desk", "renewals"] {
        world.ready::<Flow>("acme", name).await;
        world.ready::<Agent>("acme", name).await;
        world.ready::<PhoneNumber>("acme", name).await;
    }
    world.ready::<Trunk>("acme", "carrier").await;
    world.ready::<Campaign>("acme", "renewals").await;

    let routes = routes::snapshot(&world.acme.database).await.unwrap();
    let front_desk = routes
        .iter()
        .find(|route| route.number.as_str() == "+15551230001")
        .unwrap();
    assert!(front_desk.inbound && !front_desk.outbound && front_desk.trunk_id.is_some());
    let agent = front_desk.agent.as_ref().unwrap();
    assert_eq!(agent.name, "front-desk");
    let stored = agents::program(&world.acme.database, agent.version_id)
        .await
        .unwrap();
    let program = Program::from_json(stored.program).unwrap();
    assert_eq!(program.agent.name, "front-desk");
    assert_eq!(program.agent.limits.max_call.as_secs(), 300);
    assert!(program.nodes().any(|(name, _)| name == "booked"));
}

#[tokio::test]
async fn what_is_as_it_should_be_is_not_written_again() {
    let world = World::start().await;
    world.put_examples("acme");
    world.ready::<Campaign>("acme", "renewals").await;
    world.ready::<PhoneNumber>("acme", "front-desk").await;
    world.api.forget_writes();

    // Wakes every object of the namespace.
    world.put_namespace("acme", Some(world.acme.spec.name.as_str()));
    // Its turn comes after theirs, because each controller takes its objects in order.
    world.put::<Trunk>(&json!({
        "metadata": { "name": "last", "namespace": "acme" },
        "spec": { "direction": "Inbound", "allowedCidrs": ["192.0.2.0/24"] },
    }));
    world.ready::<Trunk>("acme", "last").await;
    let writes = world.api.writes();
    assert!(
        writes.iter().all(|write| write.name == "last"),
        "{writes:?}"
    );
}

#[tokio::test]
async fn a_flow_with_an_unreachable_node_names_it_and_leaves_the_old_one_in_force() {
    let world = World::start().await;
    world.put_examples("acme");
    let before = world.ready::<Agent>("acme", "front-desk").await;

    world.edit::<Flow>("acme", "front-desk", |flow| {
        let graph = flow.spec.graph.as_mut().unwrap();
        let island = graph.nodes["booked"].clone();
        graph.nodes.insert("island".to_owned(), island);
    });
    let flow = world
        .until::<Flow>("acme", "front-desk", ("Accepted", "False", "FlowInvalid"))
        .await;
    assert!(message(&flow, "Accepted").contains("`island`"), "{flow:?}");
    assert_eq!(
        message(&flow, "Programmed"),
        "What was applied before stays as it is."
    );
    let agent = world
        .until::<Agent>(
            "acme",
            "front-desk",
            ("ResolvedRefs", "False", "DependencyNotReady"),
        )
        .await;
    assert_eq!(
        agent.status.unwrap().version,
        before.status.unwrap().version
    );
    // Others go on, and so does the number that leads to the Agent.
    world.ready::<PhoneNumber>("acme", "front-desk").await;

    world.edit::<Flow>("acme", "front-desk", |flow| {
        flow.spec.graph.as_mut().unwrap().nodes.remove("island");
    });
    world.ready::<Flow>("acme", "front-desk").await;
    world.ready::<Agent>("acme", "front-desk").await;
}

#[tokio::test]
async fn a_changed_flow_is_a_new_version_of_its_agents() {
    let world = World::start().await;
    world.put_examples("acme");
    let first = world.ready::<Agent>("acme", "front-desk").await;
    let first = first.status.unwrap().version.unwrap();
    world.edit::<Flow>("acme", "front-desk", |flow| {
        let graph = flow.spec.graph.as_mut().unwrap();
        let greeting = graph.nodes.get_mut("greeting").unwrap();
        greeting.say.as_mut().unwrap().text = "Good morning.".to_owned();
    });
    let flow = world.ready::<Flow>("acme", "front-desk").await;
    assert_eq!(flow.status.unwrap().version, Some(2));
    let compiled_again = world.api.until(|api| {
        let agent = api.get::<Agent>(Some("acme"), "front-desk")?;
        agent.status?.version.filter(|version| *version > first)
    });
    assert_eq!(compiled_again.await, Some(first + 1));
}

#[tokio::test]
async fn a_missing_agent_is_named_and_waited_for() {
    let world = World::start().await;
    world.put_examples("acme");
    world.ready::<PhoneNumber>("acme", "front-desk").await;
    world.put::<PhoneNumber>(&json!({
        "metadata": { "name": "third", "namespace": "acme" },
        "spec": {
            "number": "+15551230003",
            "trunkRef": { "name": "carrier" },
            "inbound": { "agentRef": { "name": "third" } },
        },
    }));
    let waiting = world
        .until::<PhoneNumber>("acme", "third", ("ResolvedRefs", "False", "AgentNotFound"))
        .await;
    assert!(message(&waiting, "ResolvedRefs").contains("Agent `third` does not exist"));

    world.put::<Agent>(&json!({
        "metadata": { "name": "third", "namespace": "acme" },
        "spec": { "flowRef": { "name": "front-desk" } },
    }));
    world.ready::<PhoneNumber>("acme", "third").await;
}
