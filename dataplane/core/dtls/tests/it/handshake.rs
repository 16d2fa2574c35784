//! Whole handshakes, and those that do not get so far.

use std::time::Duration;

use callplane_dtls::{Association, Failure, Fingerprint, HashFunction, Keys, Role, Vouched};
use callplane_types::Instant;

use crate::peer::{Pair, Peer, certificate, identity, vouched};

const SECOND: Duration = Duration::from_secs(1);
const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn swapped(keys: &Keys) -> Keys {
    Keys {
        local: keys.remote.clone(),
        remote: keys.local.clone(),
    }
}

fn honest(role: Role, seed: u64) -> Pair {
    let shown = certificate();
    let expected = vouched(&shown.certificate);
    Pair::new(role, shown, expected, seed)
}

#[test]
fn both_ends_have_the_same_keys_once() {
    for role in ROLES {
        let mut pair = honest(role, 1);
        pair.pass(SECOND);
        let [keys] = pair.keys.as_slice() else {
            panic!("{role:?}: {:?}", pair.failure);
        };
        assert_eq!(*keys, swapped(pair.peer.keys.as_ref().unwrap()), "{role:?}");
        assert!(pair.ours.is_established());
        // What we show is what our description says.
        let shown = Fingerprint::of(HashFunction::Sha256, pair.peer.shown.as_ref().unwrap());
        assert_eq!(shown, *identity().fingerprint());
    }
}

#[test]
fn what_is_lost_is_sent_again_and_what_comes_twice_does_no_harm() {
    for role in ROLES {
        for seed in 1..=25 {
            let mut pair = honest(role, seed).over(seed * 0x9E37_79B9, 40, 20);
            pair.pass(15 * SECOND);
            let [keys] = pair.keys.as_slice() else {
                panic!("{role:?}, seed {seed}: {:?} {:?}", pair.failure, pair.keys);
            };
            let theirs = pair.peer.keys.as_ref();
            assert_eq!(theirs.map(swapped).as_ref(), Some(keys), "seed {seed}");
        }
    }
}

#[test]
fn another_certificate_gets_no_keys() {
    for role in ROLES {
        let other = vouched(&certificate().certificate);
        let mut pair = Pair::new(role, certificate(), other, 1);
        pair.pass(5 * SECOND);
        assert_eq!(pair.failure, Some(Failure::Fingerprint), "{role:?}");
        assert!(pair.keys.is_empty() && !pair.ours.is_established());
        let sent = pair.sent;
        pair.pass(30 * SECOND);
        assert_eq!(pair.sent, sent, "nothing more is said to it");
    }
}

#[test]
fn a_stronger_fingerprint_that_is_not_its_own_is_not_made_good_by_a_weaker() {
    let shown = certificate();
    let expected = Vouched::new([
        Fingerprint::of(HashFunction::Sha256, &shown.certificate),
        Fingerprint::of(HashFunction::Sha384, b"another"),
    ]);
    let mut pair = Pair::new(Role::Server, shown, expected.unwrap(), 1);
    pair.pass(5 * SECOND);
    assert_eq!(pair.failure, Some(Failure::Fingerprint));
}

#[test]
fn whoever_does_not_answer_is_asked_a_few_times_and_then_given_up() {
    let mut ours = Association::new(
        Instant::ZERO,
        &identity(),
        Role::Client,
        vouched(&certificate().certificate),
    );
    let (mut now, mut sent) = (Instant::ZERO, 0);
    let failure = loop {
        now += SECOND / 50;
        match ours.advance(now, &mut |_| sent += 1) {
            Ok(keys) => assert_eq!(keys, None),
            Err(failure) => break failure,
        }
        assert!(now < Instant::ZERO + 20 * SECOND, "it goes on for ever");
    };
    assert_eq!(failure, Failure::Timeout);
    assert_eq!(sent, 6, "the first and five more");
}

#[test]
fn a_peer_that_vanishes_within_the_handshake_is_given_up() {
    for role in ROLES {
        let mut pair = honest(role, 1);
        // So far that the other side has shown something, and we wait for more.
        while pair.sent < 2 {
            pair.pass(SECOND / 50);
        }
        let mut pair = pair.over(1, 100, 0);
        pair.pass(20 * SECOND);
        assert_eq!(pair.failure, Some(Failure::Timeout), "{role:?}");
        assert!(pair.keys.is_empty());
        assert!(pair.sent < 40, "{}", pair.sent);
    }
}

#[test]
fn before_an_address_is_proved_no_more_is_sent_than_came() {
    let shown = certificate();
    let expected = vouched(&shown.certificate);
    let mut peer = Peer::new(shown, true);
    let mut now = Instant::ZERO + SECOND;
    let hello = peer.turn(now, None).remove(0);
    let mut ours = Association::new(now, &identity(), Role::Server, expected);
    let (mut came, mut sent) = (0, 0);
    for _ in 0..3 {
        came += hello.len();
        ours.handle(now, &hello, &mut |octets| sent += octets.len())
            .unwrap();
        assert!(0 < sent && sent <= came, "{sent} for {came}");
        for _ in 0..100 {
            now += SECOND / 50;
            ours.advance(now, &mut |octets| sent += octets.len())
                .unwrap();
            assert!(sent <= came, "{sent} for {came}");
        }
    }
}
