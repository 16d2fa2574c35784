//! The packets we send.

use callplane_rtp::{Packet, Sender, SenderConfig};

fn sender() -> Sender {
    Sender::new(SenderConfig {
        ssrc: 42,
        first_sequence: u16::MAX,
        first_timestamp: u32::MAX - 100,
        payload_type: 8,
        telephone_event: None,
    })
}

#[test]
fn numbers_advance_and_wrap() {
    let (mut sender, mut out) = (sender(), Vec::new());
    for index in 0..10u32 {
        assert!(sender.frame(Some(&[7; 160]), &mut out));
        let packet = Packet::parse(&out).unwrap();
        assert_eq!(packet.sequence, u16::MAX.wrapping_add(index as u16));
        assert_eq!(packet.timestamp, (u32::MAX - 100).wrapping_add(index * 160));
        assert_eq!((packet.ssrc, packet.payload_type), (42, 8));
        assert_eq!(packet.payload, [7; 160]);
    }
    assert_eq!((sender.packets(), sender.octets()), (10, 1600));
}

#[test]
fn a_pause_sends_nothing_and_keeps_the_clock_and_ends_with_a_marker() {
    let (mut sender, mut out) = (sender(), Vec::new());
    let mut marks = Vec::new();
    for index in 0..20 {
        let speaks = !(5..15).contains(&index);
        let audio = speaks.then_some(&[0u8; 160][..]);
        assert_eq!(sender.frame(audio, &mut out), speaks);
        if speaks {
            let packet = Packet::parse(&out).unwrap();
            let passed = packet.timestamp.wrapping_sub(u32::MAX - 100);
            assert_eq!(passed, index * 160);
            marks.push(packet.marker);
        }
    }
    let marked: Vec<usize> = (0..10).filter(|index| marks[*index]).collect();
    assert_eq!(marked, [0, 5]);
}

#[test]
fn digits_wait_where_the_other_side_takes_none() {
    let (mut sender, mut out) = (sender(), Vec::new());
    let digit = callplane_rtp::dtmf::Digit::try_from('1').unwrap();
    sender
        .press(digit, std::time::Duration::from_millis(100))
        .unwrap();
    assert!(sender.frame(Some(&[1; 160]), &mut out));
    assert_eq!(Packet::parse(&out).unwrap().payload_type, 8);
    sender.set_payload_types(0, Some(96));
    assert!(sender.frame(Some(&[1; 160]), &mut out));
    assert_eq!(Packet::parse(&out).unwrap().payload_type, 96);
}
