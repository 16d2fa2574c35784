//! The password of a Trunk, from its Secret to the sealed column.

use std::collections::BTreeMap;

use callplane_crds::Trunk;
use callplane_keys::Place;
use callplane_store::notify::Changes;
use callplane_store::trunks;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::world::World;

pub(super) fn put_secret(world: &World<'_>, name: &str, data: &[(&str, &str)]) {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let data: BTreeMap<String, ByteString> = data
        .iter()
        .map(|(key, text)| ((*key).to_owned(), bytes(text)))
        .collect();
    let mut secret = Secret {
        data: Some(data),
        ..Secret::default()
    };
    secret.metadata.name = Some(name.to_owned());
    secret.metadata.namespace = Some("acme".to_owned());
    world.api.put(&secret);
}

/// The password that media nodes read.
async fn password(world: &World<'_>) -> String {
    let trunk = trunks::list(&world.acme.database).await.unwrap().remove(0);
    let (operator, fence) = (&world.database.operator, &world.database.fence);
    let handed = world.keys.of_tenant(operator, fence, world.acme.id);
    let ring = handed.await.unwrap().ring;
    let place = Place::cell(world.acme.id, "trunks", "password_enc", trunk.id.uuid());
    let opened = ring.open(&place, &trunk.auth.unwrap().sealed_password);
    String::from_utf8(opened.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_changed_password_reaches_the_media_nodes_at_once() {
    let world = World::start().await;
    let login = |password| [("username", "acme"), ("password", password)];
    put_secret(&world, "carrier-login", &login("first"));
    world.put::<Trunk>(&json!({
        "metadata": { "name": "carrier", "namespace": "acme" },
        "spec": {
            "direction": "Inbound",
            "allowedCidrs": ["192.0.2.0/24"],
            "auth": { "secretRef": { "name": "carrier-login" }, "challengeInbound": true },
        },
    }));
    world.ready::<Trunk>("acme", "carrier").await;
    assert_eq!(password(&world).await, "first");

    let mut changes = Changes::listen(&world.acme.database).await.unwrap();
    put_secret(&world, "carrier-login", &login("second"));
    // The resync would come after 8 minutes at the earliest.
    let told = tokio::time::timeout(std::time::Duration::from_secs(20), changes.next());
    told.await.expect("the nodes are told").unwrap();
    assert_eq!(password(&world).await, "second");
}
