//! Whose packets are taken.

use std::net::SocketAddr;

use callplane_rtp::{Latch, Verdict};

use crate::network::at;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn the_signalled_address_is_taken_at_once_and_for_good() {
    let signalled = address("192.0.2.1:4000");
    let mut latch = Latch::new(signalled);
    assert_eq!(latch.remote(), signalled);
    assert_eq!(latch.judge(at(0), signalled, 1), Verdict::Accepted);
    for packet in 0..1000 {
        let stranger = address("198.51.100.9:666");
        assert_eq!(
            latch.judge(at(packet * 20_000), stranger, 2),
            Verdict::Refused
        );
    }
    assert_eq!(latch.remote(), signalled);
    assert_eq!(latch.refused(), 1000);
    assert_eq!(latch.judge(at(30_000_000), signalled, 2), Verdict::Accepted);
}

#[test]
fn a_caller_behind_a_nat_is_found_by_three_packets() {
    let mut latch = Latch::new(address("10.0.0.5:4000"));
    let public = address("203.0.113.7:61000");
    assert_eq!(latch.judge(at(0), public, 1), Verdict::Refused);
    assert_eq!(latch.judge(at(20_000), public, 1), Verdict::Refused);
    assert!(!latch.is_latched());
    assert_eq!(latch.judge(at(40_000), public, 1), Verdict::Accepted);
    assert_eq!(latch.remote(), public);
    // Not even the signalled address gets in any more.
    assert_eq!(
        latch.judge(at(60_000), address("10.0.0.5:4000"), 1),
        Verdict::Refused
    );
}

#[test]
fn a_scanner_does_not_get_in_with_packets_here_and_there() {
    let mut latch = Latch::new(address("10.0.0.5:4000"));
    let stranger = address("198.51.100.9:666");
    for packet in 0..20 {
        assert_eq!(
            latch.judge(at(packet * 600_000), stranger, 5),
            Verdict::Refused
        );
    }
    // Nor with another SSRC in each packet.
    for packet in 0..20 {
        let now = at(60_000_000 + packet * 20_000);
        assert_eq!(latch.judge(now, stranger, packet as u32), Verdict::Refused);
    }
    assert!(!latch.is_latched());
}

#[test]
fn a_stranger_does_not_keep_the_caller_out() {
    let mut latch = Latch::new(address("10.0.0.5:4000"));
    let (caller, stranger) = (address("203.0.113.7:61000"), address("198.51.100.9:666"));
    latch.judge(at(0), caller, 1);
    latch.judge(at(1000), stranger, 2);
    latch.judge(at(20_000), caller, 1);
    latch.judge(at(21_000), stranger, 2);
    assert_eq!(latch.judge(at(40_000), caller, 1), Verdict::Accepted);
}

#[test]
fn only_signalling_moves_a_latched_stream() {
    let (first, second) = (address("192.0.2.1:4000"), address("192.0.2.2:5000"));
    let mut latch = Latch::new(first);
    latch.judge(at(0), first, 1);
    // A re-INVITE that says the same is no reason to let go.
    latch.resignal(first);
    assert!(latch.is_latched());
    assert_eq!(latch.judge(at(10), second, 1), Verdict::Refused);
    latch.resignal(second);
    assert_eq!(latch.remote(), second);
    assert_eq!(latch.judge(at(20), second, 1), Verdict::Accepted);
    assert_eq!(latch.judge(at(30), first, 1), Verdict::Refused);
}

#[test]
fn a_caller_whose_nat_gives_another_address_is_followed_once_the_old_one_is_silent() {
    let (first, second) = (address("203.0.113.7:61000"), address("203.0.113.7:40001"));
    let mut latch = Latch::new(first);
    for packet in 0..50 {
        latch.judge(at(packet * 20_000), first, 7);
    }
    // The stream goes on from elsewhere at once; what is played stops for half a second.
    let mut verdicts = (50..80).map(|packet| latch.judge(at(packet * 20_000), second, 7));
    let refused = verdicts
        .by_ref()
        .take_while(|verdict| *verdict == Verdict::Refused);
    assert_eq!(refused.count(), 26);
    assert!(verdicts.all(|verdict| verdict == Verdict::Accepted));
    assert_eq!(latch.remote(), second);
    assert_eq!(latch.judge(at(1_610_000), first, 7), Verdict::Refused);
}

#[test]
fn who_sends_another_stream_or_sends_while_the_caller_does_is_not_followed() {
    let (caller, stranger) = (address("203.0.113.7:61000"), address("198.51.100.9:666"));
    // As long as the caller is heard, not even its own stream is taken from elsewhere.
    let mut latch = Latch::new(caller);
    for packet in 0..500 {
        latch.judge(at(packet * 20_000), caller, 7);
        assert_eq!(
            latch.judge(at(packet * 20_000 + 1), stranger, 7),
            Verdict::Refused
        );
    }
    // Nor is any other stream while it is silent, for however long.
    for packet in 500..5_000 {
        let verdict = latch.judge(at(packet * 20_000), stranger, 8 + packet as u32 % 2);
        assert_eq!(verdict, Verdict::Refused);
    }
    assert_eq!(latch.remote(), caller);
    // And one packet of it, as a repetition would be, is not enough.
    assert_eq!(latch.judge(at(101_000_000), stranger, 7), Verdict::Refused);
    assert_eq!(latch.judge(at(102_000_000), stranger, 7), Verdict::Refused);
    assert_eq!(latch.judge(at(102_010_000), caller, 7), Verdict::Accepted);
}

#[test]
fn the_end_of_before_a_change_does_not_keep_the_new_one_out() {
    let (first, second) = (address("192.0.2.1:4000"), address("192.0.2.2:5000"));
    let (public, stranger) = (address("203.0.113.7:61000"), address("198.51.100.9:666"));
    for new in [second, public] {
        let mut latch = Latch::new(first);
        latch.judge(at(0), first, 1);
        latch.resignal(second);
        // It sends until it hears of the change.
        for packet in 1..10 {
            latch.judge(at(packet * 20_000), first, 1);
        }
        assert_eq!(latch.remote(), first, "nobody else is there yet");
        for packet in 10..13 {
            latch.judge(at(packet * 20_000), new, 2);
        }
        assert_eq!(latch.remote(), new);
        for packet in 13..20 {
            assert_eq!(latch.judge(at(packet * 20_000), first, 1), Verdict::Refused);
            latch.judge(at(packet * 20_000), stranger, 3);
        }
        assert_eq!(latch.remote(), new, "for good");
    }
    // A phone that names another address and sends from the same one is heard on.
    let mut latch = Latch::new(first);
    latch.judge(at(0), first, 1);
    latch.resignal(address("10.0.0.5:4000"));
    for packet in 1..4 {
        latch.judge(at(packet * 20_000), first, 1);
    }
    assert_eq!(latch.judge(at(100_000), first, 1), Verdict::Accepted);
}
