//! Keys of a handshake (DTLS-SRTP) and checks of addresses (ICE), with baresip at the other end: it does both with libre
//! and OpenSSL.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use callplane_e2e::phones::{Encryption, Speech};
use callplane_e2e::{apart, run};
use callplane_media_node::Running;
use callplane_store::test_util::PostgresServer;
use callplane_store::trunks::{TrunkCodec, TrunkSpec, TrunkSrtp};
use serde_json::Value;

use crate::secure::{Phone, call_in, trunk, world};
use crate::world::{NUMBER, World, digits_flow, keys};

const PATIENCE: Duration = Duration::from_secs(30);
const CALLER: &str = "+15557770001";
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
pub(crate) const PHONE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
/// What the handshake of OpenSSL and ours comes to.
pub(crate) const BEST: &str = "AEAD_AES_256_GCM";
pub(crate) const DTLS: Speech = Speech {
    encryption: Encryption::Dtls,
    ..Speech::PLAIN
};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_the_keys_of_a_handshake_and_the_agent_hear_each_other() {
    for one_port in [false, true] {
        let world = world(TrunkSrtp::Required, TrunkCodec::ALL).await;
        let node = world.node(&[]).await;
        let call = call_in(&world, &node, Speech { one_port, ..DTLS }).await;
        assert_eq!(call["legs"][0]["srtpSuite"], BEST, "{call}");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_forbids_encryption_refuses_a_handshake_as_well() {
    let world = world(TrunkSrtp::Disabled, TrunkCodec::ALL).await;
    let node = world.node(&[]).await;
    let mut phone = Phone::start(&world, CALLER, DTLS).await;
    phone.baresip.dial(NUMBER, world.sip()).await.unwrap();
    let closed = phone.baresip.event("CALL_CLOSED", PATIENCE).await.unwrap();
    assert!(closed.parameter.contains("488"), "{closed:?}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_with_a_certificate_that_we_cannot_read_is_hung_up_with_a_reason() {
    let world = world(TrunkSrtp::Allowed, TrunkCodec::ALL).await;
    let node = world.node(&[]).await;
    let speech = Speech {
        encryption: Encryption::DtlsRsa,
        ..DTLS
    };
    let mut phone = Phone::start(&world, CALLER, speech).await;
    phone.baresip.dial(NUMBER, world.sip()).await.unwrap();
    phone.baresip.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["hangupCause"], "handshake_failed", "{call}");
    assert_eq!(call["legs"][0]["srtpSuite"], Value::Null);
    assert_eq!(
        call["legs"][0]["quality"],
        Value::Null,
        "something was heard"
    );
    node.drain().await;
}

pub(crate) fn log_of(phone: &Phone) -> String {
    let log = phone.voice.with_file_name("baresip.log");
    std::fs::read_to_string(log).unwrap()
}

/// Whether baresip has the keys of a component.
pub(crate) fn secured(log: &str, component: &str) -> bool {
    log.contains(&format!("DTLS-SRTP complete (audio/{component})"))
}

/// Whether the checks of baresip led to somewhere.
pub(crate) fn is_checked(log: &str) -> bool {
    log.contains("ice: audio: connectivity check is complete")
}

/// A network with two addresses that are not loopback, which baresip does not gather.
pub(crate) async fn interface() {
    for words in [
        "link add node type veth peer name phone",
        "addr add 10.99.0.1/24 dev node",
        "addr add 10.99.0.2/24 dev phone",
        "link set node up",
        "link set phone up",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        run("ip", &words, "").await.unwrap();
    }
}

/// A call from a phone that checks where the node is, and its record.
async fn checked_call(world: &World, node: &Running, speech: Speech) -> Value {
    let mut phone = Phone::start_at(PHONE, world, CALLER, speech).await;
    let sip = SocketAddr::from((NODE, world.sip_port));
    phone.baresip.dial(NUMBER, sip).await.unwrap();
    phone.converse().await;
    let call = world.ended_call(node).await;
    phone.compare(node, &call).await;
    assert_eq!(call["variables"]["pin"], "1234");
    let log = log_of(&phone);
    assert!(is_checked(&log), "{log}");
    assert_eq!(secured(&log, "RTP"), speech.encryption == Encryption::Dtls);
    let has_control = speech.encryption == Encryption::Dtls && !speech.one_port;
    assert_eq!(secured(&log, "RTCP"), has_control, "{log}");
    call
}

fn called_over_ice(speech: Speech) -> Value {
    apart(async move || {
        interface().await;
        let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
        let world = World::on(server, digits_flow()).await;
        let spec = TrunkSpec {
            allowed_cidrs: vec!["10.99.0.0/24".to_owned()],
            ..trunk(&world, TrunkSrtp::Allowed, TrunkCodec::ALL)
        };
        world.replace_trunk(&spec, &keys()).await;
        let address = NODE.to_string();
        let node = world
            .node(&["--address", &address, "--bind", &address])
            .await;
        let call = checked_call(&world, &node, speech).await;
        node.drain().await;
        call
    })
}

#[test]
fn a_caller_who_checks_addresses_is_heard_in_plain_rtp() {
    let call = called_over_ice(Speech {
        checked: true,
        ..Speech::PLAIN
    });
    assert_eq!(call["legs"][0]["srtpSuite"], Value::Null);
}

#[test]
fn a_handshake_goes_where_the_checks_lead() {
    for one_port in [false, true] {
        let call = called_over_ice(Speech {
            checked: true,
            one_port,
            ..DTLS
        });
        assert_eq!(call["legs"][0]["srtpSuite"], BEST, "{call}");
    }
}
