//! Recordings that are started, stopped and paused.

use std::net::SocketAddr;
use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::{request, until};
use callplane_flow::{AgentSettings, Recording};
use serde_json::{Value, json};

use crate::world::{World, digits_flow, json_of, recording_of};

const PATIENCE: Duration = Duration::from_secs(40);

/// The number is not to be recorded; the answer after it is.
fn card_flow() -> Value {
    let digits = |variable: &str, count: u32| {
        json!({
            "variable": variable, "prompt": "Enter your number.", "type": "digits",
            "input": "digits", "digits": {"min": count, "max": count}, "timeoutSeconds": 9,
        })
    };
    let edges = |next: &str| json!([{"to": "bye", "event": "noInput"}, {"to": "bye", "event": "noMatch"}, {"to": next}]);
    json!({
        "start": "card",
        "nodes": {
            "card": {"recording": "pause", "collect": digits("card", 4), "edges": edges("more")},
            "more": {"collect": digits("more", 1), "edges": edges("done")},
            "bye": {"hangup": {"outcome": "gave_up"}},
            "done": {"hangup": {"text": "Goodbye.", "outcome": "ordered"}},
        },
    })
}

/// Enters the number, and after some seconds the answer.
fn answers() -> Caller {
    Caller {
        steps: vec![(4.0, "1234".to_owned()), (3.0, "5".to_owned())],
        ..Caller::listening("+15557770001")
    }
}

fn events(call: &Value) -> Vec<&str> {
    let events = call["events"].as_array().unwrap().iter();
    events
        .filter_map(|event| event["type"].as_str()?.strip_prefix("recording_"))
        .collect()
}

/// The gaps of a recording in seconds.
fn gaps(call: &Value) -> Vec<(f64, f64, &str)> {
    let gaps = call["recording"]["gaps"].as_array().unwrap().iter();
    let gap = |gap: &Value| (gap["from"].as_f64().unwrap(), gap["to"].as_f64().unwrap());
    gaps.map(|found| {
        let (from, to) = gap(found);
        (from, to, found["reason"].as_str().unwrap())
    })
    .collect()
}

/// Whether anything is heard between two seconds of a stereo file at 8 kHz.
fn is_loud(wav: &[u8], from: f64, to: f64) -> bool {
    let octet = |second: f64| 44 + (second * 8_000.0).round() as usize * 4;
    let samples = wav[octet(from)..octet(to).min(wav.len())].chunks_exact(2);
    samples
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .any(|sample| sample.unsigned_abs() > 8)
}

/// Steers the recording of a call: status and document.
async fn steer(control: SocketAddr, call: &str, action: &str) -> (u16, Value) {
    let path = format!("/v1/calls/{call}/recording");
    let body = json!({"action": action}).to_string();
    let address = control.to_string();
    let answer = request("POST", &address, &path, "application/json", &body);
    let answer = answer.await.unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_at_a_node_that_pauses_is_in_no_file_and_marked_as_a_gap() {
    let world = World::new(card_flow()).await;
    let node = world.node(&[]).await;
    world.call(&answers(), 1).finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "ordered");
    assert_eq!(events(&call), ["started", "paused", "resumed"]);
    let [(from, to, "paused")] = gaps(&call)[..] else {
        panic!("{}", call["recording"])
    };
    let id = call["call"]["id"].as_str().unwrap();
    let wav = recording_of(node.control_address(), id).await.unwrap();
    let wav = wav.unwrap();
    let end = (wav.len() - 44) as f64 / 32_000.0;
    assert!(
        from < 0.1 && to > 3.0 && end - to > 1.0,
        "{from} {to} {end}"
    );
    // The question is heard where nothing pauses: see the tests of calls that come in.
    assert!(!is_loud(&wav, from, to));
    let lasted = call["call"]["durationSeconds"].as_f64().unwrap();
    assert!((end - lasted).abs() < 2.0, "{end} of {lasted}");
    assert!(call["recording"]["startedAt"].is_string());
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_start_pause_resume_and_stop_the_recording_of_a_call() {
    let settings = AgentSettings {
        recording: Recording::Off,
        ..AgentSettings::default()
    };
    let world = World::with_agent(digits_flow(), settings).await;
    let node = world.node(&[]).await;
    let control = node.control_address();
    let caller = Caller {
        steps: vec![(9.0, "1234".to_owned())],
        ..Caller::listening("+15557770001")
    };
    let phone = world.call(&caller, 1);
    let id = until("the call goes on", PATIENCE, async || {
        let calls = json_of(control, "/v1/calls?limit=1").await?;
        let call = &calls["calls"][0];
        let goes_on = call["status"] == "in_progress";
        Ok(goes_on.then(|| call["id"].as_str().unwrap().to_owned()))
    });
    let id = id.await.unwrap();
    let (status, said) = steer(control, &id, "pause").await;
    assert_eq!(status, 409, "{said}");
    let running = until("the recording starts", PATIENCE, async || {
        // Not before the caller's ACK is there.
        let (status, said) = steer(control, &id, "start").await;
        Ok((status == 200).then_some(said))
    });
    assert_eq!(running.await.unwrap()["state"], "running");
    for (action, state) in [
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "running"),
        ("stop", "stopped"),
    ] {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(
            steer(control, &id, action).await,
            (200, json!({"state": state}))
        );
    }
    phone.finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(events(&call), ["started", "paused", "resumed", "stopped"]);
    let [(from, to, "paused")] = gaps(&call)[..] else {
        panic!("{}", call["recording"])
    };
    assert!(to - from > 0.9, "{from} {to}");
    let wav = recording_of(control, &id).await.unwrap().unwrap();
    assert!(!is_loud(&wav, from, to));
    // It ended when it was stopped, long before the call.
    let seconds = (wav.len() - 44) as f64 / 32_000.0;
    let lasted = call["call"]["durationSeconds"].as_f64().unwrap();
    assert!(
        seconds > 1.9 && seconds < lasted - 3.0,
        "{seconds} of {lasted}"
    );
    let (status, said) = steer(control, &id, "start").await;
    assert_eq!(status, 404, "{said}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_starts_a_recording_without_keys_and_the_call_goes_on() {
    let mut graph = card_flow();
    graph["nodes"]["more"]["recording"] = json!("start");
    let settings = AgentSettings {
        recording: Recording::Off,
        ..AgentSettings::default()
    };
    let world = World::with_agent(graph, settings).await;
    let keys = world.folder.path().join("database/recordingKeys");
    std::fs::remove_file(keys).unwrap();
    let node = world.node(&[]).await;
    let control = node.control_address();
    let phone = world.call(&answers(), 1);
    let refused = until("the recording is refused", PATIENCE, async || {
        let calls = json_of(control, "/v1/calls?limit=1").await?;
        let Some(id) = calls["calls"][0]["id"].as_str() else {
            return Ok(None);
        };
        let (status, said) = steer(control, id, "start").await;
        Ok((status == 409).then_some(said))
    });
    let said = refused.await.unwrap();
    assert!(
        said["error"].as_str().unwrap().contains("no keys"),
        "{said}"
    );
    phone.finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "ordered");
    assert_eq!(events(&call), ["failed"]);
    assert!(call["recording"].is_null());
    node.drain().await;
}
