//! What is refused, and that nothing is remembered of it.

use callplane_srtp::{Error, MAX_SOURCES, Profile, Protector, Unprotector};
use proptest::prelude::*;

use crate::{keys, octets, rtcp, rtp};

#[test]
fn a_flipped_bit_anywhere_is_refused_and_changes_nothing() {
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(profile, 1));
        let mut receiver = Unprotector::new(&keys(profile, 1));
        // One packet before, so that there is a state to change.
        let mut first = rtp(7, 65_535);
        sender.protect_rtp(&mut first).unwrap();
        receiver.unprotect_rtp(&mut first).unwrap();

        let plain = rtp(7, 0);
        let (mut media, mut report) = (plain.clone(), rtcp(7));
        sender.protect_rtp(&mut media).unwrap();
        sender.protect_rtcp(&mut report).unwrap();
        let before: Vec<_> = receiver.positions().collect();
        for bit in 0..media.len() * 8 {
            let mut packet = media.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            let opened = receiver.unprotect_rtp(&mut packet);
            assert!(opened.is_err(), "{profile}, bit {bit}");
        }
        for bit in 0..report.len() * 8 {
            let mut packet = report.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            let opened = receiver.unprotect_rtcp(&mut packet);
            assert!(opened.is_err(), "{profile}, bit {bit}");
        }
        assert!(receiver.positions().eq(before));
        assert_eq!(receiver.unprotect_rtp(&mut media).unwrap(), plain);
        assert_eq!(receiver.unprotect_rtcp(&mut report).unwrap(), rtcp(7));
    }
}

#[test]
fn a_replay_is_refused() {
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(profile, 1));
        let mut receiver = Unprotector::new(&keys(profile, 1));
        let (mut media, mut reports) = (Vec::new(), Vec::new());
        for sequence in 0..300 {
            let mut packet = rtp(7, sequence);
            sender.protect_rtp(&mut packet).unwrap();
            receiver.unprotect_rtp(&mut packet.clone()).unwrap();
            media.push(packet);
            let mut packet = rtcp(7);
            sender.protect_rtcp(&mut packet).unwrap();
            receiver.unprotect_rtcp(&mut packet.clone()).unwrap();
            reports.push(packet);
        }
        for mut packet in media {
            let refused = receiver.unprotect_rtp(&mut packet).unwrap_err();
            assert_eq!(refused, Error::Replayed);
        }
        for mut packet in reports {
            let refused = receiver.unprotect_rtcp(&mut packet).unwrap_err();
            assert_eq!(refused, Error::Replayed);
        }
    }
}

#[test]
fn a_late_packet_is_opened_within_127_of_the_newest() {
    let profile = Profile::AesCm128HmacSha1Tag80;
    let mut sender = Protector::new(&keys(profile, 1));
    let mut receiver = Unprotector::new(&keys(profile, 1));
    let mut packets: Vec<_> = (0..=128).map(|sequence| rtp(7, sequence)).collect();
    for packet in &mut packets {
        sender.protect_rtp(packet).unwrap();
    }
    receiver.unprotect_rtp(&mut packets[128]).unwrap();
    receiver.unprotect_rtp(&mut packets[1]).unwrap();
    let refused = receiver.unprotect_rtp(&mut packets[0]).unwrap_err();
    assert_eq!(refused, Error::Replayed);
}

#[test]
fn a_sequence_number_is_protected_once() {
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(profile, 1));
        for sequence in [9000, 9002, 9001] {
            sender.protect_rtp(&mut rtp(7, sequence)).unwrap();
        }
        for sequence in [9000, 9001, 9002, 9002 - 128, 1000] {
            let refused = sender.protect_rtp(&mut rtp(7, sequence));
            assert_eq!(refused, Err(Error::Replayed), "{sequence}");
        }
        sender.protect_rtp(&mut rtp(7, 9003)).unwrap();
    }
}

