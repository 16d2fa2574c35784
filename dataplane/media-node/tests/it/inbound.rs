use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use callplane_e2e::phones::{Caller, Sipp};
use callplane_e2e::until;

use crate::world::{NUMBER, World, digits_flow, free_port, json_of};

const PATIENCE: Duration = Duration::from_secs(30);

fn presses(digits: &str) -> Caller {
    Caller {
        steps: vec![(2.0, digits.to_owned())],
        ..Caller::listening("+15557770001")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_of_a_caller_arrive_and_the_call_is_recorded() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let phone = world.call(&presses("1234"), 1);
    phone.finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], "1234");
    assert_eq!(call["call"]["status"], "completed");
    assert_eq!(call["call"]["outcome"], "ordered");
    assert_eq!(call["call"]["hangupCause"], "normal_clearing");
    assert_eq!(call["call"]["hangupParty"], "callee");
    assert_eq!(call["call"]["to"], NUMBER);
    assert_eq!(call["call"]["from"], "+15557770001");
    assert_eq!(call["legs"][0]["codec"], "PCMU");
    let path = call["call"]["recordingPath"].as_str().unwrap();
    let wav = std::fs::read(world.data().join("recordings").join(path)).unwrap();
    assert_eq!(&wav[..4], b"RIFF");
    assert_eq!(
        wav.len() - 44,
        wav[40..44]
            .iter()
            .rev()
            .fold(0, |size, byte| size << 8 | usize::from(*byte))
    );
    assert!(wav.len() > 2 * 32_000, "more than two seconds of stereo");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_the_slots_is_refused_and_says_when_to_come_back() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&["--slots", "1"]).await;
    let first = world.call(&presses("1234"), 1);
    until("the slot is taken", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls").await?;
        Ok((calls["calls"][0]["status"] == "in_progress").then_some(()))
    })
    .await
    .unwrap();
    let second = world.call(&presses("1234"), 1).finish(PATIENCE).await;
    let refusal = second.unwrap_err().to_string();
    assert!(refusal.contains("503"), "{refusal}");
    assert!(refusal.contains("Retry-After: 5"), "{refusal}");
    first.finish(PATIENCE).await.unwrap();
    let blocked = until("the refusal is recorded", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        Ok(calls.into_iter().find(|call| call["status"] == "blocked"))
    })
    .await
    .unwrap();
    assert_eq!(blocked["hangupCause"], "node_full");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_not_ours_and_a_stranger_are_turned_away() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let folder = world.folder.path().join("phones");
    let local = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let caller = presses("1");
    let phone = Sipp::call(&folder, local, world.sip(), "+15550000000", &caller, 1).unwrap();
    let refusal = phone.finish(PATIENCE).await.unwrap_err().to_string();
    assert!(refusal.contains("404"), "{refusal}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_at_once_are_all_understood_and_counted() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&["--slots", "20"]).await;
    let phone = world.call(&presses("1234"), 20);
    phone.finish(PATIENCE).await.unwrap();
    let admin = node.admin_address().to_string();
    let control = node.control_address();
    let ordered = async || {
        let calls = json_of(control, "/v1/calls?limit=100").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        let completed = calls.iter().filter(|call| call["status"] == "completed");
        Ok((completed.count() == 20).then_some(()))
    };
    until("all calls are recorded", PATIENCE, ordered)
        .await
        .unwrap();
    let metrics = callplane_e2e::get(&admin, "/metrics").await.unwrap().body;
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(value("callplane_call_setup_seconds_count"), "20");
    assert_eq!(value("callplane_calls_total{"), "20");
    assert_ne!(value("callplane_media_tick_late_seconds_count"), "0");
    check_metrics(&metrics);
    node.drain().await;
}

/// Prometheus' own opinion of names, units and help texts.
fn check_metrics(metrics: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(metrics.as_bytes()).unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    for line in metrics
        .lines()
        .filter(|line| line.contains("setup_seconds"))
    {
        println!("{line}");
    }
}
