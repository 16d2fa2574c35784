//! What a protected packet looks like, and that it can be opened.

use callplane_srtp::{Error, Profile, Protector, Unprotector};

use crate::{keys, octets, rtcp, rtp};

/// A packet with two contributors and an extension: 12 + 8 + 8 octets of header.
const FULL: &str = "b2e01234000003e8deadbeef0000000100000002bede000110ff0000";

#[test]
fn what_one_end_protects_the_other_opens() {
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(profile, 1));
        let mut receiver = Unprotector::new(&keys(profile, 1));
        for sequence in 0..10 {
            for plain in [rtp(7, sequence), rtp(8, sequence)] {
                let mut packet = plain.clone();
                sender.protect_rtp(&mut packet).unwrap();
                assert_eq!(receiver.unprotect_rtp(&mut packet).unwrap(), plain);
            }
            let mut packet = rtcp(7);
            sender.protect_rtcp(&mut packet).unwrap();
            assert_eq!(receiver.unprotect_rtcp(&mut packet).unwrap(), rtcp(7));
        }
    }
}

#[test]
fn the_header_stays_readable_and_the_payload_does_not() {
    for profile in Profile::ALL {
        let plain = [octets(FULL), vec![0x55; 40]].concat();
        let mut packet = plain.clone();
        Protector::new(&keys(profile, 1))
            .protect_rtp(&mut packet)
            .unwrap();
        assert_eq!(packet[..28], plain[..28], "{profile}");
        assert!(packet[28..].windows(4).all(|octets| octets != [0x55; 4]));

        let mut packet = rtcp(7);
        Protector::new(&keys(profile, 1))
            .protect_rtcp(&mut packet)
            .unwrap();
        assert_eq!(packet[..8], rtcp(7)[..8], "{profile}");
        assert!(packet.windows(4).all(|octets| octets != b"call"));
    }
}

#[test]
fn a_short_tag_is_for_media_only() {
    for (profile, of_rtp, of_rtcp) in [
        (Profile::AesCm128HmacSha1Tag80, 10, 10 + 4),
        (Profile::AesCm128HmacSha1Tag32, 4, 10 + 4),
        (Profile::AeadAes128Gcm, 16, 16 + 4),
        (Profile::AeadAes256Gcm, 16, 16 + 4),
    ] {
        let mut sender = Protector::new(&keys(profile, 1));
        let mut packet = rtp(7, 1);
        sender.protect_rtp(&mut packet).unwrap();
        assert_eq!(packet.len(), 172 + of_rtp, "{profile}");
        assert_eq!(profile.rtp_overhead(), of_rtp);
        let mut packet = rtcp(7);
        sender.protect_rtcp(&mut packet).unwrap();
        assert_eq!(packet.len(), rtcp(7).len() + of_rtcp, "{profile}");
        assert_eq!(profile.rtcp_overhead(), of_rtcp);
    }
}

#[test]
fn a_packet_without_payload_is_authenticated() {
    for profile in Profile::ALL {
        let mut packet = octets(FULL);
        Protector::new(&keys(profile, 1))
            .protect_rtp(&mut packet)
            .unwrap();
        let mut other = packet.clone();
        let mut receiver = Unprotector::new(&keys(profile, 1));
        assert_eq!(receiver.unprotect_rtp(&mut packet).unwrap(), octets(FULL));
        let refused = Unprotector::new(&keys(profile, 2)).unprotect_rtp(&mut other);
        assert_eq!(refused.unwrap_err(), Error::Unauthentic);
    }
}

#[test]
fn no_two_packets_share_a_keystream() {
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(profile, 1));
        let mut seen = std::collections::BTreeSet::new();
        // Around a wrap, so that both parts of the index count; of two sources; and reports.
        for sequence in (0..8u16).map(|n| n.wrapping_sub(4)) {
            for ssrc in [7, 8] {
                let mut packet = rtp(ssrc, sequence);
                sender.protect_rtp(&mut packet).unwrap();
                assert!(seen.insert(packet[12..28].to_vec()));
            }
            let mut packet = rtcp(7);
            sender.protect_rtcp(&mut packet).unwrap();
            assert!(seen.insert(packet[8..24].to_vec()));
        }
    }
}

#[test]
fn nothing_that_is_printed_for_debugging_has_a_key_in_it() {
    let profile = Profile::AesCm128HmacSha1Tag80;
    let keys = callplane_srtp::KeyingMaterial::new(profile, &[0xAB; 30]).unwrap();
    let key = callplane_srtp::SdesKey::new(keys.clone());
    for text in [
        format!("{keys:?}"),
        format!("{key:?}"),
        format!("{:?}", Protector::new(&keys)),
        format!("{:?}", Unprotector::new(&keys)),
    ] {
        assert!(
            !text.contains("171") && !text.to_lowercase().contains("ab, "),
            "{text}"
        );
    }
}

#[test]
fn both_ends_can_live_on_any_thread() {
    fn can_move<T: Send + Sync>() {}
    can_move::<Protector>();
    can_move::<Unprotector>();
}
