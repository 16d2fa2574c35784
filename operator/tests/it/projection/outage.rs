//! A database that is away takes nothing from what is in force.

use callplane_crds::{Agent, PhoneNumber, Trunk};
use callplane_store::test_util::PostgresServer;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn objects_stay_ready_while_the_database_is_away_and_new_ones_wait_for_it() {
    let server = PostgresServer::start().unwrap();
    let world = World::on(&server).await;
    world.put_examples("acme");
    world.ready::<PhoneNumber>("acme", "front-desk").await;
    world.ready::<Agent>("acme", "front-desk").await;

    server.crash().unwrap();
    // Wakes every object of the namespace.
    world.put_namespace("acme", Some(world.acme.spec.name.as_str()));
    world.put::<Trunk>(&json!({
        "metadata": { "name": "new", "namespace": "acme" },
        "spec": { "direction": "Inbound", "allowedCidrs": ["192.0.2.0/24"] },
    }));
    world
        .until::<Trunk>("acme", "new", ("Ready", "False", "DatabaseUnavailable"))
        .await;
    world.ready::<PhoneNumber>("acme", "front-desk").await;

    server.resume().unwrap();
    world.ready::<Trunk>("acme", "new").await;
}
