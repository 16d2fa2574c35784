//! A number has one holder in the whole installation.

use callplane_crds::{FINALIZER, PhoneNumber};
use callplane_store::routes;
use serde_json::json;

use super::world::{World, message};

fn number(namespace: &str, name: &str, number: &str) -> serde_json::Value {
    json!({
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "number": number,
            "trunkRef": { "name": "carrier" },
            "inbound": { "agentRef": { "name": "front-desk" } },
        },
    })
}

#[tokio::test]
async fn a_number_of_another_tenant_is_refused_without_telling_whose_it_is() {
    let world = World::start().await;
    world.put_examples("acme");
    world.ready::<PhoneNumber>("acme", "front-desk").await;
    world.put_examples("globex");
    let refused = world
        .until::<PhoneNumber>(
            "globex",
            "front-desk",
            ("Accepted", "False", "NumberConflict"),
        )
        .await;
    let text = serde_json::to_string(&refused.status).unwrap();
    assert!(!text.contains("acme") && !text.contains("+1555"), "{text}");
    assert!(message(&refused, "Accepted").contains("another tenant"));
    // The same tenant is told who has it.
    world.put::<PhoneNumber>(&number("acme", "again", "+15551230001"));
    let refused = world
        .until::<PhoneNumber>("acme", "again", ("Accepted", "False", "NumberConflict"))
        .await;
    assert!(message(&refused, "Accepted").contains("`acme/front-desk`"));
}

#[tokio::test]
async fn a_refused_number_gets_its_turn_when_the_holder_goes() {
    let world = World::start().await;
    world.put_examples("acme");
    world.ready::<PhoneNumber>("acme", "front-desk").await;
    world.put_examples("globex");
    world
        .until::<PhoneNumber>(
            "globex",
            "front-desk",
            ("Accepted", "False", "NumberConflict"),
        )
        .await;
    world.api.delete::<PhoneNumber>(Some("acme"), "front-desk");
    world.ready::<PhoneNumber>("globex", "front-desk").await;
    let routes = routes::snapshot(&world.acme.database).await.unwrap();
    assert!(
        routes
            .iter()
            .all(|route| route.number.as_str() != "+15551230001")
    );
}

#[tokio::test]
async fn deleting_the_loser_of_a_conflict_leaves_the_winner_its_number() {
    let world = World::start().await;
    world.put_examples("acme");
    let winner = world.ready::<PhoneNumber>("acme", "front-desk").await;
    assert!(
        winner
            .metadata
            .finalizers
            .unwrap()
            .contains(&FINALIZER.to_owned())
    );
    world.put_examples("globex");
    world
        .until::<PhoneNumber>(
            "globex",
            "front-desk",
            ("Accepted", "False", "NumberConflict"),
        )
        .await;
    world
        .api
        .delete::<PhoneNumber>(Some("globex"), "front-desk");
    let gone = world.api.until(|api| {
        let number = api.get::<PhoneNumber>(Some("globex"), "front-desk");
        number.is_none().then_some(())
    });
    assert!(gone.await.is_some());
    let routes = routes::snapshot(&world.acme.database).await.unwrap();
    assert!(
        routes
            .iter()
            .any(|route| route.number.as_str() == "+15551230001")
    );
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_and_stops_nobody() {
    let world = World::start().await;
    // An object that is older than the rule of the API server.
    world.put::<PhoneNumber>(&number("acme", "wrong", "0555"));
    world.put_examples("acme");
    let wrong = world
        .until::<PhoneNumber>("acme", "wrong", ("Stalled", "True", "Invalid"))
        .await;
    assert!(message(&wrong, "Ready").contains("write + and 7 to 15 digits"));
    world.ready::<PhoneNumber>("acme", "front-desk").await;
}
