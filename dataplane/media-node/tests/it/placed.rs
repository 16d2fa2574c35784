//! Where the keys of media are from when a trunk carries our offers, with phones that speak one way and no other.

use std::net::Ipv4Addr;

use callplane_e2e::apart;
use callplane_e2e::phones::{Encryption, Speech};
use callplane_media_node::Running;
use callplane_store::campaigns::RecipientOutcome;
use callplane_store::test_util::PostgresServer;
use callplane_store::trunks::{TrunkCodec, TrunkKeyExchange, TrunkSpec, TrunkSrtp};
use serde_json::Value;

use crate::dtls::{BEST, DTLS, NODE, PHONE, interface, is_checked, log_of, secured};
use crate::hand::Hand;
use crate::secure::{Phone, trunk};
use crate::world::{World, digits_flow, keys};

const CALLED: &str = "+15559990001";
const SDES: Speech = Speech {
    encryption: Encryption::Sdes,
    ..Speech::PLAIN
};

/// A phone that is where the trunk of the world leads, which encrypts always.
async fn phone_behind(
    world: &World,
    key_exchange: TrunkKeyExchange,
    address: Ipv4Addr,
    speech: Speech,
) -> Phone {
    let phone = Phone::start_at(address, world, CALLED, speech).await;
    let spec = TrunkSpec {
        addresses: vec![phone.address.to_string()],
        key_exchange,
        ..trunk(world, TrunkSrtp::Required, TrunkCodec::ALL)
    };
    world.replace_trunk(&spec, &keys()).await;
    phone
}

/// The agent calls the phone and both talk; the record of it.
async fn spoken_with(world: &World, node: &Running, phone: &mut Phone) -> Value {
    let campaign = world.campaign(&[CALLED]).await;
    phone.converse().await;
    let recipients = world.settled(campaign).await;
    assert_eq!(recipients[0].outcome, Some(RecipientOutcome::Answered));
    let call = world.ended_call(node).await;
    phone.compare(node, &call).await;
    assert_eq!(call["variables"]["pin"], "1234");
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_is_called_with_a_handshake_and_the_agent_hear_each_other() {
    for one_port in [false, true] {
        let world = World::new(digits_flow()).await;
        let speech = Speech { one_port, ..DTLS };
        let dtls = TrunkKeyExchange::Dtls;
        let mut phone = phone_behind(&world, dtls, Ipv4Addr::LOCALHOST, speech).await;
        let node = world.node(&[]).await;
        let call = spoken_with(&world, &node, &mut phone).await;
        assert_eq!(call["legs"][0]["srtpSuite"], BEST, "{call}");
        let log = log_of(&phone);
        assert!(secured(&log, "RTP"), "{log}");
        assert_eq!(secured(&log, "RTCP"), !one_port, "{log}");
        node.drain().await;
    }
}

#[test]
fn a_phone_that_is_called_with_a_handshake_checks_addresses_where_it_can() {
    apart(async || {
        interface().await;
        let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
        let world = World::on(server, digits_flow()).await;
        let speech = Speech {
            checked: true,
            one_port: true,
            ..DTLS
        };
        let mut phone = phone_behind(&world, TrunkKeyExchange::Dtls, PHONE, speech).await;
        let address = NODE.to_string();
        let node = world
            .node(&["--address", &address, "--bind", &address])
            .await;
        let call = spoken_with(&world, &node, &mut phone).await;
        assert_eq!(call["legs"][0]["srtpSuite"], BEST, "{call}");
        let log = log_of(&phone);
        assert!(is_checked(&log) && secured(&log, "RTP"), "{log}");
        node.drain().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_lacks_what_its_trunk_offers_is_not_spoken_with() {
    for (speech, key_exchange) in [
        (DTLS, TrunkKeyExchange::Sdes),
        (SDES, TrunkKeyExchange::Dtls),
    ] {
        let world = World::new(digits_flow()).await;
        let phone = phone_behind(&world, key_exchange, Ipv4Addr::LOCALHOST, speech).await;
        let node = world.node(&[]).await;
        let campaign = world.campaign(&[CALLED]).await;
        let recipients = world.settled(campaign).await;
        // Nobody was spoken with, whatever the 200 said.
        let outcome = recipients[0].outcome;
        assert_eq!(outcome, Some(RecipientOutcome::Failed));
        let call = world.ended_call(&node).await;
        let ended = &call["call"]["hangupCause"];
        assert_eq!(ended, "incompatible_destination", "{call}");
        assert_eq!(call["legs"][0]["srtpSuite"], Value::Null);
        assert!(phone.baresip.heard().is_err(), "the phone heard something");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_offers_nothing_is_offered_what_the_trunk_says() {
    for (key_exchange, said, unsaid) in [
        (
            TrunkKeyExchange::Sdes,
            [" RTP/SAVP ", "a=crypto:1 "],
            "a=fingerprint:",
        ),
        (
            TrunkKeyExchange::Dtls,
            [" UDP/TLS/RTP/SAVP ", "a=fingerprint:sha-256 "],
            "a=crypto:",
        ),
    ] {
        let world = World::new(digits_flow()).await;
        let spec = TrunkSpec {
            key_exchange,
            ..trunk(&world, TrunkSrtp::Required, TrunkCodec::ALL)
        };
        world.replace_trunk(&spec, &keys()).await;
        let node = world.node(&[]).await;
        let hand = Hand::new(&world).await;
        let invite = hand.invite("late", 1, "");
        let (head, _) = invite.split_once("Content-Type").unwrap();
        hand.send(format!("{head}Content-Length: 0\r\n\r\n").as_bytes())
            .await;
        let answer = hand.answer().await;
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        assert!(said.iter().all(|said| answer.contains(said)), "{answer}");
        assert!(!answer.contains(unsaid), "{answer}");
        hand.acknowledge(&answer, "late", 1).await;
        node.drain().await;
    }
}
