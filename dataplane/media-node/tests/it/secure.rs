//! Encrypted media, wideband audio and Opus, with baresip at the other end: it encrypts with libsrtp
//! and codes with spandsp and libopus.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use callplane_e2e::phones::{Baresip, Caller, Carrier, Encryption, Speech};
use callplane_e2e::sound::{Wav, best_match, say_at};
use callplane_e2e::{get, until};
use callplane_flow::{AgentSettings, AudioCodec};
use callplane_media_node::Running;
use callplane_store::campaigns::RecipientOutcome;
use callplane_store::trunks::{
    TrunkCodec, TrunkDirection, TrunkKeyExchange, TrunkSpec, TrunkSrtp, TrunkTransport,
};
use callplane_types::TrunkId;
use serde_json::Value;
use tokio::process::Command;
use uuid::Uuid;

use crate::hand::Hand;
use crate::opus::decoded;
use crate::world::{
    NUMBER, World, digits_flow, free_port, keys, metrics, object, phone_port, recording_of,
};

const PATIENCE: Duration = Duration::from_secs(30);
const CALLER: &str = "+15557770001";
const ENCRYPTED: Speech = Speech {
    encryption: Encryption::Sdes,
    ..Speech::PLAIN
};

pub(crate) async fn world(srtp: TrunkSrtp, codecs: &[TrunkCodec]) -> World {
    world_of_agent(srtp, codecs, AgentSettings::default()).await
}

async fn world_of_agent(srtp: TrunkSrtp, codecs: &[TrunkCodec], settings: AgentSettings) -> World {
    let world = World::with_agent(digits_flow(), settings).await;
    let spec = trunk(&world, srtp, codecs);
    world.replace_trunk(&spec, &keys()).await;
    world
}

/// The trunk of a world.
pub(crate) fn trunk(world: &World, srtp: TrunkSrtp, codecs: &[TrunkCodec]) -> TrunkSpec {
    TrunkSpec {
        id: TrunkId::new(Uuid::now_v7()),
        object: object("carrier"),
        spec_hash: "2".to_owned(),
        addresses: vec![world.carrier().to_string()],
        allowed_cidrs: vec!["127.0.0.0/8".to_owned()],
        transport: TrunkTransport::Udp,
        direction: TrunkDirection::Both,
        srtp,
        key_exchange: TrunkKeyExchange::Sdes,
        codecs: codecs.to_vec(),
        max_calls: None,
        auth: None,
    }
}

/// A phone that says something from its first second on.
pub(crate) struct Phone {
    pub(crate) baresip: Baresip,
    pub(crate) voice: PathBuf,
    pub(crate) address: SocketAddr,
    /// Samples that may pass before the agent begins: where keys come of a handshake, it waits for them.
    begins_within: usize,
}

