//! A browser that is killed while it talks.

use std::time::{Duration, Instant};

use callplane_e2e::phones::{Chromium, ChromiumOptions};
use callplane_e2e::until;
use serde_json::{Value, json};

use crate::page::{inside, until_state};
use crate::webrtc::Open;
use crate::world::{digits_flow, recording_of};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn the_call_of_a_browser_that_is_killed_ends_and_its_record_is_complete() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let open = Open::new(flow, &[]).await;
    let folder = open.world.folder.path();
    let mut chromium = Chromium::start(folder, &ChromiumOptions::default())
        .await
        .unwrap();
    let token = open.token(json!({})).await;
    let page = format!("http://{}/call/reception#token={token}", open.whip());
    chromium.open(&page).await.unwrap();
    let script = inside("root.querySelector('.call').click()");
    chromium.evaluate(&script).await.unwrap();
    until_state(&mut chromium, "talking").await;
    let talking = Instant::now();
    for level in ["> 20", "< 5"] {
        let script =
            format!("root.querySelector('.meter.agent').getAttribute('aria-valuenow') {level}");
        chromium
            .until("the agent has spoken", PATIENCE, &inside(&script))
            .await
            .unwrap();
    }
    chromium.kill().await.unwrap();
    let talked = talking.elapsed();
    open.until_idle().await;
    // Consent of 30 s (RFC 7675) from the last check on.
    let waited = talking.elapsed() - talked;
    assert!((20..=40).contains(&waited.as_secs()), "{waited:?}");

    let call = open.world.ended_call(&open.node).await;
    assert_eq!(call["call"]["status"], "completed", "{call}");
    assert_eq!(call["call"]["hangupCause"], "media_timeout");
    assert_eq!(call["variables"]["pin"], Value::Null);
    assert_eq!(call["legs"][0]["codec"], "opus");
    assert!(!call["events"].as_array().unwrap().is_empty(), "{call}");
    let quality = &call["quality"];
    assert!(quality["packetsReceived"].as_f64().unwrap() > 50.0 * talked.as_secs_f64() * 0.5);
    let duration = call["recording"]["durationSeconds"].as_f64().unwrap();
    let whole = (talked + waited).as_secs_f64();
    assert!((duration - whole).abs() < 5.0, "{duration} of {whole}");
    let id = call["call"]["id"].as_str().unwrap();
    let recording = until("the recording is there", PATIENCE, async || {
        recording_of(open.node.control_address(), id).await
    })
    .await
    .unwrap();
    assert_eq!(&recording[..4], b"RIFF");
    assert!(recording.len() as f64 >= 32_000.0 * (duration - 1.0));
    open.node.drain().await;
}
