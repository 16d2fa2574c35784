//! What a Tenant becomes while it lives.

use callplane_crds::{DeletionPolicy, Tenant};
use callplane_kit::fake::{Fault, Outcome};
use callplane_store::quotas;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use crate::world::{World, find, gone, label, with_pool};

#[tokio::test]
async fn a_tenant_becomes_a_label_a_schema_a_login_quotas_and_media_nodes() {
    let world = World::new().await;
    let _operator = world.start();
    let mut spec = with_pool("whole-ns", 1);
    spec["quotas"] = json!({ "concurrentCalls": 30 });
    world.put_tenant("whole", spec);
    world.pods_are("whole-ns", &["whole-0"]).await;
    world
        .condition("whole", "MediaReady", "False", "PodsStarting")
        .await;
    world.make_ready("whole-ns", "whole-0");
    let tenant = world.ready("whole").await;

    assert_eq!(label(&world, "whole-ns").as_deref(), Some("whole"));
    let status = tenant.status.unwrap();
    let schema = status.schema.unwrap();
    assert_eq!(schema.name, "callplane_whole");
    assert!(schema.version >= 8);
    let login = world.login("whole-ns");
    assert!(world.logs_in(&login).await);
    assert_eq!(login.tenant_id.to_string(), status.tenant_id.unwrap());
    assert_eq!(status.credentials.unwrap().active_slot, "a");
    let usage = quotas::usage(&world.database.operator, login.tenant_id)
        .await
        .unwrap();
    let calls = usage
        .iter()
        .find(|quota| quota.resource == quotas::CONCURRENT_CALLS)
        .unwrap();
    assert_eq!(calls.limit, Some(30));
    assert_eq!(status.usage.len(), usage.len());
    let types: Vec<&str> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
    assert_eq!(
        types,
        [
            "Accepted",
            "NamespacesBound",
            "SchemaReady",
            "CredentialsReady",
            "MediaReady",
            "CompatibilityReady",
            "Ready"
        ]
    );
}

#[tokio::test]
async fn a_tenant_that_is_as_it_should_be_is_not_written_again() {
    let world = World::new().await;
    let operator = world.start();
    world.put_tenant("still", with_pool("still-ns", 1));
    world.pods_are("still-ns", &["still-0"]).await;
    world.make_ready("still-ns", "still-0");
    world.ready("still").await;
    drop(operator);

    world.api.forget_writes();
    let _operator = world.start();
    world.put_tenant(
        "still-next",
        json!({ "namespaces": ["still-next"], "plan": "trial" }),
    );
    world.ready("still-next").await;
    let others: Vec<_> = world
        .api
        .writes()
        .into_iter()
        .filter(|write| !write.name.starts_with("still-next") && write.namespace != "still-next")
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[tokio::test]
async fn a_namespace_that_two_tenants_list_stays_with_the_older_one() {
    let world = World::new().await;
    let _operator = world.start();
    let older = world.put_tenant(
        "elder",
        json!({ "namespaces": ["shared-ns"], "plan": "trial" }),
    );
    world.ready("elder").await;
    let mut younger = Tenant::new(
        "younger",
        serde_json::from_value(json!({ "namespaces": ["shared-ns"], "plan": "trial" })).unwrap(),
    );
    let created = older.metadata.creation_timestamp.unwrap().0;
    younger.metadata.creation_timestamp = Some(Time(
        created + k8s_openapi::jiff::SignedDuration::from_secs(60),
    ));
    world.api.put(&younger);
    let message = world
        .condition("younger", "NamespacesBound", "False", "NamespaceConflict")
        .await;
    assert_eq!(
        message,
        "namespace `shared-ns` belongs to the older Tenant `elder`; remove it from one of the two"
    );
    world
        .condition("younger", "Ready", "False", "NamespaceConflict")
        .await;
    assert!(
        find(
            &world.tenant("younger").status.unwrap().conditions,
            "Stalled"
        )
        .is_some()
    );
    assert_eq!(label(&world, "shared-ns").as_deref(), Some("elder"));

    // When the older one is deleted, the younger one gets it, with a login of its own.
    world.api.delete::<Tenant>(None, "elder");
    gone(&world, "elder").await;
    world.ready("younger").await;
    assert_eq!(label(&world, "shared-ns").as_deref(), Some("younger"));
    assert_eq!(
        world.login("shared-ns").schema.as_str(),
        "callplane_younger"
    );
}

#[tokio::test]
async fn what_is_wrong_with_one_tenant_is_told_and_does_not_stop_another() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "no-plan",
        json!({ "namespaces": ["no-plan"], "plan": "gold" }),
    );
    let message = world
        .condition("no-plan", "Accepted", "False", "PlanNotFound")
        .await;
    assert_eq!(message, "plan `gold` does not exist");

    let mut homeless = json!({ "namespaces": ["nowhere"], "plan": "trial" });
    let tenant = Tenant::new("homeless", serde_json::from_value(homeless.take()).unwrap());
    world.api.put(&tenant);
    world
        .condition("homeless", "NamespacesBound", "False", "NamespaceMissing")
        .await;
    world
        .condition("homeless", "SchemaReady", "True", "SchemaMigrated")
        .await;
    world
        .condition("homeless", "CredentialsReady", "False", "NamespaceMissing")
        .await;
    world.put_namespace("nowhere");
    world.ready("homeless").await;
}

