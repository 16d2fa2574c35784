//! The password of a Trunk, from its Secret to the sealed column.

use std::collections::BTreeMap;

use callplane_crds::Trunk;
use callplane_operator::names::{SECRET_DATA_KEY, SECRET_DATABASE};
use callplane_store::notify::Changes;
use callplane_store::seal::Key;
use callplane_store::trunks;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::world::World;

/// 32 zero bytes.
const DATA_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn put_secret(world: &World<'_>, name: &str, data: &[(&str, &str)]) {
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
    let context = format!("trunk:{}", trunk.uid.unwrap());
    let sealed = trunk.auth.unwrap().sealed_password;
    let opened = Key::new(&[0; 32]).unwrap().open(&context, &sealed);
    String::from_utf8(opened.unwrap()).unwrap()
}

#[tokio::test]
async fn a_changed_password_reaches_the_media_nodes_at_once() {
    let world = World::start().await;
    put_secret(&world, SECRET_DATABASE, &[(SECRET_DATA_KEY, DATA_KEY)]);
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
