//! The packet format.

use callplane_rtp::{Datagram, Extension, Packet, ParseError, classify};
use proptest::prelude::*;

#[test]
fn a_packet_with_everything_is_read() {
    let datagram = [
        0xB2, 0xE0, 0x12, 0x34, 0x00, 0x00, 0x03, 0xE8, 0xDE, 0xAD, 0xBE, 0xEF, // header
        0, 0, 0, 1, 0, 0, 0, 2, // two contributors
        0xBE, 0xDE, 0x00, 0x01, 0x10, 0xFF, 0x00, 0x00, // extension
        9, 8, 7, 0, 0, 0, 0, 5, // payload and five octets of padding
    ];
    let packet = Packet::parse(&datagram).unwrap();
    assert!(packet.marker);
    assert_eq!(packet.payload_type, 96);
    assert_eq!(packet.sequence, 0x1234);
    assert_eq!(packet.timestamp, 1000);
    assert_eq!(packet.ssrc, 0xDEAD_BEEF);
    assert_eq!(packet.contributors, [0, 0, 0, 1, 0, 0, 0, 2]);
    let extension = packet.extension.unwrap();
    assert_eq!(
        (extension.profile, extension.data),
        (0xBEDE, &[0x10, 0xFF, 0, 0][..])
    );
    assert_eq!(packet.payload, [9, 8, 7]);
}

#[test]
fn malformed_packets_are_refused() {
    let header = [0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    assert!(Packet::parse(&header).is_ok());
    assert_eq!(Packet::parse(&header[..11]), Err(ParseError::Truncated));
    let with = |first: u8, tail: &[u8]| {
        let mut datagram = header.to_vec();
        datagram[0] = first;
        datagram.extend(tail);
        Packet::parse(&datagram).map(|packet| packet.payload.len())
    };
    assert_eq!(with(0x40, &[]), Err(ParseError::Version));
    assert_eq!(with(0x81, &[0; 3]), Err(ParseError::Truncated));
    assert_eq!(with(0x90, &[0; 3]), Err(ParseError::Truncated));
    assert_eq!(with(0x90, &[0, 0, 0, 1]), Err(ParseError::Truncated));
    assert_eq!(with(0xA0, &[]), Err(ParseError::Padding));
    assert_eq!(with(0xA0, &[1, 0]), Err(ParseError::Padding));
    assert_eq!(with(0xA0, &[1, 3]), Err(ParseError::Padding));
    assert_eq!(with(0xA0, &[1, 2]), Ok(0));
    assert_eq!(with(0xA0, &[5, 1]), Ok(1));
}

#[test]
fn datagrams_are_told_apart() {
    assert_eq!(classify(&[0x80, 0, 0, 0]), Datagram::Rtp);
    assert_eq!(classify(&[0x80, 0xE5, 0, 0]), Datagram::Rtp);
    assert_eq!(classify(&[0x81, 200, 0, 7]), Datagram::Rtcp);
    assert_eq!(classify(&[0x80, 203, 0, 1]), Datagram::Rtcp);
    assert_eq!(classify(&[0x00, 0x01, 0, 0]), Datagram::Stun);
    assert_eq!(classify(&[22, 0xFE, 0xFD, 0]), Datagram::Dtls);
    // ZRTP, TURN and what nobody knows (RFC 7983 section 7).
    assert_eq!(classify(&[0x10, 0, 0, 0]), Datagram::Other);
    assert_eq!(classify(&[0x40, 0, 0, 0]), Datagram::Other);
    assert_eq!(classify(b"\r\n"), Datagram::Other);
    assert_eq!(classify(&[]), Datagram::Other);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        marker: bool,
        payload_type in 0u8..128,
        sequence: u16,
        timestamp: u32,
        ssrc: u32,
        contributors in proptest::collection::vec(any::<[u8; 4]>(), 0..=15),
        extension in proptest::option::of(
            (any::<u16>(), proptest::collection::vec(any::<[u8; 4]>(), 0..20))),
        payload in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let contributors = contributors.concat();
        let extension = extension.map(|(profile, data)| (profile, data.concat()));
        let packet = Packet {
            marker,
            payload_type,
            sequence,
            timestamp,
            ssrc,
            contributors: &contributors,
            extension: extension
                .as_ref()
                .map(|(profile, data)| Extension { profile: *profile, data }),
            payload: &payload,
        };
        let mut datagram = Vec::new();
        packet.write(&mut datagram);
        prop_assert_eq!(Packet::parse(&datagram), Ok(packet));
    }

    #[test]
    fn no_octets_panic(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = classify(&datagram);
        if let Ok(packet) = Packet::parse(&datagram) {
            // Reading what was read and written again gives the same.
            let mut again = Vec::new();
            packet.write(&mut again);
            prop_assert_eq!(Packet::parse(&again), Ok(packet));
        }
    }
}
