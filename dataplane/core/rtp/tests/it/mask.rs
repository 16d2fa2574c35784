//! What is left of packets that others look at.

use callplane_rtp::rtcp::{ControlPacket, ReportBlock, parse, write};
use callplane_rtp::{Packet, mask_rtcp, mask_rtp};

#[test]
fn a_packet_keeps_its_header_and_loses_what_it_says() {
    let mut datagram = Vec::new();
    let packet = Packet {
        marker: true,
        payload_type: 101,
        sequence: 9,
        timestamp: 160,
        ssrc: 7,
        contributors: &[0, 0, 0, 1],
        extension: None,
        payload: &[5, 10, 0, 160],
    };
    packet.write(&mut datagram);
    mask_rtp(&mut datagram);
    let masked = Packet::parse(&datagram).unwrap();
    assert_eq!(
        masked,
        Packet {
            payload: &[0; 4],
            ..packet
        }
    );
}

#[test]
fn reports_stay_and_names_go() {
    let reports = vec![ReportBlock {
        ssrc: 1,
        cumulative_lost: 9,
        ..ReportBlock::default()
    }];
    let report = ControlPacket::ReceiverReport { ssrc: 7, reports };
    let name = ControlPacket::SourceDescription(vec![(7, "ada@example.com".to_owned())]);
    let mut datagram = Vec::new();
    write(&[report.clone(), name], &mut datagram);
    mask_rtcp(&mut datagram);
    assert!(!datagram.windows(3).any(|octets| octets == b"ada"));
    assert_eq!(parse(&datagram).unwrap()[0], report);
}

#[test]
fn what_does_not_read_is_emptied() {
    let said = b"something that was said, and is no packet";
    for mask in [mask_rtp, mask_rtcp] {
        let mut octets = said.to_vec();
        mask(&mut octets);
        assert_eq!(octets, vec![0; said.len()]);
    }
    // A length beyond the end; an extension that is cut.
    let mut octets = vec![0x80, 201, 0, 200, 0, 0, 0, 7, b'a', b'd', b'a'];
    mask_rtcp(&mut octets);
    assert_eq!(octets[4..], [0; 7]);
    let mut octets = vec![0x90; 13];
    mask_rtp(&mut octets);
    assert_eq!(octets, [0; 13]);
    mask_rtp(&mut []);
    mask_rtcp(&mut []);
}
