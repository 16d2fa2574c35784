//! DTLS between both: cut, late, repeated, and with somebody else.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use callplane_webrtc::{Closed, Output, TransportAddress};
use str0m::format::Codec;

use crate::browser::{Pair, Way, share, tone};

const SECOND: usize = 50;

/// Whether a datagram is of DTLS (RFC 7983 section 7).
fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

fn talk(pair: &mut Pair, frames: usize) {
    for frame in 0..frames {
        pair.frame(&tone(700.0, frame), &tone(400.0, frame));
    }
}

/// Both hear each other.
fn is_heard(pair: &mut Pair) {
    pair.heard.clear();
    talk(pair, 2 * SECOND);
    let caller = share(&pair.heard[8_000..], 8_000.0, 700.0);
    let heard = &pair.browser.heard;
    let agent = share(&heard[heard.len() - 16_000..], 16_000.0, 400.0);
    assert!(caller > 0.9 && agent > 0.9, "{caller} and {agent} is heard");
}

fn is_connected(pair: &Pair) -> bool {
    pair.browser.connected && pair.outputs.contains(&Output::Connected)
}

/// Lets datagrams of DTLS through by their number, both ways counted together.
fn through(pair: &mut Pair, passes: impl Fn(u32) -> bool + 'static) -> Rc<Cell<u32>> {
    let seen = Rc::new(Cell::new(0));
    let count = Rc::clone(&seen);
    pair.network = Box::new(move |_, datagram| {
        let mut passed = true;
        if is_dtls(datagram) {
            passed = passes(count.get());
            count.set(count.get() + 1);
        }
        passed.then(|| datagram.to_vec()).into_iter().collect()
    });
    seen
}

#[test]
fn a_handshake_that_loses_any_of_its_datagrams_is_repeated_and_done() {
    let mut lost = 0;
    for length in 1..=2 {
        for first in 0..6 {
            let mut pair = Pair::new(Codec::Opus);
            let gone = first..first + length;
            let seen = through(&mut pair, move |number| !gone.contains(&number));
            pair.until(Duration::from_secs(20), is_connected);
            lost += length.min(seen.get().saturating_sub(first));
            is_heard(&mut pair);
        }
    }
    assert!(lost >= 12, "{lost} datagrams were lost");
}

#[test]
fn a_handshake_that_is_cut_is_no_call() {
    // With the third the peer has all that it wants of the browser.
    for cut in 0..3 {
        let mut pair = Pair::new(Codec::Opus);
        let seen = through(&mut pair, move |number| number < cut);
        talk(&mut pair, 60 * SECOND);
        assert!(seen.get() > cut, "the rest was cut");
        assert!(pair.browser.failed, "the browser has given up");
        assert!(!pair.outputs.contains(&Output::Connected), "after {cut}");
        // Who has not begun has nothing to give up; the call waits for it no longer than for an answer.
        let given_up = [Output::Closed(Closed::Failed)];
        assert_eq!(
            pair.outputs,
            given_up[..usize::from(cut > 0)],
            "after {cut}"
        );
        assert!(pair.heard.iter().all(|sample| *sample == 0), "after {cut}");
        assert_eq!(pair.peer.sent_packets(), 0, "nothing is said to nobody");
    }
}

#[test]
fn a_handshake_whose_datagrams_all_come_three_times_and_once_more_later_is_one() {
    let mut pair = Pair::new(Codec::Opus);
    let kept: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
    let keep = Rc::clone(&kept);
    pair.network = Box::new(move |way, datagram| {
        if !is_dtls(datagram) {
            return vec![datagram.to_vec()];
        }
        if way == Way::ToPeer {
            keep.borrow_mut().push(datagram.to_vec());
        }
        vec![datagram.to_vec(); 3]
    });
    pair.until(Duration::from_secs(5), is_connected);
    is_heard(&mut pair);
    let handshake = kept.borrow().clone();
    assert!(handshake.len() >= 2, "{}", handshake.len());
    // From where it came, and from somewhere else.
    for address in [pair.seen, "203.0.113.5:4000".parse().unwrap()] {
        let from = TransportAddress::udp(address);
        for datagram in &handshake {
            let now = pair.now;
            pair.peer.handle(now, from, datagram);
        }
        is_heard(&mut pair);
    }
    assert_eq!(pair.outputs, [Output::Connected]);
}

/// The same offer with the fingerprint of another certificate.
fn of_another(offer: String) -> String {
    let at = offer.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
    let other = if offer[at..].starts_with('0') {
        "1"
    } else {
        "0"
    };
    let mut offer = offer;
    offer.replace_range(at..=at, other);
    offer
}

#[test]
fn a_browser_with_another_certificate_than_its_offer_names_is_not_talked_to() {
    let mut pair = Pair::with_offer(of_another);
    pair.until(Duration::from_secs(30), |pair| {
        pair.outputs.contains(&Output::Closed(Closed::Failed))
    });
    talk(&mut pair, 5 * SECOND);
    assert_eq!(pair.outputs, [Output::Closed(Closed::Failed)]);
    assert!(pair.heard.iter().all(|sample| *sample == 0));
    assert_eq!(pair.peer.sent_packets(), 0);
    assert!(pair.browser.heard.is_empty(), "the agent was heard");
    // It was the fingerprint.
    let mut pair = Pair::with_offer(|offer| offer);
    pair.until(Duration::from_secs(5), is_connected);
    is_heard(&mut pair);
}
