//! Datagrams of the browser with one bit wrong: checks, media, reports and DTLS.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use callplane_webrtc::{Output, TransportAddress};
use str0m::format::Codec;

use crate::browser::{Pair, Way, share, tone};

const SECOND: usize = 50;

/// What a datagram is, by its first octets (RFC 7983 section 7, RFC 5761 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Check,
    Dtls,
    Media,
    Report,
}

fn kind(datagram: &[u8]) -> Kind {
    match datagram {
        [0..=3, ..] => Kind::Check,
        [20..=63, ..] => Kind::Dtls,
        [128..=191, 192..=223, ..] => Kind::Report,
        _ => Kind::Media,
    }
}

/// A call that goes on, and the last datagram of each kind that the browser sent in it.
fn call() -> (Pair, Vec<Vec<u8>>) {
    let mut pair = Pair::new(Codec::Opus);
    let kept: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
    let keep = Rc::clone(&kept);
    pair.network = Box::new(move |way, datagram| {
        if way == Way::ToPeer {
            let mut kept = keep.borrow_mut();
            kept.retain(|other| kind(other) != kind(datagram));
            kept.push(datagram.to_vec());
        }
        vec![datagram.to_vec()]
    });
    pair.connect();
    talk(&mut pair, 10 * SECOND);
    let kept = kept.borrow().clone();
    (pair, kept)
}

fn talk(pair: &mut Pair, frames: usize) {
    for frame in 0..frames {
        pair.frame(&tone(700.0, frame), &tone(400.0, frame));
    }
}

/// It with one bit wrong, each of them in turn.
fn forgeries(datagram: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let length = match kind(datagram) {
        // Behind the MESSAGE-INTEGRITY is a FINGERPRINT, which tells STUN from others and proves nothing (RFC 8489
        // section 14.7).
        Kind::Check => datagram.len() - 8,
        _ => datagram.len(),
    };
    (0..length * 8).map(|bit| {
        let mut forged = datagram.to_vec();
        forged[bit / 8] ^= 1 << (bit % 8);
        forged
    })
}

#[test]
fn datagrams_with_a_wrong_bit_change_nothing_whoever_sends_them() {
    let (mut pair, kept) = call();
    let kinds: Vec<Kind> = kept.iter().map(|datagram| kind(datagram)).collect();
    for wanted in [Kind::Check, Kind::Dtls, Kind::Media, Kind::Report] {
        assert!(kinds.contains(&wanted), "no {wanted:?} in {kinds:?}");
    }
    let before = pair.peer.received();
    let stranger = "203.0.113.5:4000".parse().unwrap();
    let (now, seen) = (pair.now, pair.seen);
    for datagram in &kept {
        for forged in forgeries(datagram) {
            for from in [stranger, seen] {
                pair.peer.handle(now, TransportAddress::udp(from), &forged);
            }
            while let Some(output) = pair.peer.poll() {
                assert!(
                    !matches!(&output, Output::Transmit { to, .. } if to.address == stranger),
                    "a stranger was answered: {:?}",
                    kind(datagram)
                );
            }
        }
    }
    let after = pair.peer.received();
    assert_eq!(after.packets, before.packets, "a forged packet was played");
    pair.heard.clear();
    talk(&mut pair, 3 * SECOND);
    let caller = share(&pair.heard[8_000..], 8_000.0, 700.0);
    let heard = &pair.browser.heard;
    let agent = share(&heard[heard.len() - 16_000..], 16_000.0, 400.0);
    assert!(caller > 0.9 && agent > 0.9, "{caller} and {agent} is heard");
    assert_eq!(pair.peer.received().lost, before.lost);
    assert_eq!(pair.outputs, [Output::Connected]);
}

#[test]
fn the_same_check_without_a_wrong_bit_is_answered_wherever_it_comes_from() {
    let (mut pair, kept) = call();
    let check = kept.iter().find(|datagram| kind(datagram) == Kind::Check);
    let (now, elsewhere) = (pair.now, "203.0.113.5:4000".parse().unwrap());
    pair.peer
        .handle(now, TransportAddress::udp(elsewhere), check.unwrap());
    let mut answered = false;
    while let Some(output) = pair.peer.poll() {
        answered |= matches!(&output, Output::Transmit { to, .. } if to.address == elsewhere);
    }
    assert!(answered, "what is right is");
    pair.until(Duration::from_secs(1), |pair| pair.browser.connected);
}
