//! A disk that is full while a call is recorded.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::{apart, run, until};
use callplane_store::test_util::PostgresServer;
use serde_json::Value;

use crate::folder::files;
use crate::world::{World, digits_flow, recording_of};

const PATIENCE: Duration = Duration::from_secs(40);

/// Writes into the folder until nothing more goes in.
fn fill(folder: &Path) {
    let mut file = File::create(folder.join("ballast")).unwrap();
    for piece in [&[0; 65_536][..], &[0; 512], &[0; 1]] {
        while file.write_all(piece).is_ok() {}
    }
}

fn presses(number: &str, seconds: f64) -> Caller {
    Caller {
        steps: vec![(seconds, "1234".to_owned())],
        ..Caller::listening(number)
    }
}

#[test]
fn a_call_goes_on_and_is_on_record_though_the_disk_is_full_by_its_middle_and_the_next_is_recorded()
{
    apart(async || {
        let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
        let mut flow = digits_flow();
        flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
        let world = World::on(server, flow).await;
        let data = world.data();
        std::fs::create_dir_all(&data).unwrap();
        let place = data.display().to_string();
        let mount = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", &place];
        run("mount", &mount, "").await.unwrap();
        let node = world.node(&[]).await;
        let recordings = data.join("recordings");

        let phone = world.call(&presses("+15557770001", 6.0), 1);
        until("the recording has begun", PATIENCE, async || {
            Ok((files(&recordings, "sealed").len() == 1).then_some(()))
        })
        .await
        .unwrap();
        fill(&data);
        phone.finish(PATIENCE).await.unwrap();
        let call = world.ended_call_from(&node, "+15557770001").await;
        assert_eq!(call["variables"]["pin"], "1234", "{call}");
        assert_eq!(call["call"]["status"], "completed");
        // What is missing is told.
        assert_eq!(call["recording"], Value::Null, "{}", call["recording"]);
        let events = call["events"].as_array().unwrap();
        let failed = events
            .iter()
            .any(|event| event["type"] == "recording_failed");
        assert!(failed, "{events:?}");

        std::fs::remove_file(data.join("ballast")).unwrap();
        let phone = world.call(&presses("+15557770002", 2.0), 1);
        phone.finish(PATIENCE).await.unwrap();
        let call = world.ended_call_from(&node, "+15557770002").await;
        assert_eq!(call["variables"]["pin"], "1234", "{call}");
        let id = call["call"]["id"].as_str().unwrap();
        let wav = recording_of(node.control_address(), id).await.unwrap();
        assert_eq!(&wav.unwrap()[..4], b"RIFF");
        node.drain().await;
    });
}