#[tokio::test]
async fn an_operator_killed_in_the_middle_leaves_nothing_that_the_next_cannot_finish() {
    for writes in 1..=5 {
        let world = World::new().await;
        let name = format!("killed-{writes}");
        let operator = world.start();
        world.put_tenant(&name, with_pool(&name, 1));
        let reached = world
            .api
            .until(|api| (api.writes().len() >= writes).then_some(()));
        reached.await.unwrap();
        operator.kill();

        let _operator = world.start();
        let pod = format!("{name}-0");
        world.pods_are(&name, &[&pod]).await;
        world.make_ready(&name, &pod);
        world.ready(&name).await;
        assert!(world.logs_in(&world.login(&name)).await);
    }
}

#[tokio::test]
async fn a_refused_request_is_tried_again() {
    let world = World::new().await;
    for (verb, plural) in [
        ("patch", "namespaces"),
        ("patch", "tenants"),
        ("get", "secrets"),
        ("patch", "secrets"),
    ] {
        world
            .api
            .inject(Fault::new(verb, plural, Outcome::Status(500)).times(1));
    }
    let _operator = world.start();
    world.put_tenant(
        "patient",
        json!({ "namespaces": ["patient"], "plan": "trial" }),
    );
    world.ready("patient").await;
}

#[tokio::test]
async fn a_namespace_that_is_taken_off_the_list_loses_label_and_secret() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "mover",
        json!({ "namespaces": ["old-home", "second"], "plan": "trial" }),
    );
    world.ready("mover").await;
    let key = |namespace: &str| world.secret(namespace)?.data?.remove("dataKeys");
    let former = key("old-home");
    assert!(former.is_some());
    world.put_namespace("new-home");
    world.edit_tenant("mover", |tenant| {
        tenant.spec.namespaces = vec!["new-home".to_owned(), "second".to_owned()];
        tenant.spec.deletion_policy = DeletionPolicy::Retain;
    });
    let moved = world.api.until(|_| {
        (label(&world, "old-home").is_none() && world.secret("new-home").is_some()).then_some(())
    });
    moved.await.unwrap();
    world.ready("mover").await;
    assert!(world.secret("old-home").is_none());
    assert_eq!(label(&world, "second").as_deref(), Some("mover"));
    assert!(world.logs_in(&world.login("new-home")).await);
    assert_eq!(
        key("new-home"),
        former,
        "what the data keys sealed still opens"
    );
}
