//! A phone behind a NAT that forgets it in the middle of a call.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use callplane_e2e::phones::Baresip;
use callplane_e2e::sound::say_at;
use callplane_e2e::until;

use crate::relay::{Relay, Weather};
use crate::world::{NUMBER, World, digits_flow, metrics, phone_port};

const PATIENCE: Duration = Duration::from_secs(40);
const CLEAR: Weather = Weather {
    lost_of_phone: u64::MAX,
    lost_of_node: u64::MAX,
    one_way: Duration::ZERO,
    jitter: Duration::ZERO,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_nat_gives_it_another_port_is_heard_again_and_hears() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let world = World::new(flow).await;
    let node = world.node(&[]).await;
    let phone = SocketAddr::from((Ipv4Addr::LOCALHOST, phone_port()));
    let mut relay = Relay::start(phone, world.sip(), CLEAR).await;
    let folder = world.folder.path().join("phone");
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
    let hears = async |baresip: &Baresip, seconds: f64| {
        until("the phone has heard for long", PATIENCE, async || {
            Ok((baresip.heard()?.seconds() > seconds).then_some(()))
        })
        .await
        .unwrap();
    };
    hears(&baresip, 4.0).await;
    let refused = async || {
        let metrics = metrics(&node).await;
        metrics.sum("callplane_rtp_packets_refused_total", &[])
    };
    assert_eq!(refused().await, 0.0);

    relay.rebind().await;
    // What it hears stops until the node has followed.
    let before = baresip.heard().unwrap().seconds();
    hears(&baresip, before + 3.0).await;
    baresip.press("1234").await.unwrap();
    baresip.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], "1234", "{call}");
    assert_eq!(call["call"]["hangupCause"], "normal_clearing");
    // For half a second the other port is a stranger's.
    let refused = refused().await;
    assert!((15.0..=60.0).contains(&refused), "{refused} were refused");
    let lost = call["quality"]["packetsLost"].as_f64().unwrap();
    assert!((15.0..=60.0).contains(&lost), "{}", call["quality"]);
    node.drain().await;
}
