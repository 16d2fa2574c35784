//! A caller who is connected with a person, both with phones of others.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use callplane_e2e::phones::{Callee, Caller, Carrier, Encryption, Sipp, Speech};
use callplane_e2e::sound::Wav;
use callplane_e2e::until;
use callplane_media_node::Running;
use callplane_store::trunks::{TrunkCodec, TrunkKeyExchange, TrunkSpec, TrunkSrtp};
use serde_json::{Value, json};

use crate::dtls::BEST;
use crate::secure::{Phone, likeness, trunk};
use crate::world::{NUMBER, World, keys, metrics, recording_of};

const PATIENCE: Duration = Duration::from_secs(40);
const CALLER: &str = "+15557770001";
const COLLEAGUE: &str = "+15559990007";

fn flow() -> Value {
    json!({
        "start": "connect",
        "nodes": {
            "connect": {
                "transfer": {"to": COLLEAGUE, "ringSeconds": 8},
                "edges": [{"to": "nobody", "event": "notReached"}, {"to": "bye"}],
            },
            "nobody": {"hangup": {"outcome": "not_reached"}},
            "bye": {"hangup": {"outcome": "talked"}},
        },
    })
}

/// Whether `heard` by one phone what the other said.
fn heard(phone: &Phone, other: &Phone) -> f64 {
    let said = Wav::read(&other.voice).unwrap().channel(0, 2_000);
    let heard = phone.baresip.heard().unwrap().channel(0, 2_000);
    likeness(&heard, &said[2_000..4_000])
}

/// A caller and a colleague talk; what is on record of it.
async fn talk(caller: Speech, colleague: Speech) -> (World, Running, Value) {
    talk_in(World::new(flow()).await, caller, colleague).await
}

async fn talk_in(world: World, caller: Speech, colleague: Speech) -> (World, Running, Value) {
    let mut colleague = Phone::start(&world, COLLEAGUE, colleague).await;
    let routes = HashMap::from([(COLLEAGUE.to_owned(), colleague.address)]);
    let _carrier = Carrier::start(world.carrier(), routes).await.unwrap();
    let node = world.node(&[]).await;
    let mut caller = Phone::start(&world, CALLER, caller).await;
    caller.baresip.dial(NUMBER, world.sip()).await.unwrap();
    for phone in [&mut caller, &mut colleague] {
        let established = phone.baresip.event("CALL_ESTABLISHED", PATIENCE).await;
        established.unwrap();
    }
    let long_enough = 6.0;
    until("both have heard something", PATIENCE, async || {
        let caller = caller.baresip.heard()?.seconds();
        let colleague = colleague.baresip.heard()?.seconds();
        Ok((caller > long_enough && colleague > long_enough).then_some(()))
    })
    .await
    .unwrap();
    colleague.baresip.hang_up().await.unwrap();
    caller.baresip.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let like = (heard(&caller, &colleague), heard(&colleague, &caller));
    assert!(like.0 > 0.9 && like.1 > 0.9, "{like:?}");
    let call = world.ended_call(&node).await;
    let id = call["call"]["id"].as_str().unwrap();
    let wav = recording_of(node.control_address(), id).await.unwrap();
    let like = recorded(&caller, &colleague, &wav.unwrap());
    assert!(like.0 > 0.9 && like.1 > 0.9, "{like:?}");
    (world, node, call)
}

