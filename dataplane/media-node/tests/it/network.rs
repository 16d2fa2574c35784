//! A network as it is on a bad day: bursts of loss that nftables makes, and packets that take now more and now less time.
//! The kernel's own delays (tc netem) are not in every kernel, so these are the relay's.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use callplane_audio::{Cadence, Tone, ToneGenerator};
use callplane_e2e::phones::Baresip;
use callplane_e2e::sound::Wav;
use callplane_e2e::{apart, counted, rules, until};
use callplane_media_node::Running;
use callplane_store::test_util::PostgresServer;
use serde_json::Value;

use crate::relay::{Relay, Weather};
use crate::world::{NUMBER, World, digits_flow, phone_port, recording_of};

const PATIENCE: Duration = Duration::from_secs(60);
const PIN: &str = "402957183642";
/// Samples of 20 ms in a recording.
const FRAME: usize = 160;

/// Five packets in a hundred of each way, four at a time: one in 80 opens a burst, which takes what else comes within 70 ms.
fn bursts(relay: &Relay) -> String {
    let mut text = "table inet weather {\n\
                    set bursts { type inet_service; flags dynamic, timeout; }\n\
                    counter of_phone { }\ncounter of_node { }\n\
                    chain arrives {\ntype filter hook input priority 0;\n"
        .to_owned();
    for (port, counter) in relay.rtp.iter().zip(["of_phone", "of_node"]) {
        text.push_str(&format!(
            "udp sport {port} udp sport @bursts counter name {counter} drop\n\
             udp sport {port} numgen inc mod 80 == 79 add @bursts {{ udp sport timeout 70ms }} counter name {counter} drop\n"
        ));
    }
    text + "}\n}\n"
}

/// What a call was like.
struct Heard {
    call: Value,
    /// Frames of the caller in the recording.
    frames: Vec<Vec<f32>>,
    /// Packets that the network lost: of the phone, and of the node.
    lost: [u64; 2],
}

/// A call of a phone that sings one tone and presses keys, over a network that is bad or not.
async fn call_over(world: &World, node: &Running, number: &str, is_bad: bool) -> Heard {
    let weather = Weather {
        lost_of_phone: u64::MAX,
        lost_of_node: u64::MAX,
        one_way: Duration::from_millis(20),
        jitter: Duration::from_millis(if is_bad { 60 } else { 0 }),
    };
    let phone = SocketAddr::from((Ipv4Addr::LOCALHOST, phone_port()));
    let relay = Relay::start(phone, world.sip(), weather).await;
    if is_bad {
        rules(&bursts(&relay)).await.unwrap();
    }
    let folder = world.folder.path().join(format!("phone-{}", phone.port()));
    std::fs::create_dir_all(&folder).unwrap();
    let voice = folder.join("voice.wav");
    let mut samples = vec![0; 8_000 * 60];
    ToneGenerator::new(Tone::BEEP, Cadence::STEADY, 8_000).fill(&mut samples);
    let wav = Wav {
        rate: 8_000,
        channels: 1,
        samples,
    };
    wav.write(&voice).unwrap();
    let mut baresip = Baresip::start(&folder, phone, number, &voice)
        .await
        .unwrap();
    baresip.dial(NUMBER, relay.sip).await.unwrap();
    baresip.event("CALL_ESTABLISHED", PATIENCE).await.unwrap();
    until("the phone has heard for long", PATIENCE, async || {
        Ok((baresip.heard()?.seconds() > 12.0).then_some(()))
    })
    .await
    .unwrap();
    baresip.press(PIN).await.unwrap();
    baresip.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call_from(node, number).await;
    let lost = match is_bad {
        true => [
            counted("weather", "of_phone").await.unwrap(),
            counted("weather", "of_node").await.unwrap(),
        ],
        false => [0, 0],
    };
    let id = call["call"]["id"].as_str().unwrap();
    let recording = recording_of(node.control_address(), id).await.unwrap();
    let file = folder.join("recording.wav");
    std::fs::write(&file, recording.unwrap()).unwrap();
    let caller = Wav::read(&file).unwrap().channel(0, 8_000);
    let frames = caller.chunks_exact(FRAME).map(<[f32]>::to_vec).collect();
    Heard { call, frames, lost }
}

impl Heard {
    /// Frames in which nothing was heard, between the second second and the keys: there the tone never pauses.
    fn silent(&self) -> usize {
        let energy = |frame: &Vec<f32>| frame.iter().map(|sample| sample.powi(2)).sum::<f32>();
        let frames = &self.frames[100..600];
        let mut energies: Vec<f32> = frames.iter().map(energy).collect();
        energies.sort_by(f32::total_cmp);
        let usual = energies[energies.len() / 2];
        assert!(usual > 0.0, "the tone was not heard");
        energies
            .iter()
            .filter(|energy| **energy < usual / 100.0)
            .count()
    }

    fn quality(&self, name: &str) -> f64 {
        let quality = &self.call["legs"][0]["quality"];
        let value = quality[name].as_f64();
        value.unwrap_or_else(|| panic!("{name} is no number: {quality}"))
    }
}

#[test]
fn keys_are_exact_and_gaps_concealed_through_bursts_of_loss_and_sixty_milliseconds_of_jitter() {
    apart(async || {
        let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
        let mut flow = digits_flow();
        let collect = &mut flow["nodes"]["pin"]["collect"];
        collect["timeoutSeconds"] = 40.into();
        collect["digits"] = serde_json::json!({"min": PIN.len(), "max": PIN.len()});
        let world = World::on(server, flow).await;
        let node = world.node(&[]).await;

        let good = call_over(&world, &node, "+15557770001", false);
        let bad = call_over(&world, &node, "+15557770002", true);
        let (good, bad) = futures::join!(good, bad);
        // What is held against the bad network is the network's doing.
        assert_eq!(good.call["variables"]["pin"], PIN, "{}", good.call);
        assert_eq!(good.quality("packetsLost"), 0.0);
        assert!(
            good.quality("maxJitterMs") < 15.0,
            "{}",
            good.call["quality"]
        );

        let [of_phone, of_node] = bad.lost;
        println!(
            "lost {of_phone} of the phone, {of_node} of the node: {}",
            bad.call["quality"]
        );
        println!(
            "silent frames: {} of 500, {} on a good day",
            bad.silent(),
            good.silent()
        );
        assert_eq!(bad.call["variables"]["pin"], PIN, "{}", bad.call);
        assert!(
            of_phone >= 30 && of_node >= 20,
            "{of_phone} and {of_node} were lost"
        );
        // Who loses the last ones cannot know of them.
        let told = bad.quality("packetsLost");
        let lost = of_phone as f64;
        assert!(told <= lost && told + 5.0 >= lost, "{told} of {lost}");
        let percent = bad.quality("packetLossPercent");
        assert!((3.5..=8.0).contains(&percent), "{}", bad.call["quality"]);
        assert!(
            bad.quality("concealedMs") >= told * 14.0,
            "{}",
            bad.call["quality"]
        );
        assert!(bad.quality("maxJitterMs") > 10.0, "{}", bad.call["quality"]);
        assert!(bad.quality("bufferMs") > good.quality("bufferMs") + 10.0);
        // A gap that is not concealed is silence: then all of them were.
        let left = bad.silent() as f64;
        assert!(
            left <= told * 0.4,
            "{left} silent frames of {told} lost ones"
        );
        node.drain().await;
    });
}