impl Phone {
    pub(crate) async fn start(world: &World, number: &str, speech: Speech) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, world, number, speech).await
    }

    /// As [`Phone::start`], at another address of this machine.
    pub(crate) async fn start_at(
        address: Ipv4Addr,
        world: &World,
        number: &str,
        speech: Speech,
    ) -> Self {
        let address = SocketAddr::from((address, phone_port()));
        let folder = world
            .folder
            .path()
            .join(format!("baresip-{}", address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let voice = folder.join("voice.wav");
        say_at(&[(1.0, "billing please")], "rms", 20.0, &folder, &voice)
            .await
            .unwrap();
        let begins_within = match speech.encryption {
            Encryption::Dtls => 3 * 8_000,
            _ => 8_000,
        };
        let baresip = Baresip::speaking(speech, &folder, address, number, &voice)
            .await
            .unwrap();
        Self {
            baresip,
            voice,
            address,
            begins_within,
        }
    }

    /// Speaks, presses four keys once the agent was heard, and waits for the end.
    pub(crate) async fn converse(&mut self) {
        self.baresip
            .event("CALL_ESTABLISHED", PATIENCE)
            .await
            .unwrap();
        until("the agent is heard", PATIENCE, async || {
            Ok((self.baresip.heard()?.seconds() > 4.0).then_some(()))
        })
        .await
        .unwrap();
        self.baresip.press("1234").await.unwrap();
        self.baresip.event("CALL_CLOSED", PATIENCE).await.unwrap();
    }

    /// Whether each side heard the other, held against the recording of the call.
    pub(crate) async fn compare(&self, node: &Running, call: &Value) {
        let id = call["call"]["id"].as_str().unwrap();
        let wav = recording_of(node.control_address(), id).await.unwrap();
        let wav = wav.unwrap();
        let file = self.voice.with_file_name("recording.wav");
        std::fs::write(&file, &wav).unwrap();
        let recording = match wav.starts_with(b"OggS") {
            true => decoded(&file).await,
            false => Wav::read(&file).unwrap(),
        };
        let said = Wav::read(&self.voice).unwrap().channel(0, 2_000);
        let like = likeness(&recording.channel(0, 2_000), &said[2_000..4_000]);
        assert!(like > 0.9, "the agent heard the phone like {like}");
        let said = recording.channel(1, 8_000);
        let begins = said.iter().position(|sample| *sample != 0.0);
        let begins = begins.expect("the agent says something");
        assert!(
            begins <= self.begins_within,
            "the agent begins after {begins} samples"
        );
        let said = &said[begins..];
        let heard = self.baresip.heard().unwrap().channel(0, 8_000);
        let like = likeness(&heard, &said[..8_000]);
        assert!(like > 0.9, "the phone heard the agent like {like}");
    }
}

/// How well the best third of what was said was heard: a machine that is busy makes phones late, and
/// a jitter buffer that waits or skips moves what comes after.
pub(crate) fn likeness(heard: &[f32], said: &[f32]) -> f64 {
    let energy = |samples: &[f32]| samples.iter().map(|sample| sample.powi(2)).sum::<f32>();
    said.chunks_exact(said.len() / 3)
        .filter(|part| energy(part) > energy(said) / 6.0)
        .map(|part| best_match(heard, part).0)
        .fold(0.0, f64::max)
}

/// A call from baresip to the agent and back, and its record.
pub(crate) async fn call_in(world: &World, node: &Running, speech: Speech) -> Value {
    let mut phone = Phone::start(world, CALLER, speech).await;
    phone.baresip.dial(NUMBER, world.sip()).await.unwrap();
    phone.converse().await;
    let call = world.ended_call(node).await;
    phone.compare(node, &call).await;
    assert_eq!(call["variables"]["pin"], "1234");
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_caller_and_the_agent_hear_each_other() {
    let world = world(TrunkSrtp::Required, TrunkCodec::ALL).await;
    let node = world.node(&[]).await;
    let call = call_in(&world, &node, ENCRYPTED).await;
    let leg = &call["legs"][0];
    assert_eq!(leg["codec"], "PCMU");
    assert_eq!(leg["srtpSuite"], "AES_CM_128_HMAC_SHA1_80", "{leg}");
    assert_eq!(
        metrics(&node)
            .await
            .sum("callplane_rtp_packets_refused_total", &[]),
        0.0
    );
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_allows_it_takes_encrypted_and_plain_calls() {
    let world = world(TrunkSrtp::Allowed, TrunkCodec::ALL).await;
    let node = world.node(&[]).await;
    let call = call_in(&world, &node, Speech::default()).await;
    assert_eq!(call["legs"][0]["srtpSuite"], Value::Null);
    let mut phone = Phone::start(&world, "+15557770002", ENCRYPTED).await;
    phone.baresip.dial(NUMBER, world.sip()).await.unwrap();
    phone.converse().await;
    let call = world.ended_call_from(&node, "+15557770002").await;
    phone.compare(&node, &call).await;
    assert!(call["legs"][0]["srtpSuite"].is_string(), "{call}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_requires_it_refuses_plain_calls_and_the_reverse() {
    let required = world(TrunkSrtp::Required, TrunkCodec::ALL).await;
    let node = required.node(&[]).await;
    let plain = required.call(&Caller::listening(CALLER), 1);
    let refusal = plain.finish(PATIENCE).await.unwrap_err().to_string();
    assert!(refusal.contains("488"), "{refusal}");
    let call = required.ended_call(&node).await;
    assert_eq!(call["call"]["hangupCause"], "incompatible_destination");
    let reason = call["call"]["statusReason"].as_str().unwrap();
    assert!(reason.contains("encryption"), "{reason}");
    node.drain().await;

    let disabled = world(TrunkSrtp::Disabled, TrunkCodec::ALL).await;
    let node = disabled.node(&[]).await;
    let mut phone = Phone::start(&disabled, CALLER, ENCRYPTED).await;
    phone.baresip.dial(NUMBER, disabled.sip()).await.unwrap();
    let closed = phone.baresip.event("CALL_CLOSED", PATIENCE).await.unwrap();
    assert!(closed.parameter.contains("488"), "{closed:?}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_campaign_is_encrypted_where_its_trunk_requires_it() {
    let number = "+15559990001";
    let world = world(TrunkSrtp::Required, TrunkCodec::ALL).await;
    let mut phone = Phone::start(&world, number, ENCRYPTED).await;
    let routes = HashMap::from([(number.to_owned(), phone.address)]);
    let _carrier = Carrier::start(world.carrier(), routes).await.unwrap();
    let node = world.node(&[]).await;
    let campaign = world.campaign(&[number]).await;
    phone.converse().await;
    let recipients = world.settled(campaign).await;
    assert_eq!(recipients[0].outcome, Some(RecipientOutcome::Answered));
    let call = world.ended_call(&node).await;
    phone.compare(&node, &call).await;
    assert_eq!(call["variables"]["pin"], "1234");
    assert!(call["legs"][0]["srtpSuite"].is_string(), "{call}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wideband_callers_and_the_agent_hear_each_other() {
    let world = world(TrunkSrtp::Allowed, &[TrunkCodec::G722, TrunkCodec::Pcma]).await;
    let node = world.node(&[]).await;
    let speech = Speech {
        codecs: "PCMU,PCMA,G722/16000",
        ..ENCRYPTED
    };
    let call = call_in(&world, &node, speech).await;
    assert_eq!(call["legs"][0]["codec"], "G722");
    assert!(call["legs"][0]["srtpSuite"].is_string(), "{call}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_spoken_with_in_the_codec_that_it_prefers_of_its_trunk() {
    let settings = AgentSettings {
        codecs: vec![AudioCodec::Opus, AudioCodec::Pcma],
        ..AgentSettings::default()
    };
    let trunk = [TrunkCodec::G722, TrunkCodec::Pcmu, TrunkCodec::Pcma];
    let world = world_of_agent(TrunkSrtp::Disabled, &trunk, settings).await;
    let node = world.node(&[]).await;
    let speech = Speech {
        codecs: "G722/16000,PCMU,PCMA,opus/48000/2",
        ..Speech::PLAIN
    };
    let call = call_in(&world, &node, speech).await;
    assert_eq!(call["legs"][0]["codec"], "PCMA");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_and_the_agent_hear_each_other_in_opus_plain_and_encrypted() {
    let world = world(TrunkSrtp::Allowed, &[TrunkCodec::Opus, TrunkCodec::Pcma]).await;
    let node = world.node(&[]).await;
    for (encryption, caller) in [
        (Encryption::None, CALLER),
        (Encryption::Sdes, "+15557770002"),
    ] {
        let speech = Speech {
            codecs: "PCMA,opus/48000/2",
            encryption,
            ..Speech::PLAIN
        };
        let mut phone = Phone::start(&world, caller, speech).await;
        phone.baresip.dial(NUMBER, world.sip()).await.unwrap();
        phone.converse().await;
        let call = world.ended_call_from(&node, caller).await;
        phone.compare(&node, &call).await;
        assert_eq!(call["variables"]["pin"], "1234");
        assert_eq!(call["legs"][0]["codec"], "opus");
        assert_eq!(
            call["legs"][0]["srtpSuite"].is_string(),
            encryption == Encryption::Sdes,
            "{call}"
        );
    }
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_campaign_offers_opus_and_is_spoken_in_it() {
    let number = "+15559990001";
    let world = world(TrunkSrtp::Disabled, &[TrunkCodec::Opus, TrunkCodec::Pcma]).await;
    let speech = Speech {
        codecs: "opus/48000/2",
        ..Speech::PLAIN
    };
    let mut phone = Phone::start(&world, number, speech).await;
    let routes = HashMap::from([(number.to_owned(), phone.address)]);
    let _carrier = Carrier::start(world.carrier(), routes).await.unwrap();
    let node = world.node(&[]).await;
    let campaign = world.campaign(&[number]).await;
    phone.converse().await;
    let recipients = world.settled(campaign).await;
    assert_eq!(recipients[0].outcome, Some(RecipientOutcome::Answered));
    let call = world.ended_call(&node).await;
    phone.compare(&node, &call).await;
    assert_eq!(call["variables"]["pin"], "1234");
    assert_eq!(call["legs"][0]["codec"], "opus");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_may_be_longer_and_shorter_than_usual() {
    let world = world(TrunkSrtp::Allowed, TrunkCodec::ALL).await;
    let node = world.node(&[]).await;
    for (codecs, packet_time, caller) in [
        ("PCMU", 40, "+15557770003"),
        ("G722/16000", 10, "+15557770004"),
        ("opus/48000/2", 60, "+15557770005"),
    ] {
        let speech = Speech {
            codecs,
            packet_time,
            ..Speech::PLAIN
        };
        let mut phone = Phone::start(&world, caller, speech).await;
        phone.baresip.dial(NUMBER, world.sip()).await.unwrap();
        phone.converse().await;
        let call = world.ended_call_from(&node, caller).await;
        phone.compare(&node, &call).await;
        assert_eq!(call["variables"]["pin"], "1234", "{codecs}");
        // Keys take packets of their own, and the phone is there a little before and after.
        let quality = &call["quality"];
        let received = quality["packetsReceived"].as_f64().unwrap();
        let seconds = call["call"]["durationSeconds"].as_f64().unwrap();
        let each = seconds * 1_000.0 / received;
        let wanted = f64::from(packet_time);
        assert!(
            each > wanted * 0.6 && each < wanted * 1.5,
            "{codecs}: {each} ms each"
        );
    }
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_send_to_an_encrypted_call_changes_nothing() {
    let world = world(TrunkSrtp::Required, TrunkCodec::ALL).await;
    let node = world.node(&[]).await;
    let mut phone = Phone::start(&world, CALLER, ENCRYPTED).await;
    phone.baresip.dial(NUMBER, world.sip()).await.unwrap();
    let first = world.rtp_ports;
    let flood = tokio::task::spawn_blocking(move || flood(first));
    phone.converse().await;
    flood.await.unwrap();
    let call = world.ended_call(&node).await;
    phone.compare(&node, &call).await;
    assert_eq!(call["variables"]["pin"], "1234");
    let refused = metrics(&node).await;
    let refused = refused.sum("callplane_rtp_packets_refused_total", &[]);
    assert!(refused > 100.0, "{refused}");
    node.drain().await;
}

/// Three seconds of packets to every port of the node: plain ones that would be taken of a plain
/// call, and such as might be encrypted.
fn flood(first: u16) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for sequence in 0..150u8 {
        for length in [172, 182, 13] {
            let mut packet = vec![sequence; length];
            packet[..4].copy_from_slice(&[0x80, 0, 0, sequence]);
            packet[8..12].copy_from_slice(b"evil");
            for port in first..first + 80 {
                // A port that nobody listens on says so with the next packet.
                let _ = socket.send_to(&packet, (Ipv4Addr::LOCALHOST, port));
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_not_in_the_log_however_much_is_logged() {
    const THEIRS: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let world = world(TrunkSrtp::Required, TrunkCodec::ALL).await;
    let log = world.folder.path().join("node.log");
    let mut node = logging_node(&world, &log).await;
    let hand = Hand::new(&world).await;
    let invite = hand.invite("keys", 1, "");
    let (head, sdp) = invite.split_once("\r\n\r\n").unwrap();
    let sdp = sdp.replace("RTP/AVP", "RTP/SAVP");
    let sdp = format!("{sdp}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{THEIRS}\r\n");
    let head = head.split("Content-Length").next().unwrap();
    let invite = format!("{head}Content-Length: {}\r\n\r\n{sdp}", sdp.len());
    hand.send(invite.as_bytes()).await;
    let answer = hand.answer().await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    hand.acknowledge(&answer, "keys", 1).await;
    hand.hang_up(&answer, "keys").await;
    node.kill().await.unwrap();

    let ours = answer.split("inline:").nth(1).unwrap().lines().next();
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.len() > 1_000, "there is a log");
    for secret in [THEIRS, ours.unwrap(), "inline:"] {
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
    // Octets as numbers would be as bad.
    let numbers: Vec<String> = THEIRS.bytes().map(|octet| octet.to_string()).collect();
    assert!(!logged.contains(&numbers.join(", ")), "{logged}");
}

async fn logging_node(world: &World, log: &Path) -> tokio::process::Child {
    let admin = format!("127.0.0.1:{}", free_port());
    let file = std::fs::File::create(log).unwrap();
    let node = Command::new(env!("CARGO_BIN_EXE_callplane-media-node"))
        .args(world.arguments(&["--metrics", &admin, "--log", "trace"]))
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("the node is ready", PATIENCE, async || {
        Ok((get(&admin, "/readyz").await?.status == 200).then_some(()))
    })
    .await
    .unwrap();
    node
}