#[test]
fn malformed_packets_are_refused() {
    let header = "800000010000000200000003";
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(profile, 1));
        let mut receiver = Unprotector::new(&keys(profile, 1));
        for (text, error) in [
            ("", Error::Truncated),
            (&header[2..], Error::Truncated),
            ("400000010000000200000003", Error::Version),
            // Contributors, the head of an extension, its data beyond the end.
            ("81000001000000020000000300000000", Error::Unauthentic),
            ("8200000100000002000000030000000400", Error::Truncated),
            ("900000010000000200000003bede00", Error::Truncated),
            ("900000010000000200000003bede0001000000", Error::Truncated),
        ] {
            let mut packet = octets(text);
            if error != Error::Unauthentic {
                assert_eq!(sender.protect_rtp(&mut packet), Err(error), "{text}");
                assert_eq!(packet, octets(text));
            }
            // With a tag behind it that does not make up for what is missing.
            packet.extend(vec![0; profile.rtp_overhead()]);
            let refused = receiver.unprotect_rtp(&mut packet).unwrap_err();
            assert_eq!(refused, error, "{text}");
        }
        for (text, error) in [
            ("", Error::Truncated),
            ("80c90001000000", Error::Truncated),
            ("00c9000100000007", Error::Version),
        ] {
            let mut packet = octets(text);
            assert_eq!(sender.protect_rtcp(&mut packet), Err(error), "{text}");
            packet.extend(vec![0xFF; profile.rtcp_overhead()]);
            let refused = receiver.unprotect_rtcp(&mut packet).unwrap_err();
            assert_eq!(refused, error, "{text}");
        }
        assert_eq!(receiver.positions().count(), 0);
    }
}

#[test]
fn a_report_that_is_not_encrypted_is_refused() {
    for (profile, word) in [
        (Profile::AesCm128HmacSha1Tag80, 14),
        (Profile::AeadAes128Gcm, 4),
    ] {
        let mut packet = rtcp(7);
        Protector::new(&keys(profile, 1))
            .protect_rtcp(&mut packet)
            .unwrap();
        let at = packet.len() - word;
        packet[at] &= 0x7F;
        let refused = Unprotector::new(&keys(profile, 1)).unprotect_rtcp(&mut packet);
        assert_eq!(refused.unwrap_err(), Error::Unencrypted);
    }
}

#[test]
fn one_key_serves_a_limited_number_of_sources() {
    let profile = Profile::AesCm128HmacSha1Tag80;
    let mut sender = Protector::new(&keys(profile, 1));
    let mut receiver = Unprotector::new(&keys(profile, 1));
    let many = MAX_SOURCES as u32;
    for ssrc in 0..many {
        let mut packet = rtp(ssrc, 1);
        sender.protect_rtp(&mut packet).unwrap();
        // Forgeries do not take places.
        receiver
            .unprotect_rtp(&mut rtp(ssrc + 1000, 1))
            .unwrap_err();
        receiver.unprotect_rtp(&mut packet).unwrap();
    }
    let refused = sender.protect_rtp(&mut rtp(many, 1));
    assert_eq!(refused, Err(Error::TooManySources));
    let refused = receiver.unprotect_rtp(&mut rtp(many, 1)).unwrap_err();
    assert_eq!(refused, Error::TooManySources);
    let mut packet = rtp(0, 2);
    sender.protect_rtp(&mut packet).unwrap();
    receiver.unprotect_rtp(&mut packet).unwrap();
}

proptest! {
    #[test]
    fn no_octets_panic(
        which in 0..Profile::ALL.len(),
        octets in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let keys = keys(Profile::ALL[which], 1);
        let mut receiver = Unprotector::new(&keys);
        prop_assert!(receiver.unprotect_rtp(&mut octets.clone()).is_err());
        prop_assert!(receiver.unprotect_rtcp(&mut octets.clone()).is_err());
        let mut sender = Protector::new(&keys);
        for protect in [Protector::protect_rtp, Protector::protect_rtcp] {
            let mut packet = octets.clone();
            if protect(&mut sender, &mut packet).is_err() {
                prop_assert_eq!(&packet, &octets);
            }
        }
    }

    #[test]
    fn whatever_can_be_protected_is_opened_again(
        which in 0..Profile::ALL.len(),
        rest in proptest::collection::vec(any::<u8>(), 11..300),
        contributors in 0..4u8,
    ) {
        let keys = keys(Profile::ALL[which], 1);
        let plain = [vec![0x80 | contributors], rest].concat();
        let mut packet = plain.clone();
        if Protector::new(&keys).protect_rtp(&mut packet).is_ok() {
            let opened = Unprotector::new(&keys).unprotect_rtp(&mut packet).map(|p| p.to_vec());
            prop_assert_eq!(opened, Ok(plain.clone()));
        }
        let mut packet = plain.clone();
        Protector::new(&keys).protect_rtcp(&mut packet).unwrap();
        let opened = Unprotector::new(&keys).unprotect_rtcp(&mut packet).map(|p| p.to_vec());
        prop_assert_eq!(opened, Ok(plain));
    }
}
