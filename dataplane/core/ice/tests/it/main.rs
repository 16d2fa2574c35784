//! Checks as a full agent sends them, made by the crate `is`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

use std::net::SocketAddr;

use aws_lc_rs::hmac;
use callplane_ice::{Candidate, Checked, Component, Credentials, LiteAgent};
use is::stun::{StunMessage, StunMessageBuilder, TransId};
use proptest::prelude::*;

const THEIRS: &str = "evtj";
const PHONE: &str = "192.0.2.9:4000";
const OTHER: &str = "198.51.100.7:5000";

fn sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &parts.concat());
    tag.as_ref().try_into().unwrap()
}

fn ours(seed: u8) -> Credentials {
    Credentials::from_random(std::array::from_fn(|place| (place as u8 * 7) ^ seed))
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn written(message: StunMessage<'_>, password: &str) -> Vec<u8> {
    let mut octets = vec![0; 512];
    let length = message
        .to_bytes(Some(password.as_bytes()), &mut octets, sha1)
        .unwrap();
    octets.truncate(length);
    octets
}

fn check_with(credentials: &Credentials, priority: u32, nominates: bool) -> Vec<u8> {
    let username = format!("{}:{THEIRS}", credentials.ufrag);
    let id = TransId::new();
    let message = StunMessage::binding_request(&username, id, true, 7, priority, nominates);
    written(message, &credentials.password)
}

fn check(credentials: &Credentials) -> Vec<u8> {
    check_with(credentials, 1_000, false)
}

fn handled(agent: &mut LiteAgent, from: &str, datagram: &[u8]) -> (Option<Checked>, Vec<u8>) {
    let mut answer = vec![1, 2, 3];
    let checked = agent.handle(at(from), datagram, &mut answer);
    (checked, answer)
}

#[test]
fn a_check_proves_the_address_that_it_came_from() {
    let mut agent = LiteAgent::new(ours(1), THEIRS);
    assert!(!agent.admits(at(PHONE)));
    assert_eq!(agent.remote(), None);
    let request = check(&ours(1));
    let (checked, answer) = handled(&mut agent, PHONE, &request);
    assert_eq!(checked, Some(Checked::Proved));
    assert!(answer.len() <= request.len());
    let response = StunMessage::parse(&answer).unwrap();
    assert!(response.is_successful_binding_response());
    assert_eq!(response.mapped_address(), Some(at(PHONE)));
    assert_eq!(
        response.trans_id(),
        StunMessage::parse(&request).unwrap().trans_id()
    );
    assert!(response.verify(ours(1).password.as_bytes(), sha1));
    assert!(agent.admits(at(PHONE)) && !agent.admits(at(OTHER)));
    assert_eq!(agent.remote(), Some(at(PHONE)));
}

#[test]
fn an_ipv6_address_is_told_as_well() {
    let mut agent = LiteAgent::new(ours(1), THEIRS);
    let (_, answer) = handled(&mut agent, "[2001:db8::9]:4000", &check(&ours(1)));
    let response = StunMessage::parse(&answer).unwrap();
    assert_eq!(response.mapped_address(), Some(at("[2001:db8::9]:4000")));
}

#[test]
fn whatever_is_not_a_check_with_our_password_is_not_answered() {
    let mut agent = LiteAgent::new(ours(1), THEIRS);
    let wrong_password = Credentials {
        password: ours(2).password,
        ..ours(1)
    };
    let wrong_ufrag = Credentials {
        ufrag: ours(2).ufrag,
        ..ours(1)
    };
    let username = format!("{}:nobody", ours(1).ufrag);
    let id = TransId::new();
    let of_another = StunMessage::binding_request(&username, id, true, 7, 1, true);
    let username = format!("{}:{THEIRS}", ours(1).ufrag);
    let indication = StunMessageBuilder::new().binding().indication();
    let indication = indication.username(&username).build(id);
    let unsigned = StunMessage::binding_request(&username, id, true, 7, 1, true);
    let mut octets = vec![0; 512];
    let length = unsigned.to_bytes(None, &mut octets, sha1).unwrap();
    octets.truncate(length);
    let good = check(&ours(1));
    let without_fingerprint = good[..good.len() - 8].to_vec();
    for datagram in [
        check(&wrong_password),
        check(&wrong_ufrag),
        written(of_another, &ours(1).password),
        written(indication, &ours(1).password),
        octets,
        without_fingerprint,
        Vec::new(),
    ] {
        assert_eq!(handled(&mut agent, OTHER, &datagram), (None, Vec::new()));
    }
    assert!(!agent.admits(at(OTHER)));
    assert_eq!(handled(&mut agent, OTHER, &good).0, Some(Checked::Proved));
}

#[test]
fn a_check_with_one_bit_wrong_is_not_answered() {
    let mut agent = LiteAgent::new(ours(1), THEIRS);
    let good = check(&ours(1));
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[place] ^= 1 << bit;
            let (checked, answer) = handled(&mut agent, OTHER, &bad);
            assert_eq!((checked, answer.len()), (None, 0), "{place} {bit}");
        }
    }
    assert!(!agent.admits(at(OTHER)));
}

