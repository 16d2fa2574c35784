//! The packets we send.

use callplane_rtp::{Clock, Format, Packet, Sender, SenderConfig};

fn sender() -> Sender {
    Sender::new(SenderConfig {
        ssrc: 42,
        first_sequence: u16::MAX,
        first_timestamp: u32::MAX - 100,
        payload_type: 8,
        clock: Clock::Khz8,
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
    sender.set_formats(Format::khz8(0), Some(96));
    assert!(sender.frame(Some(&[1; 160]), &mut out));
    assert_eq!(Packet::parse(&out).unwrap().payload_type, 96);
}

#[test]
fn another_source_counts_anew_on_the_same_clock() {
    let (mut sender, mut out) = (sender(), Vec::new());
    for _ in 0..3 {
        sender.frame(Some(&[7; 160]), &mut out);
    }
    sender.change_source(43, 100);
    assert_eq!((sender.packets(), sender.octets()), (0, 0));
    assert!(sender.frame(Some(&[7; 160]), &mut out));
    let packet = Packet::parse(&out).unwrap();
    assert_eq!((packet.ssrc, packet.sequence), (43, 100));
    assert_eq!(packet.timestamp, (u32::MAX - 100).wrapping_add(480));
    assert!(packet.marker);
    assert_eq!((sender.packets(), sender.total_packets()), (1, 4));
}

/// A packet of the stream that is passed on.
fn other(ssrc: u32, sequence: u16, timestamp: u32) -> Packet<'static> {
    Packet {
        payload_type: 0,
        sequence,
        timestamp,
        ssrc,
        payload: &[9; 160],
        ..Packet::default()
    }
}

/// Marker, payload type, sequence number and timestamp of what is sent.
fn passed(sender: &mut Sender, packet: Packet<'_>) -> (bool, u8, u16, u32) {
    let mut out = Vec::new();
    sender.pass(&packet, 8, &mut out);
    let packet = Packet::parse(&out).unwrap();
    assert_eq!((packet.ssrc, packet.payload), (42, &[9; 160][..]));
    (
        packet.marker,
        packet.payload_type,
        packet.sequence,
        packet.timestamp,
    )
}

#[test]
fn a_stream_that_is_passed_on_keeps_its_gaps_and_its_order_under_our_numbers() {
    let (mut sender, mut out) = (sender(), Vec::new());
    let first = u32::MAX - 100;
    sender.frame(Some(&[7; 160]), &mut out);
    // The third comes before the second, the fourth never.
    let sent: Vec<_> = [0u16, 2, 1, 4]
        .into_iter()
        .map(|at| {
            let packet = other(7, 65_534u16.wrapping_add(at), 5_000 + u32::from(at) * 160);
            passed(&mut sender, packet)
        })
        .collect();
    let at = |frame: u32| first.wrapping_add(frame * 160);
    assert_eq!(
        sent,
        [
            (true, 8, 0, at(1)),
            (false, 8, 2, at(3)),
            (false, 8, 1, at(2)),
            (false, 8, 4, at(5)),
        ]
    );
    assert!(sender.frame(Some(&[7; 160]), &mut out));
    let own = Packet::parse(&out).unwrap();
    assert_eq!((own.marker, own.sequence, own.timestamp), (true, 5, at(6)));
}

#[test]
fn another_source_or_numbering_goes_on_where_the_one_before_was() {
    let mut sender = sender();
    let first = passed(&mut sender, other(7, 100, 1_000));
    let source = passed(&mut sender, other(8, 9_000, 77));
    let numbering = passed(&mut sender, other(8, 40_000, 999_999));
    let at = |frame: u32| (u32::MAX - 100).wrapping_add(frame * 160);
    assert_eq!(first, (true, 8, u16::MAX, at(0)));
    assert_eq!(source, (true, 8, 0, at(1)));
    assert_eq!(numbering, (true, 8, 1, at(2)));
    assert_eq!(sender.packets(), 3);
}
