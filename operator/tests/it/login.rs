//! The login of a tenant's media nodes and the Secret that publishes it.

use callplane_store::Slot;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use serde_json::json;

use crate::world::World;

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
    let data_keys = |secret: &Secret| secret.data.as_ref().unwrap()["dataKeys"].clone();
    let keys = data_keys(&world.secret("turner").unwrap());
    // The next change of the Secret is that the former login was closed.
    let annotation = "callplane.dev/retiring-slot";
    let retired = world.api.until(|_| {
        let secret = world.secret("turner")?;
        (!secret.annotations().contains_key(annotation)).then_some(secret)
    });
    assert_eq!(
        data_keys(&retired.await.unwrap()),
        keys,
        "the data keys go their own way"
    );
    assert!(!world.logs_in(&first).await);
}

#[tokio::test]
async fn a_secret_that_was_broken_or_deleted_while_no_operator_ran_is_made_anew() {
    let world = World::new().await;
    let operator = world.start();
    world.put_tenant(
        "mender",
        json!({ "namespaces": ["mender"], "plan": "trial" }),
    );
    world.ready("mender").await;
    drop(operator);
    guess(&world, "mender");

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
async fn a_secret_that_somebody_edits_or_deletes_is_put_right_at_once() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "meddled",
        json!({ "namespaces": ["meddled"], "plan": "trial" }),
    );
    world.ready("meddled").await;

    guess(&world, "meddled");
    let mended = world
        .api
        .until(|_| Some(world.login("meddled")).filter(|login| login.slot == Slot::B));
    assert!(world.logs_in(&mended.await.expect("it is mended")).await);

    world
        .api
        .delete::<Secret>(Some("meddled"), "callplane-database");
    let again = world
        .api
        .until(|_| world.secret("meddled").map(|_| world.login("meddled")));
    assert!(world.logs_in(&again.await.expect("it is made anew")).await);
}

/// Writes a password into the Secret that is none.
fn guess(world: &World, namespace: &str) {
    let mut secret = world.secret(namespace).unwrap();
    let wrong = ByteString(b"guess".to_vec());
    let data = secret.data.as_mut().unwrap();
    data.insert("password".to_owned(), wrong);
    world.api.put(&secret);
}
