//! How the media of a Trunk is encrypted, from the object to the row.

use callplane_crds::{Trunk, TrunkKeyExchange};
use callplane_store::trunks::{self, TrunkKeyExchange as Stored, TrunkSrtp};
use serde_json::{Value, json};

use super::world::{World, message};

fn trunk(srtp: &str) -> Value {
    json!({
        "metadata": { "name": "carrier", "namespace": "acme" },
        "spec": {
            "direction": "Outbound",
            "addresses": ["192.0.2.10:5060"],
            "srtp": srtp,
            "keyExchange": "Dtls",
        },
    })
}

async fn stored(world: &World<'_>) -> Vec<(TrunkSrtp, Stored)> {
    let trunks = trunks::list(&world.acme.database).await.unwrap();
    let media = trunks.iter().map(|trunk| (trunk.srtp, trunk.key_exchange));
    media.collect()
}

#[tokio::test]
async fn where_keys_are_from_reaches_the_media_nodes_and_so_does_a_change_of_it() {
    let world = World::start().await;
    world.put::<Trunk>(&trunk("Required"));
    world.ready::<Trunk>("acme", "carrier").await;
    assert_eq!(stored(&world).await, [(TrunkSrtp::Required, Stored::Dtls)]);
    world.edit::<Trunk>("acme", "carrier", |trunk| {
        trunk.spec.key_exchange = TrunkKeyExchange::Sdes;
    });
    world.ready::<Trunk>("acme", "carrier").await;
    assert_eq!(stored(&world).await, [(TrunkSrtp::Required, Stored::Sdes)]);
}

/// This API server knows no rules, as if the object were older than them.
#[tokio::test]
async fn a_handshake_for_media_that_may_be_plain_is_not_accepted() {
    for srtp in ["Disabled", "Allowed"] {
        let world = World::start().await;
        world.put::<Trunk>(&trunk(srtp));
        let refused = ("Accepted", "False", "Invalid");
        let refused = world.until::<Trunk>("acme", "carrier", refused).await;
        let why = message(&refused, "Accepted");
        assert!(why.contains("spec.keyExchange: set srtp"), "{why}");
        assert!(stored(&world).await.is_empty());
    }
}
