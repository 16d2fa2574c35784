//! What is told of how a call sounded, with baresip behind a network that loses some of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use callplane_e2e::phones::Baresip;
use callplane_e2e::sound::say_at;
use callplane_e2e::{request_with, until};
use callplane_store::calls;
use serde_json::Value;

use crate::relay::{Relay, Weather};
use crate::world::{NUMBER, World, digits_flow, metrics, phone_port};

const PATIENCE: Duration = Duration::from_secs(40);

/// A call of some twelve seconds over a relay; its document.
async fn call_over(
    weather: Weather,
    world: &World,
    node: &callplane_media_node::Running,
) -> (Value, u64) {
    let phone = SocketAddr::from((Ipv4Addr::LOCALHOST, phone_port()));
    let relay = Relay::start(phone, world.sip(), weather).await;
    let folder = world.folder.path().join(format!("phone-{}", phone.port()));
    std::fs::create_dir_all(&folder).unwrap();
    let voice = folder.join("voice.wav");
    say_at(&[(1.0, "billing please")], "rms", 60.0, &folder, &voice)
        .await
        .unwrap();
    let mut baresip = Baresip::start(&folder, phone, "+15557770001", &voice)
        .await
        .unwrap();
    baresip.dial(NUMBER, relay.sip).await.unwrap();
    baresip.event("CALL_ESTABLISHED", PATIENCE).await.unwrap();
    // Both have reported what they heard twice: the second report closes a round trip.
    until("the phone has heard for long", PATIENCE, async || {
        Ok((baresip.heard()?.seconds() > 13.0).then_some(()))
    })
    .await
    .unwrap();
    baresip.hang_up().await.unwrap();
    let call = world.ended_call(node).await;
    (call, relay.lost_of_phone())
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_and_delay_of_both_ways_stand_in_the_record_the_metrics_and_what_people_read() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let world = World::new(flow).await;
    let node = world.node(&[]).await;
    let weather = Weather {
        lost_of_phone: 10,
        lost_of_node: 20,
        one_way: Duration::from_millis(30),
        jitter: Duration::ZERO,
    };
    let (call, lost) = call_over(weather, &world, &node).await;
    let quality = &call["legs"][0]["quality"];
    assert_eq!(quality, &call["quality"]);
    // The last ones lost may have been the last of the call, which nobody can know of.
    let told = quality["packetsLost"].as_u64().unwrap();
    assert!(
        lost >= 40 && told <= lost && told + 2 >= lost,
        "{told} of {lost}"
    );
    let loss = number(&quality["packetLossPercent"]);
    assert!((9.0..=13.0).contains(&loss), "{quality}");
    let concealed = number(&quality["concealedMs"]);
    assert!(concealed >= told as f64 * 18.0, "{quality}");
    let trip = number(&quality["roundTripMs"]);
    assert!((55.0..=200.0).contains(&trip), "{quality}");
    let there = &quality["farEnd"];
    let loss_there = number(&there["packetLossPercent"]);
    assert!((4.0..=7.0).contains(&loss_there), "{quality}");
    let (mos, mos_there) = (number(&quality["mos"]), number(&there["mos"]));
    // Ten per cent is 27 of the rating, five are 16 (G.107 equation 7-29).
    assert!((2.6..=3.6).contains(&mos), "{quality}");
    assert!(mos_there > mos && mos_there < 4.1, "{quality}");
    let (buffer, most) = (
        number(&quality["bufferMs"]),
        number(&quality["maxBufferMs"]),
    );
    assert!(buffer >= 20.0 && most >= buffer, "{quality}");

    let listed = calls::list(&world.tenant.database, None, 1).await.unwrap();
    let row = calls::show(&world.tenant.database, listed[0].id)
        .await
        .unwrap();
    let samples = row["quality"].as_array().unwrap();
    let streams: Vec<_> = samples
        .iter()
        .map(|sample| sample["stream"].as_str().unwrap())
        .collect();
    assert_eq!(streams, ["received", "sent"]);
    assert!((number(&samples[0]["mos_score"]) - mos).abs() < 0.01);
    assert!((number(&samples[1]["mos_score"]) - mos_there).abs() < 0.01);
    assert!((number(&samples[1]["packet_loss_percent"]) - loss_there).abs() < 0.01);
    assert!(
        number(&samples[0]["concealed_percent"]) > 8.0,
        "{}",
        samples[0]
    );
    assert!((number(&samples[0]["rtt_ms"]) - trip).abs() < 0.01);

    let seen = metrics(&node).await;
    for stream in ["received", "sent"] {
        let label = format!("stream=\"{stream}\"");
        for name in [
            "callplane_call_mos",
            "callplane_call_packet_loss_ratio",
            "callplane_rtp_jitter_seconds",
        ] {
            let count = seen.sum(&format!("{name}_count"), &[&label]);
            assert_eq!(count, 1.0, "{name} {stream}");
        }
    }
    let sum = |name: &str| seen.sum(&format!("callplane_call_{name}_sum"), &[]);
    assert!((sum("round_trip_seconds") - trip / 1_000.0).abs() < 1e-6);
    assert!((sum("buffer_seconds") - buffer / 1_000.0).abs() < 1e-6);
    let id = call["call"]["id"].as_str().unwrap();
    assert!(!seen.text().contains(id), "a call is no label");
    let accept = [("Accept", "application/openmetrics-text; version=1.0.0")];
    let admin = node.admin_address().to_string();
    let open = request_with("GET", &admin, "/metrics", &accept, "")
        .await
        .unwrap();
    let exemplar = format!("# {{call_id=\"{id}\"}} ");
    for metric in [
        "callplane_call_mos_bucket{",
        "callplane_call_round_trip_seconds_bucket{",
        "callplane_call_concealed_ratio_bucket{",
    ] {
        let shown = open
            .body
            .lines()
            .any(|line| line.starts_with(metric) && line.contains(&exemplar));
        assert!(shown, "{metric} has no exemplar: {}", open.body);
    }
    node.drain().await;
}
