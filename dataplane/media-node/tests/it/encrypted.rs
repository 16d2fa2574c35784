//! Calls of a tenant whose transcripts are encrypted.

use std::path::Path;
use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::until;
use callplane_keys::KeyRing;
use callplane_store::tenants::Transcripts;
use callplane_store::test_util::PostgresServer;
use serde_json::{Value, json};

use crate::speech::speech_program;
use crate::world::{World, json_of, keys};

const PATIENCE: Duration = Duration::from_secs(40);

/// What the caller presses, the flow captures and the agent says again.
const PIN: &str = "8391740265";

fn presses() -> Caller {
    Caller {
        steps: vec![(2.0, PIN.to_owned())],
        ..Caller::listening("+15557770001")
    }
}

fn flow() -> Value {
    json!({
        "start": "pin",
        "nodes": {
            "pin": {
                "collect": {
                    "variable": "pin", "prompt": "Enter your number.", "type": "digits",
                    "input": "digits", "digits": {"min": 10, "max": 10}, "timeoutSeconds": 5,
                },
                "edges": [{"to": "bye", "event": "noInput"}, {"to": "bye", "event": "noMatch"}, {"to": "done"}],
            },
            "bye": {"hangup": {"outcome": "gave_up"}},
            "done": {"hangup": {"text": "You pressed {{ pin }}.", "outcome": "ordered"}},
        },
    })
}

/// How often the words stand in the files of a folder and below.
fn found_below(folder: &Path) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += found_below(&path);
        } else {
            let text = std::fs::read(&path).unwrap();
            found += String::from_utf8_lossy(&text).matches(PIN).count();
        }
    }
    found
}

fn found_in_a_dump(world: &World, server: &PostgresServer) -> usize {
    let schema = format!("--schema={}", world.tenant.schema());
    let dump = server.program("pg_dump", &world.database.name, &[&schema]);
    let dump = dump.unwrap();
    assert!(dump.contains("+15557770001"), "the call is in the dump");
    dump.matches(PIN).count()
}

/// A call while the database is away, and where its words are: in the spool, and in the database after.
async fn words_of_a_call(transcripts: Transcripts, ring: &KeyRing) -> (usize, usize) {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::keeping(server, flow(), transcripts).await;
    world.write_keys(ring);
    let speech = speech_program().display().to_string();
    let node = world.node(&["--speech", &speech]).await;
    server.crash().unwrap();
    world.call(&presses(), 1).finish(PATIENCE).await.unwrap();
    let spool = world.data().join("spool");
    until("the record is spooled", PATIENCE, async || {
        Ok((std::fs::read_dir(&spool)?.count() == 1).then_some(()))
    })
    .await
    .unwrap();
    let spooled = found_below(&world.data());
    server.resume().unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], PIN);
    assert_eq!(call["sealed"], Value::Null);
    let said = call["messages"].as_array().unwrap();
    let by = |role: &str| {
        let said = said.iter().filter(|message| message["role"] == role);
        said.filter(|message| message["text"].as_str().unwrap().contains(PIN))
            .count()
    };
    assert_eq!((by("user"), by("assistant")), (1, 1), "{said:?}");
    let stored = found_in_a_dump(&world, server);
    node.drain().await;
    (spooled, stored)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_sealed_before_it_comes_to_a_disk() {
    let ring = keys();
    let (spooled, stored) = words_of_a_call(Transcripts::Clear, &ring).await;
    assert!(
        spooled >= 6,
        "the control finds them in the spool: {spooled}"
    );
    assert!(stored >= 6, "and in the database: {stored}");
    let sealed = words_of_a_call(Transcripts::Encrypted, &ring).await;
    assert_eq!(sealed, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_keys_takes_no_call_whose_words_it_would_have_to_seal() {
    let server = PostgresServer::shared().unwrap();
    let world = World::keeping(server, flow(), Transcripts::Encrypted).await;
    let node = world.node(&[]).await;
    let refused = world.call(&presses(), 1).finish(PATIENCE).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("503"), "{refused}");
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["hangupCause"], "no_data_key");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_spooled_in_clear_is_sealed_when_the_tenant_asks_for_it_meanwhile() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::keeping(server, flow(), Transcripts::Clear).await;
    world.write_keys(&keys());
    let node = world.node(&["--max-drain", "1"]).await;
    server.crash().unwrap();
    world.call(&presses(), 1).finish(PATIENCE).await.unwrap();
    let spool = world.data().join("spool");
    until("the record is spooled", PATIENCE, async || {
        Ok((std::fs::read_dir(&spool)?.count() == 1).then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
    assert!(found_below(&world.data()) > 0);
    server.resume().unwrap();
    world.encrypt().await;
    world.until_port_is_free().await;
    let node = world.node(&[]).await;
    until("the record is stored", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls?limit=1").await?;
        Ok(calls["calls"][0]["durationSeconds"].is_u64().then_some(()))
    })
    .await
    .unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], PIN);
    assert_eq!(found_in_a_dump(&world, server), 0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_database_refuses_in_clear_is_sealed_at_once() {
    let server = PostgresServer::shared().unwrap();
    let world = World::keeping(server, flow(), Transcripts::Clear).await;
    world.write_keys(&keys());
    let node = world.node(&[]).await;
    // Nobody tells the node, which would look again after half a minute.
    let encrypt = format!(
        "UPDATE {}.tenant SET settings = settings || '{{\"encrypt_transcripts\": true}}'",
        world.tenant.schema()
    );
    world.database.superuser(&encrypt).await.unwrap();
    world.call(&presses(), 1).finish(PATIENCE).await.unwrap();
    let sealed = format!(
        "SELECT count(*)::text FROM {}.calls WHERE ended_at IS NOT NULL AND variables_enc IS NOT NULL",
        world.tenant.schema()
    );
    until("the record is stored", Duration::from_secs(5), async || {
        Ok((world.database.ask(&sealed).await? == "1").then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(found_in_a_dump(&world, server), 0);
    node.drain().await;
}
