//! The tenant follows from the namespace, and from nothing else.

use callplane_crds::{Campaign, PhoneNumber, Tenant, Trunk};
use callplane_store::{routes, trunks};
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn a_namespace_of_no_tenant_gets_nothing() {
    let world = World::start().await;
    world.put_namespace("elsewhere", Some(world.acme.spec.name.as_str()));
    world.put::<Trunk>(&json!({
        "metadata": { "name": "carrier", "namespace": "elsewhere" },
        "spec": { "direction": "Inbound", "allowedCidrs": ["192.0.2.0/24"] },
    }));
    let trunk = world
        .until::<Trunk>(
            "elsewhere",
            "carrier",
            ("ResolvedRefs", "False", "TenantMissing"),
        )
        .await;
    assert!(trunk.metadata.finalizers.is_none());

    // The platform team lists it.
    world.put_tenant(&world.acme, &["acme", "elsewhere"]);
    world.ready::<Trunk>("elsewhere", "carrier").await;
}

#[tokio::test]
async fn a_namespace_that_changes_hands_takes_its_objects_along() {
    let world = World::start().await;
    world.put_examples("acme");
    world.ready::<PhoneNumber>("acme", "front-desk").await;

    world.put_tenant(&world.acme, &["acme-next"]);
    world.put_tenant(&world.globex, &["acme"]);
    world.put_namespace("acme", Some(world.globex.spec.name.as_str()));

    let moved = world.api.until(|api| {
        let number = api.get::<PhoneNumber>(Some("acme"), "front-desk")?;
        let status = number.status?;
        let ready = status
            .conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        (ready && status.tenant_id == Some(world.globex.id.to_string())).then_some(())
    });
    assert!(moved.await.is_some());
    assert!(
        routes::snapshot(&world.acme.database)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(trunks::list(&world.acme.database).await.unwrap().is_empty());
    let routes = routes::snapshot(&world.globex.database).await.unwrap();
    assert!(
        routes
            .iter()
            .any(|route| route.number.as_str() == "+15551230001")
    );
}

#[tokio::test]
async fn objects_that_outlive_their_tenant_can_be_deleted_and_made_again() {
    let world = World::start().await;
    world.put_examples("acme");
    let before = world.ready::<PhoneNumber>("acme", "front-desk").await;
    let before = before.status.unwrap();

    // The Tenant goes, its data is retained, and the namespace is nobody's for a while.
    let name = world.acme.spec.name.as_str();
    world.api.delete::<Tenant>(None, name);
    world.put_namespace("acme", None);
    let orphan = world
        .until::<PhoneNumber>(
            "acme",
            "front-desk",
            ("ResolvedRefs", "False", "TenantMissing"),
        )
        .await;
    let status = orphan.status.unwrap();
    assert_eq!(
        (status.tenant_id, status.number_id),
        (before.tenant_id, before.number_id)
    );

    world.delete_examples("acme").await;
    assert!(
        routes::snapshot(&world.acme.database)
            .await
            .unwrap()
            .is_empty()
    );

    world.give("acme", &world.acme);
    world.put_examples("acme");
    world.ready::<PhoneNumber>("acme", "front-desk").await;
    world.ready::<Campaign>("acme", "renewals").await;
}
