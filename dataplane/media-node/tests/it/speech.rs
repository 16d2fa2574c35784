use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use callplane_call::APOLOGY;
use callplane_e2e::phones::Caller;
use serde_json::{Value, json};

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// The worker, built if need be.
pub(crate) fn speech_program() -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet", "-p", "callplane-speech"])
        .status();
    assert!(status.unwrap().success(), "callplane-speech does not build");
    let test = std::env::current_exe().unwrap();
    let debug = test.ancestors().nth(2).unwrap();
    debug.join("callplane-speech")
}

/// Processes of this program.
fn processes_of(program: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let link = std::fs::read_link(entry.path().join("exe"));
        if link.is_ok_and(|link| link == program) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// Speaks the caller's number, so that no prompt is known before.
fn greeting() -> Value {
    json!({
        "start": "pin",
        "nodes": {
            "pin": {
                "collect": {
                    "variable": "pin", "prompt": "Hello {{ caller_number }}. Enter your number.",
                    "type": "digits", "input": "digits", "digits": {"min": 4, "max": 4},
                    "timeoutSeconds": 20,
                },
                "edges": [{"to": "no", "event": "noInput"}, {"to": "no", "event": "noMatch"}, {"to": "bye"}],
            },
            "no": {"hangup": {"outcome": "gave_up"}},
            "bye": {"hangup": {"outcome": "done"}},
        },
    })
}

async fn call(world: &World, node: &callplane_media_node::Running, number: &str) -> Value {
    let caller = Caller {
        steps: vec![(8.0, "1234".to_owned())],
        ..Caller::listening(number)
    };
    world.call(&caller, 1).finish(PATIENCE).await.unwrap();
    world.ended_call_from(node, number).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_speech_worker_costs_an_apology_and_keys_go_on() {
    let world = World::new(greeting()).await;
    let program = world.folder.path().join("callplane-speech");
    std::fs::copy(speech_program(), &program).unwrap();
    let node = world
        .node(&["--speech", &program.display().to_string()])
        .await;
    let first = call(&world, &node, "+15557770001").await;
    let heard = first["messages"][0]["heardText"].as_str().unwrap();
    assert!(heard.starts_with("Hello"), "{heard}");

    // It cannot be started again either.
    let workers = processes_of(&program);
    assert!(!workers.is_empty());
    std::fs::remove_file(&program).unwrap();
    for worker in workers {
        assert!(
            Command::new("kill")
                .args(["-9", &worker])
                .status()
                .unwrap()
                .success()
        );
    }
    let second = call(&world, &node, "+15557770002").await;
    assert_eq!(second["messages"][0]["heardText"], APOLOGY);
    assert_eq!(second["variables"]["pin"], "1234");
    assert_eq!(second["call"]["outcome"], "done");
    node.drain().await;
}