/// How well each side is on its channel of the recording.
fn recorded(caller: &Phone, colleague: &Phone, wav: &[u8]) -> (f64, f64) {
    let file: &Path = &caller.voice.with_file_name("recording.wav");
    std::fs::write(file, wav).unwrap();
    let recording = Wav::read(file).unwrap();
    let like = |phone: &Phone, channel| {
        let said = Wav::read(&phone.voice).unwrap().channel(0, 2_000);
        likeness(&recording.channel(channel, 2_000), &said[2_000..4_000])
    };
    (like(caller, 0), like(colleague, 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_and_a_colleague_hear_each_other_and_both_legs_are_on_record() {
    let (_world, node, call) = talk(Speech::default(), Speech::default()).await;
    assert_eq!(call["call"]["outcome"], "talked");
    let legs = call["legs"].as_array().unwrap();
    assert_eq!(legs.len(), 2, "{legs:?}");
    let leg = legs.iter().find(|leg| leg["kind"] == "transfer").unwrap();
    assert_eq!(leg["codec"], "PCMU");
    assert_eq!(leg["hangupCause"], "normal_clearing");
    assert!(leg["to"].as_str().unwrap().contains(COLLEAGUE));
    let events = call["events"].as_array().unwrap();
    let has = |word: &str| events.iter().any(|event| event["type"] == word);
    assert!(has("transfer_started") && has("transferred") && has("transfer_ended"));
    let seen = metrics(&node).await;
    assert_eq!(seen.sum("callplane_rtp_packets_refused_total", &[]), 0.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_of_different_codecs_hear_each_other() {
    let speaks = |codecs| Speech {
        codecs,
        ..Speech::PLAIN
    };
    let (_world, node, call) = talk(speaks("PCMU"), speaks("G722/16000")).await;
    let legs = call["legs"].as_array().unwrap();
    let codec = |kind| &legs.iter().find(|leg| leg["kind"] == kind).unwrap()["codec"];
    assert_eq!(
        (codec("caller"), codec("transfer")),
        (&json!("PCMU"), &json!("G722"))
    );
    assert!(TrunkCodec::ALL.contains(&TrunkCodec::G722));
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_is_called_with_a_handshake_where_the_trunk_says_so() {
    let speaks = |encryption| Speech {
        encryption,
        ..Speech::PLAIN
    };
    let world = World::new(flow()).await;
    let spec = TrunkSpec {
        key_exchange: TrunkKeyExchange::Dtls,
        ..trunk(&world, TrunkSrtp::Required, TrunkCodec::ALL)
    };
    world.replace_trunk(&spec, &keys()).await;
    // What callers offer is taken all the same.
    let (caller, colleague) = (speaks(Encryption::Sdes), speaks(Encryption::Dtls));
    let (_world, node, call) = talk_in(world, caller, colleague).await;
    let legs = call["legs"].as_array().unwrap();
    let suite = |kind| &legs.iter().find(|leg| leg["kind"] == kind).unwrap()["srtpSuite"];
    assert_eq!(
        (suite("caller"), suite("transfer")),
        (&json!("AES_CM_128_HMAC_SHA1_80"), &json!(BEST))
    );
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_who_is_busy_or_rings_on_is_not_reached() {
    for (callee, cause) in [
        (Callee::Refuses(486), "user_busy"),
        (Callee::Rings, "no_answer"),
    ] {
        let world = World::new(flow()).await;
        let folder = world.folder.path().join("colleague");
        std::fs::create_dir_all(&folder).unwrap();
        let colleague = Sipp::listen(&folder, world.carrier(), &callee)
            .await
            .unwrap();
        let node = world.node(&[]).await;
        let caller = world.call(&Caller::listening(CALLER), 1);
        caller.finish(PATIENCE).await.unwrap();
        let call = world.ended_call(&node).await;
        assert_eq!(call["call"]["outcome"], "not_reached");
        let legs = call["legs"].as_array().unwrap();
        let leg = legs.iter().find(|leg| leg["kind"] == "transfer").unwrap();
        assert_eq!(leg["hangupCause"], cause);
        assert_eq!(colleague.report().unwrap().invites(), 1);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_ends_the_call_of_the_colleague() {
    let world = World::new(flow()).await;
    let folder = world.folder.path().join("colleague");
    std::fs::create_dir_all(&folder).unwrap();
    let answers = Callee::Answers {
        ring: 0.2,
        steps: Vec::new(),
        hang_up_after: None,
    };
    let colleague = Sipp::listen(&folder, world.carrier(), &answers)
        .await
        .unwrap();
    let node = world.node(&[]).await;
    let caller = Caller {
        hang_up_after: Some(3.0),
        ..Caller::listening(CALLER)
    };
    world.call(&caller, 1).finish(PATIENCE).await.unwrap();
    until("the colleague is hung up on", PATIENCE, async || {
        let report = colleague.report()?;
        let mut received = report.received().iter();
        Ok(received
            .any(|message| message.starts_with("BYE "))
            .then_some(()))
    })
    .await
    .unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["hangupCause"], "normal_clearing");
    assert_eq!(call["call"]["hangupParty"], "caller");
    node.drain().await;
}
