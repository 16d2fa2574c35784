//! What an object leaves behind: nothing that is its own, everything that is another's.

use callplane_crds::{Agent, Campaign, Flow, PhoneNumber, Trunk};
use callplane_kit::Object;
use callplane_store::{campaigns, routes, trunks};

use super::world::World;

async fn gone<K: Object>(world: &World<'_>, name: &str) {
    world.api.delete::<K>(Some("acme"), name);
    let gone = world
        .api
        .until(|api| api.get::<K>(Some("acme"), name).is_none().then_some(()));
    assert!(gone.await.is_some(), "{name} stays");
}

#[tokio::test]
async fn deleted_objects_leave_nothing_that_a_node_would_use() {
    let world = World::start().await;
    world.put_examples("acme");
    world.edit::<Campaign>("acme", "renewals", |campaign| {
        campaign.spec.desired_state = callplane_crds::DesiredState::Run;
    });
    world.ready::<Campaign>("acme", "renewals").await;
    world.ready::<PhoneNumber>("acme", "front-desk").await;
    let database = &world.acme.database;
    assert_eq!(campaigns::active(database).await.unwrap().len(), 1);
    assert_eq!(trunks::list(database).await.unwrap().len(), 1);

    gone::<Campaign>(&world, "renewals").await;
    assert!(campaigns::active(database).await.unwrap().is_empty());
    for name in ["front-desk", "renewals"] {
        gone::<PhoneNumber>(&world, name).await;
        gone::<Agent>(&world, name).await;
        gone::<Flow>(&world, name).await;
    }
    gone::<Trunk>(&world, "carrier").await;
    assert!(routes::snapshot(database).await.unwrap().is_empty());
    assert!(trunks::list(database).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_object_that_comes_back_under_its_name_is_another_one() {
    let world = World::start().await;
    world.put_examples("acme");
    let first = world.ready::<PhoneNumber>("acme", "front-desk").await;
    gone::<Agent>(&world, "front-desk").await;
    world
        .until::<PhoneNumber>(
            "acme",
            "front-desk",
            ("ResolvedRefs", "False", "AgentNotFound"),
        )
        .await;
    gone::<PhoneNumber>(&world, "front-desk").await;

    world.put_examples("acme");
    let second = world.ready::<PhoneNumber>("acme", "front-desk").await;
    assert_ne!(first.metadata.uid, second.metadata.uid);
    let routes = routes::snapshot(&world.acme.database).await.unwrap();
    let route = routes
        .iter()
        .find(|route| route.number.as_str() == "+15551230001")
        .unwrap();
    assert_eq!(route.agent.as_ref().unwrap().name, "front-desk");
}
