//! The end of a Tenant: what is kept, what is dropped, and what is never touched.

use callplane_crds::{ANNOTATION_ADOPT_DATA, ANNOTATION_CONFIRM_DELETE, MediaPool, Tenant};
use callplane_store::tenants;
use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use kube::ResourceExt as _;
use serde_json::json;

use crate::world::{World, gone, label, with_pool};

/// Confirms a deletion for today.
fn confirm(tenant: &mut Tenant) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let value = format!("{}/{today}", tenant.name_any());
    tenant
        .annotations_mut()
        .insert(ANNOTATION_CONFIRM_DELETE.to_owned(), value);
}

#[tokio::test]
async fn a_schema_of_another_tenant_is_neither_used_nor_dropped() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant("owner", json!({ "namespaces": ["owner"], "plan": "trial" }));
    world.ready("owner").await;
    let thief = json!({
        "namespaces": ["thief"], "plan": "trial", "deletionPolicy": "Delete",
        "database": { "schema": "callplane_owner" },
    });
    world.put_tenant("thief", thief);
    let message = world
        .condition("thief", "Accepted", "False", "SchemaConflict")
        .await;
    assert!(message.contains("spec.database.schema"), "{message}");

    world.edit_tenant("thief", confirm);
    world.api.delete::<Tenant>(None, "thief");
    gone(&world, "thief").await;
    assert!(world.logs_in(&world.login("owner")).await);
}

#[tokio::test]
async fn the_data_of_another_owner_is_not_dropped_though_the_name_is_the_same() {
    let world = World::new().await;
    let operator = world.start();
    let spec = json!({ "namespaces": ["heir"], "plan": "trial", "deletionPolicy": "Delete" });
    world.put_tenant("heir", spec);
    world.ready("heir").await;
    let login = world.login("heir");
    drop(operator);
    // As when the schema came from a backup of another cluster.
    let other = "UPDATE platform.tenants SET k8s_uid = gen_random_uuid()";
    world.database.superuser(other).await.unwrap();

    let _operator = world.start();
    world
        .condition("heir", "Accepted", "False", "NameConflict")
        .await;
    world.edit_tenant("heir", confirm);
    world.api.delete::<Tenant>(None, "heir");
    gone(&world, "heir").await;
    assert!(
        world.logs_in(&login).await,
        "the schema and its logins stay"
    );
    let events = world.api.events_on("heir");
    assert!(!events.iter().any(|event| event.starts_with("DataDeleted")));
}

#[tokio::test]
async fn retained_data_outlives_its_tenant_and_is_given_only_to_who_asks_for_it() {
    let world = World::new().await;
    let _operator = world.start();
    let spec = json!({ "namespaces": ["keeper"], "plan": "trial" });
    world.put_tenant("keeper", spec.clone());
    let id = world
        .ready("keeper")
        .await
        .status
        .unwrap()
        .tenant_id
        .unwrap();
    let login = world.login("keeper");
    world.api.delete::<Tenant>(None, "keeper");
    gone(&world, "keeper").await;

    assert_eq!(label(&world, "keeper"), None);
    assert!(!world.logs_in(&login).await, "the logins are closed");
    assert!(
        world.secret("keeper").is_none(),
        "the Secret goes with its owner"
    );
    let event = world
        .api
        .events_on("keeper")
        .into_iter()
        .find(|e| e.starts_with("DataRetained"));
    assert!(
        event
            .unwrap()
            .contains(&format!("{ANNOTATION_ADOPT_DATA}: {id}"))
    );

    world.put_tenant("keeper", spec);
    let message = world
        .condition("keeper", "Accepted", "False", "DataRetained")
        .await;
    assert!(message.contains(&id), "{message}");
    world.edit_tenant("keeper", |tenant| {
        tenant
            .annotations_mut()
            .insert(ANNOTATION_ADOPT_DATA.to_owned(), id.clone());
    });
    let adopted = world.ready("keeper").await.status.unwrap();
    assert_eq!(adopted.tenant_id, Some(id));
    assert!(world.logs_in(&world.login("keeper")).await);
}

#[tokio::test]
async fn data_is_dropped_only_after_a_confirmation() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "leaver",
        json!({ "namespaces": ["leaver"], "plan": "trial", "deletionPolicy": "Delete" }),
    );
    world.ready("leaver").await;
    let login = world.login("leaver");
    world.api.delete::<Tenant>(None, "leaver");
    let message = world
        .condition("leaver", "Ready", "False", "ConfirmationMissing")
        .await;
    assert!(
        message.contains("kubectl annotate tenant leaver"),
        "{message}"
    );
    assert!(world.logs_in(&login).await, "nothing happened yet");

    world.edit_tenant("leaver", confirm);
    gone(&world, "leaver").await;
    let name = "leaver".parse().unwrap();
    assert_eq!(
        tenants::find(&world.database.operator, &name)
            .await
            .unwrap(),
        None
    );
    let dropped = "DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'callplane_leaver')
           OR EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 'callplane\\_leaver\\_%')
        THEN RAISE 'something is left'; END IF; END $$";
    world.database.superuser(dropped).await.unwrap();
}

#[tokio::test]
async fn media_nodes_finish_before_the_data_goes() {
    let world = World::new().await;
    let _operator = world.start();
    let mut spec = with_pool("draining", 1);
    spec["deletionPolicy"] = json!("Delete");
    let mut tenant = world.put_tenant("draining", spec);
    confirm(&mut tenant);
    world.api.put(&tenant);
    world.pods_are("draining", &["draining-0"]).await;
    // A pod whose process still ends its calls.
    let mut pod = world.pods("draining").remove(0);
    pod.metadata.finalizers = Some(vec!["test/calls".to_owned()]);
    world.api.put(&pod);
    world.api.delete::<Tenant>(None, "draining");
    world
        .condition("draining", "Ready", "False", "Draining")
        .await;
    let name = "draining".parse().unwrap();
    assert!(
        tenants::find(&world.database.operator, &name)
            .await
            .unwrap()
            .is_some()
    );

    let mut pod = world.pods("draining").remove(0);
    pod.metadata.finalizers = None;
    world.api.put(&pod);
    gone(&world, "draining").await;
    assert!(
        tenants::find(&world.database.operator, &name)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_pool_that_somebody_else_made_is_not_waited_for_without_a_word() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant("guest", json!({ "namespaces": ["guest"], "plan": "trial" }));
    world.ready("guest").await;
    let mut pool = MediaPool::new("extra", callplane_crds::MediaPoolSpec::default());
    pool.metadata.namespace = Some("guest".to_owned());
    world.api.put(&pool);
    world.pods_are("guest", &["extra-0"]).await;
    world.api.delete::<Tenant>(None, "guest");
    let message = world
        .condition("guest", "Ready", "False", "DependencyNotReady")
        .await;
    assert_eq!(
        message,
        "MediaPool guest/extra was not made for this Tenant and still takes its calls; delete it"
    );
    world.api.delete::<MediaPool>(Some("guest"), "extra");
    gone(&world, "guest").await;
}