#[test]
fn who_nominates_moves_what_is_sent() {
    let mut agent = LiteAgent::new(ours(1), THEIRS);
    let nominated = |agent: &mut LiteAgent, from: &str, priority| {
        handled(agent, from, &check_with(&ours(1), priority, true)).0
    };
    assert_eq!(nominated(&mut agent, PHONE, 500), Some(Checked::Nominated));
    // Another address is proved, and not taken.
    handled(&mut agent, OTHER, &check(&ours(1)));
    assert_eq!(agent.remote(), Some(at(PHONE)));
    assert!(agent.admits(at(OTHER)));
    // A better one is taken, a worse one is not, and the same behind another port of its NAT is.
    assert_eq!(nominated(&mut agent, OTHER, 600), Some(Checked::Nominated));
    assert_eq!(agent.remote(), Some(at(OTHER)));
    assert_eq!(nominated(&mut agent, PHONE, 500), Some(Checked::Proved));
    assert_eq!(agent.remote(), Some(at(OTHER)));
    let rebound = "198.51.100.7:61000";
    assert_eq!(
        nominated(&mut agent, rebound, 600),
        Some(Checked::Nominated)
    );
    assert_eq!(agent.remote(), Some(at(rebound)));
}

#[test]
fn after_a_restart_only_the_new_password_counts_and_media_goes_on() {
    let mut agent = LiteAgent::new(ours(1), THEIRS);
    handled(&mut agent, PHONE, &check_with(&ours(1), 900, true));
    agent.restart(ours(2), THEIRS);
    assert_eq!(agent.remote(), Some(at(PHONE)));
    assert!(agent.admits(at(PHONE)));
    assert_eq!(handled(&mut agent, OTHER, &check(&ours(1))).0, None);
    let checked = handled(&mut agent, OTHER, &check_with(&ours(2), 100, true)).0;
    assert_eq!(checked, Some(Checked::Nominated), "a worse one as well");
    assert_eq!(agent.remote(), Some(at(OTHER)));
}

#[test]
fn no_more_addresses_are_kept_than_may_be_and_the_one_in_use_stays() {
    let mut agent = LiteAgent::new(ours(1), THEIRS);
    handled(&mut agent, PHONE, &check_with(&ours(1), 900, true));
    for port in 1..=50 {
        handled(
            &mut agent,
            &format!("198.51.100.7:{port}"),
            &check(&ours(1)),
        );
    }
    assert!(agent.admits(at(PHONE)));
    assert_eq!(agent.remote(), Some(at(PHONE)));
    let kept = (1..=50).filter(|port| agent.admits(SocketAddr::from(([198, 51, 100, 7], *port))));
    assert_eq!(kept.count(), 7);
}

/// RFC 5769 section 2.1: a request of who wants to be controlled.
#[test]
fn the_example_of_rfc_5769_is_authentic_and_told_to_decide_itself() {
    const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e2074657374\
        20636c69656e74002400046e0001ff80290008932ff9b151263b360006000965767\
        46a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
        80280004e57a3bcf";
    let octets: Vec<u8> = (0..REQUEST.len() / 2)
        .map(|place| u8::from_str_radix(&REQUEST[2 * place..2 * place + 2], 16).unwrap())
        .collect();
    let credentials = Credentials {
        ufrag: "evtj".to_owned(),
        password: "VOkJxbRl1RmTxUk/WvJxBt".to_owned(),
    };
    let mut agent = LiteAgent::new(credentials, "h6vY");
    let (checked, answer) = handled(&mut agent, PHONE, &octets);
    assert_eq!(checked, Some(Checked::Conflict));
    let answer = StunMessage::parse(&answer).unwrap();
    assert_eq!(answer.error_code().map(|(code, _)| code), Some(487));
    assert!(!agent.admits(at(PHONE)));
}

#[test]
fn candidates_are_written_and_read() {
    let rtp = Candidate::host(Component::Rtp, at("192.0.2.1:20000"));
    let text = rtp.to_string();
    assert_eq!(text, "1 1 UDP 2130706431 192.0.2.1 20000 typ host");
    assert_eq!(Candidate::read(&text), Some(rtp));
    let rtcp = Candidate::host(Component::Rtcp, at("[2001:db8::1]:20001"));
    assert_eq!(Candidate::read(&rtcp.to_string()), Some(rtcp));
    for none in [
        "",
        "1 1 TCP 2130706431 192.0.2.1 9 typ host tcptype active",
        "1 1 UDP 2130706431 3f7d.local 20000 typ host",
        "1 1 UDP 1 192.0.2.1 70000 typ host",
    ] {
        assert_eq!(Candidate::read(none), None, "{none}");
    }
}

#[test]
fn credentials_are_as_long_as_they_have_to_be() {
    assert!(Credentials::read("HeKG", "ezWcM4OSh2VPr5D5g1AiPK").is_some());
    for (ufrag, password) in [
        ("HeK", "ezWcM4OSh2VPr5D5g1AiPK"),
        ("HeKG", "ezWcM4OSh2VPr5D5g1AiP"),
        ("He:G", "ezWcM4OSh2VPr5D5g1AiPK"),
        ("HeKG", "ezWcM4OSh2VPr5D5g1Ai K"),
    ] {
        assert_eq!(Credentials::read(ufrag, password), None);
    }
    let shown = format!("{:?}", ours(1));
    assert!(!shown.contains(&ours(1).password), "{shown}");
}

proptest! {
    #[test]
    fn no_octets_panic_or_are_answered(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut agent = LiteAgent::new(ours(1), THEIRS);
        prop_assert_eq!(handled(&mut agent, PHONE, &datagram), (None, Vec::new()));
    }
}
