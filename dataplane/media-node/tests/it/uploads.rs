//! Recordings leave the disk of a node for an object storage.

use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::until;

use crate::folder::files;
use crate::world::{World, digits_flow, metrics, recording_of};

const PATIENCE: Duration = Duration::from_secs(40);

async fn url_of(world: &World) -> String {
    let sql = format!(
        "SELECT object_url FROM {}.call_recordings",
        world.tenant.schema()
    );
    world.database.ask(&sql).await.unwrap()
}

async fn until_carried(world: &World) {
    until("the recording is carried away", PATIENCE, async || {
        Ok(files(&world.data().join("recordings"), "sealed")
            .is_empty()
            .then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_goes_to_the_storage_when_its_call_is_over_and_plays_from_there() {
    let world = World::new(digits_flow()).await;
    let bucket = world.data().join("bucket");
    std::fs::create_dir_all(&bucket).unwrap();
    let storage = format!("file://{}", bucket.display());
    let node = world.node(&["--recordings-url", &storage]).await;
    let caller = Caller {
        steps: vec![(2.0, "1234".to_owned())],
        ..Caller::listening("+15557770001")
    };
    world.call(&caller, 1).finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    let id = call["call"]["id"].as_str().unwrap();
    until_carried(&world).await;
    let url = url_of(&world).await;
    assert!(
        url.starts_with(&format!("{storage}/{}/recordings/", world.tenant.id)),
        "{url}"
    );
    let wav = recording_of(node.control_address(), id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&wav[..4], b"RIFF");
    assert!(wav.len() > 2 * 32_000, "{}", wav.len());
    let seen = metrics(&node).await;
    assert_eq!(seen.sum("callplane_recordings_carried_total", &[]), 1.0);
    assert_eq!(seen.sum("callplane_recordings_waiting", &[]), 0.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_waits_while_the_storage_refuses_it() {
    let world = World::new(digits_flow()).await;
    let bucket = world.data().join("bucket");
    std::fs::create_dir_all(&bucket).unwrap();
    let storage = format!("file://{}", bucket.display());
    let node = world
        .node(&["--recordings-url", &storage, "--max-drain", "1"])
        .await;
    // A file in the place of the tenant's folder: nothing can be written there.
    let in_the_way = bucket.join(world.tenant.id.to_string());
    std::fs::write(&in_the_way, "").unwrap();
    world
        .call(&Caller::listening("+15557770001"), 1)
        .finish(PATIENCE)
        .await
        .unwrap();
    world.ended_call(&node).await;
    until("the storage refuses", PATIENCE, async || {
        let seen = metrics(&node).await;
        Ok((seen.sum("callplane_recordings_refused_total", &[]) >= 1.0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(files(&world.data().join("recordings"), "sealed").len(), 1);
    node.drain().await;
    assert_eq!(files(&world.data().join("recordings"), "sealed").len(), 1);

    // The next start carries what the former one left.
    std::fs::remove_file(&in_the_way).unwrap();
    world.until_port_is_free().await;
    let node = world.node(&["--recordings-url", &storage]).await;
    until_carried(&world).await;
    assert!(url_of(&world).await.starts_with(&storage));
    node.drain().await;
}
