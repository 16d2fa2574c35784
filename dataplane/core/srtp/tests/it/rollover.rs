//! Rollover counters: how they grow, how they go on under new keys, where they end.

use callplane_srtp::{Error, Position, Profile, Protector, Unprotector};

use crate::{keys, rtcp, rtp};

const PROFILE: Profile = Profile::AesCm128HmacSha1Tag80;
const LAST_RTP: u64 = (1 << 48) - 1;
const LAST_RTCP: u32 = (1 << 31) - 1;

fn protected(sender: &mut Protector, ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = rtp(ssrc, sequence);
    sender.protect_rtp(&mut packet).unwrap();
    packet
}

fn at(ssrc: u32, rtp_index: u64, rtcp_index: u32) -> Position {
    Position {
        ssrc,
        rtp_index: Some(rtp_index),
        rtcp_index: Some(rtcp_index),
    }
}

#[test]
fn a_stream_that_begins_just_before_the_wrap_goes_on() {
    let mut sender = Protector::new(&keys(PROFILE, 1));
    let mut receiver = Unprotector::new(&keys(PROFILE, 1));
    // The first packet after the wrap overtakes the last before it.
    let sequences = [65_534, 65_535, 0, 1];
    let mut packets = sequences.map(|sequence| protected(&mut sender, 7, sequence));
    for arrival in [0, 2, 1, 3] {
        receiver.unprotect_rtp(&mut packets[arrival]).unwrap();
    }
    assert_eq!(
        receiver.positions().next().unwrap().rtp_index,
        Some(0x1_0001)
    );
}

#[test]
fn a_loss_of_half_the_numbers_is_survived_and_a_longer_one_is_not() {
    for (sequence, opens) in [(10 + 0x8000, true), (10 + 0x8001, false)] {
        let mut sender = Protector::new(&keys(PROFILE, 1));
        let mut receiver = Unprotector::new(&keys(PROFILE, 1));
        let mut first = protected(&mut sender, 7, 10);
        receiver.unprotect_rtp(&mut first).unwrap();
        let _lost = protected(&mut sender, 7, 0x4000);
        let mut packet = protected(&mut sender, 7, sequence);
        assert_eq!(receiver.unprotect_rtp(&mut packet).is_ok(), opens);
    }
}

#[test]
fn a_new_source_begins_at_zero() {
    let mut sender = Protector::resume(&keys(PROFILE, 1), [at(7, 5 << 16, 0)]).unwrap();
    let mut receiver = Unprotector::resume(&keys(PROFILE, 1), [at(7, 5 << 16, 0)]).unwrap();
    for ssrc in [7, 8] {
        let mut packet = protected(&mut sender, ssrc, 9);
        receiver.unprotect_rtp(&mut packet).unwrap();
    }
    let indices: Vec<_> = receiver.positions().map(|p| p.rtp_index).collect();
    assert_eq!(indices, [Some(5 << 16 | 9), Some(9)]);
}

#[test]
fn counters_go_on_under_new_keys() {
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(PROFILE, 1));
        let mut receiver = Unprotector::new(&keys(PROFILE, 1));
        for sequence in [0x7000, 0xE000, 0x1000] {
            let mut packet = protected(&mut sender, 7, sequence);
            receiver.unprotect_rtp(&mut packet).unwrap();
        }
        let mut report = rtcp(7);
        sender.protect_rtcp(&mut report).unwrap();
        receiver.unprotect_rtcp(&mut report).unwrap();
        let mut late = protected(&mut sender, 7, 0x1001);

        let mut sender = Protector::resume(&keys(profile, 2), sender.positions()).unwrap();
        let mut next = Unprotector::resume(&keys(profile, 2), receiver.positions()).unwrap();
        assert_eq!(
            sender.protect_rtp(&mut rtp(7, 0x1001)),
            Err(Error::Replayed)
        );
        let mut packet = protected(&mut sender, 7, 0x1002);
        next.unprotect_rtp(&mut packet.clone()).unwrap();
        receiver.unprotect_rtp(&mut late).unwrap();
        let mut report = rtcp(7);
        sender.protect_rtcp(&mut report).unwrap();
        next.unprotect_rtcp(&mut report).unwrap();
        let position = next.positions().next();
        assert_eq!(position, Some(at(7, 0x1_1002, 2)), "{profile}");

        // Who would begin at zero again does not open it.
        let refused = Unprotector::new(&keys(profile, 2)).unprotect_rtp(&mut packet);
        assert_eq!(refused.unwrap_err(), Error::Unauthentic);
    }
}

#[test]
fn a_key_ends_with_its_last_index() {
    let position = at(7, LAST_RTP - 1, LAST_RTCP - 1);
    let mut sender = Protector::resume(&keys(PROFILE, 1), [position]).unwrap();
    let mut receiver = Unprotector::resume(&keys(PROFILE, 1), [position]).unwrap();
    let mut packet = protected(&mut sender, 7, 65_535);
    receiver.unprotect_rtp(&mut packet).unwrap();
    assert_eq!(sender.protect_rtp(&mut rtp(7, 0)), Err(Error::KeyExhausted));
    let refused = receiver.unprotect_rtp(&mut rtp(7, 0)).unwrap_err();
    assert_eq!(refused, Error::KeyExhausted);

    let mut report = rtcp(7);
    sender.protect_rtcp(&mut report).unwrap();
    receiver.unprotect_rtcp(&mut report).unwrap();
    let refused = sender.protect_rtcp(&mut rtcp(7));
    assert_eq!(refused, Err(Error::KeyExhausted));
    assert!(receiver.positions().eq([at(7, LAST_RTP, LAST_RTCP)]));
}
