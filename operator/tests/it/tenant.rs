//! A Tenant from its first day to its last.

use callplane_crds::{
    ANNOTATION_ADOPT_DATA, ANNOTATION_CONFIRM_DELETE, DeletionPolicy, MediaPool, Tenant,
};
use callplane_kit::fake::{Fault, Outcome};
use callplane_store::{Slot, quotas, tenants};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use kube::ResourceExt as _;
use serde_json::json;

use crate::world::{World, find, with_pool};

fn label(world: &World, namespace: &str) -> Option<String> {
    let namespace: Namespace = world.api.get(None, namespace)?;
    namespace.labels().get("callplane.dev/tenant").cloned()
}

/// Confirms a deletion for today.
fn confirm(tenant: &mut Tenant) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let value = format!("{}/{today}", tenant.name_any());
    tenant
        .annotations_mut()
        .insert(ANNOTATION_CONFIRM_DELETE.to_owned(), value);
}

async fn gone(world: &World, name: &str) {
    let gone = world
        .api
        .until(|api| api.get::<Tenant>(None, name).is_none().then_some(()));
    if gone.await.is_none() {
        panic!("{name} stays: {:#?}", world.tenant(name));
    }
}

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
           OR EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 't\\_leaver\\_%')
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
async fn a_password_changes_by_turns_and_the_former_one_works_on_for_a_while() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "turner",
        json!({
            "namespaces": ["turner"], "plan": "trial",
            "credentialRotation": { "every": "2s", "overlap": "2s" },
        }),
    );
    world.ready("turner").await;
    let first = world.login("turner");
    let second = world
        .api
        .until(|_| Some(world.login("turner")).filter(|login| login.slot == Slot::B))
        .await
        .unwrap();
    assert!(
        world.logs_in(&first).await,
        "who has not read the new one yet still gets in"
    );
    assert!(world.logs_in(&second).await);
    let data_key = |secret: &Secret| secret.data.as_ref().unwrap()["dataKey"].clone();
    let key = data_key(&world.secret("turner").unwrap());
    // The next change of the Secret is that the former login was closed.
    let annotation = "callplane.dev/retiring-slot";
    let retired = world.api.until(|_| {
        let secret = world.secret("turner")?;
        (!secret.annotations().contains_key(annotation)).then_some(secret)
    });
    assert_eq!(
        data_key(&retired.await.unwrap()),
        key,
        "the data key never changes"
    );
    assert!(!world.logs_in(&first).await);
}

#[tokio::test]
async fn a_secret_that_somebody_broke_or_deleted_is_made_anew() {
    let world = World::new().await;
    let operator = world.start();
    world.put_tenant(
        "mender",
        json!({ "namespaces": ["mender"], "plan": "trial" }),
    );
    world.ready("mender").await;
    drop(operator);
    let mut secret = world.secret("mender").unwrap();
    let wrong = k8s_openapi::ByteString(b"guess".to_vec());
    secret
        .data
        .as_mut()
        .unwrap()
        .insert("password".to_owned(), wrong);
    world.api.put(&secret);

    let operator = world.start();
    let mended = world
        .api
        .until(|_| Some(world.login("mender")).filter(|login| login.slot == Slot::B));
    assert!(world.logs_in(&mended.await.unwrap()).await);
    drop(operator);

    world
        .api
        .delete::<Secret>(Some("mender"), "callplane-database");
    let _operator = world.start();
    let again = world
        .api
        .until(|_| world.secret("mender").map(|_| world.login("mender")));
    assert!(world.logs_in(&again.await.unwrap()).await);
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
    let key = |namespace: &str| world.secret(namespace)?.data?.remove("dataKey");
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
        "what the data key sealed still opens"
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
