//! Reports, their format and what is computed from them.

use std::time::Duration;

use callplane_rtp::rtcp::{
    ControlPacket, ControlSession, ParseError, ReportBlock, SenderInfo, VoipMetrics,
};
use callplane_rtp::rtcp::{parse, write};
use callplane_rtp::{Clock, Packet, Receiver, ReceiverConfig, Sender, SenderConfig};
use callplane_types::{Instant, WallTime};
use proptest::prelude::*;

use crate::network::{Random, at};

fn block() -> impl Strategy<Value = ReportBlock> {
    (any::<[u32; 5]>(), any::<u8>(), -0x80_0000..0x80_0000i32).prop_map(
        |(words, fraction_lost, cumulative_lost)| ReportBlock {
            ssrc: words[0],
            fraction_lost,
            cumulative_lost,
            highest_sequence: words[1],
            jitter: words[2],
            last_sender_report: words[3],
            delay_since_last_sender_report: words[4],
        },
    )
}

fn voip() -> impl Strategy<Value = VoipMetrics> {
    (any::<u32>(), any::<[u8; 3]>(), any::<[u16; 4]>()).prop_map(|(ssrc, octets, millis)| {
        VoipMetrics {
            ssrc,
            loss_rate: octets[0],
            discard_rate: octets[1],
            round_trip_ms: millis[0],
            end_system_delay_ms: millis[1],
            mos_cq: octets[2],
            buffer_nominal_ms: millis[2],
            buffer_max_ms: millis[3],
        }
    })
}

fn packet() -> impl Strategy<Value = ControlPacket> {
    let blocks = || proptest::collection::vec(block(), 0..=31);
    let text = || "[a-z@.]{0,60}";
    prop_oneof![
        (any::<u32>(), any::<u64>(), any::<[u32; 3]>(), blocks()).prop_map(
            |(ssrc, ntp, words, reports)| ControlPacket::SenderReport {
                ssrc,
                info: SenderInfo {
                    ntp,
                    timestamp: words[0],
                    packets: words[1],
                    octets: words[2],
                },
                reports,
            }
        ),
        (any::<u32>(), blocks())
            .prop_map(|(ssrc, reports)| ControlPacket::ReceiverReport { ssrc, reports }),
        proptest::collection::vec((any::<u32>(), text()), 0..=31)
            .prop_map(ControlPacket::SourceDescription),
        (any::<u32>(), proptest::collection::vec(voip(), 0..=5))
            .prop_map(|(ssrc, voip)| ControlPacket::ExtendedReport { ssrc, voip }),
        (
            proptest::collection::vec(any::<u32>(), 0..=31),
            proptest::option::of(text())
        )
            .prop_map(|(sources, reason)| ControlPacket::Goodbye { sources, reason }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back(packets in proptest::collection::vec(packet(), 1..5)) {
        let mut datagram = Vec::new();
        write(&packets, &mut datagram);
        prop_assert_eq!(parse(&datagram), Ok(packets));
    }

    #[test]
    fn no_octets_panic(datagram in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&datagram);
    }

    #[test]
    fn a_damaged_compound_does_not_panic(
        packets in proptest::collection::vec(packet(), 1..4),
        place: proptest::sample::Index,
        octet: u8,
    ) {
        let mut datagram = Vec::new();
        write(&packets, &mut datagram);
        let place = place.index(datagram.len());
        datagram[place] = octet;
        let _ = parse(&datagram);
    }
}

#[test]
fn malformed_compounds_are_refused() {
    assert_eq!(parse(&[]), Err(ParseError::Empty));
    assert_eq!(parse(&[0x80, 201]), Err(ParseError::Truncated));
    assert_eq!(
        parse(&[0x40, 201, 0, 1, 0, 0, 0, 1]),
        Err(ParseError::Version)
    );
    assert_eq!(
        parse(&[0x81, 201, 0, 1, 0, 0, 0, 1]),
        Err(ParseError::Truncated)
    );
    assert_eq!(
        parse(&[0x80, 201, 0, 9, 0, 0, 0, 1]),
        Err(ParseError::Truncated)
    );
    assert_eq!(
        parse(&[0xA0, 201, 0, 1, 0, 0, 0, 3]),
        Err(ParseError::Padding)
    );
    // Padding is for the last packet only.
    let padded = [0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4];
    assert!(parse(&padded).is_ok());
    assert_eq!(parse(&padded.repeat(2)), Err(ParseError::Padding));
}

#[test]
fn an_unknown_packet_is_read_over() {
    let datagram = [
        0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e', 0x80, 201, 0, 1, 0, 0, 0, 9,
    ];
    let packets = parse(&datagram).unwrap();
    assert_eq!(packets[0], ControlPacket::Other { packet_type: 204 });
    assert!(matches!(
        packets[1],
        ControlPacket::ReceiverReport { ssrc: 9, .. }
    ));
}

/// One end of a call: what it sends, receives and reports.
struct Party {
    sender: Sender,
    receiver: Receiver,
    control: ControlSession,
}

impl Party {
    fn new(ssrc: u32) -> Self {
        Self {
            sender: Sender::new(SenderConfig {
                ssrc,
                first_sequence: 65_000,
                first_timestamp: 3,
                payload_type: 0,
                clock: Clock::Khz8,
                telephone_event: None,
            }),
            receiver: Receiver::new(ReceiverConfig::new(vec![0], None)),
            control: ControlSession::new(format!("party-{ssrc}"), u64::from(ssrc)),
        }
    }
}

fn wall(now: Instant) -> WallTime {
    WallTime::from_unix_micros(1_790_000_000_000_000) + now.since_origin()
}

#[test]
fn two_parties_learn_loss_and_round_trip_from_each_other() {
    const ONE_WAY: u64 = 45_000;
    let mut random = Random::new(21);
    let (mut a, mut b) = (Party::new(1), Party::new(2));
    let (mut out, mut control) = (Vec::new(), Vec::new());
    // What is on the way: time of arrival, whether to b, whether RTCP, the octets.
    let mut wire: Vec<(u64, bool, bool, Vec<u8>)> = Vec::new();
    let mut lost = 0;
    for tick in 0..3000u64 {
        let micros = tick * 20_000;
        let now = at(micros);
        for (party, to_b) in [(&mut a, true), (&mut b, false)] {
            party.sender.frame(Some(&[0xFF; 160]), &mut out);
            // A tenth of what a sends is lost, and not the first packet.
            match to_b && tick > 0 && random.chance(100) {
                true => lost += 1,
                false => wire.push((micros + ONE_WAY, to_b, false, out.clone())),
            }
            if party.control.poll(
                now,
                wall(now),
                &party.sender,
                &mut party.receiver,
                &mut control,
            ) {
                wire.push((micros + ONE_WAY, to_b, true, control.clone()));
            }
        }
        let (arrived, flying) = wire.into_iter().partition(|packet| packet.0 <= micros);
        wire = flying;
        let mut arrived: Vec<_> = arrived;
        arrived.sort_by_key(|packet| packet.0);
        for (time, to_b, is_control, octets) in arrived {
            let party = if to_b { &mut b } else { &mut a };
            match is_control {
                true => {
                    party
                        .control
                        .handle(at(time), wall(at(time)), &party.sender, &octets)
                        .unwrap();
                }
                false => {
                    party
                        .receiver
                        .push(at(time), &Packet::parse(&octets).unwrap());
                }
            }
        }
    }
    let heard = a.control.heard();
    let report = heard.report.unwrap();
    assert_eq!(report.ssrc, 1);
    let expected = i64::from(report.highest_sequence) - 65_000 + 1;
    assert!(expected > 2500, "{expected}");
    let fraction = f64::from(report.cumulative_lost) / expected as f64;
    assert!((fraction - 0.1).abs() < 0.03, "{fraction}");
    assert!(lost >= report.cumulative_lost);
    let far_end = heard.far_end.unwrap();
    assert_eq!(far_end.expected, expected as u64);
    assert!((far_end.loss() - fraction).abs() < 1e-9, "{far_end:?}");
    let trip = heard.mean_round_trip.unwrap().as_micros() as u64;
    assert!(trip.abs_diff(2 * ONE_WAY) < 1000, "{trip}");
    for party in [&a, &b] {
        let trip = party.control.heard().round_trip.unwrap().as_micros() as u64;
        assert!(trip.abs_diff(2 * ONE_WAY) < 1000, "{trip}");
    }
    assert_eq!(b.control.heard().report.unwrap().cumulative_lost, 0);

    let now = at(60_000_000);
    a.control
        .goodbye(now, wall(now), &a.sender, &mut a.receiver, &mut control);
    let heard = b
        .control
        .handle(now, wall(now), &b.sender, &control)
        .unwrap();
    assert!(heard.goodbye);
}

#[test]
fn reports_are_spread_between_half_and_one_and_a_half_intervals() {
    let mut party = Party::new(77);
    let (mut last, mut gaps) = (None, Vec::new());
    let mut out = Vec::new();
    for millis in 0..600_000u64 {
        let now = at(millis * 1000);
        if party
            .control
            .poll(now, wall(now), &party.sender, &mut party.receiver, &mut out)
        {
            if let Some(last) = last.replace(millis) {
                gaps.push(millis - last);
            }
            // Nothing has been sent: a receiver report and a name.
            let packets = parse(&out).unwrap();
            assert!(matches!(
                packets[0],
                ControlPacket::ReceiverReport { ssrc: 77, .. }
            ));
            assert!(matches!(packets[1], ControlPacket::SourceDescription(_)));
        }
    }
    assert!(gaps.len() > 80);
    assert!(
        gaps.iter().all(|gap| (2500..=7501).contains(gap)),
        "{gaps:?}"
    );
    let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
    assert!(most - least > 2000, "{least} {most}");
}

#[test]
fn a_round_trip_that_makes_no_sense_is_not_believed() {
    let mut party = Party::new(5);
    let mut datagram = Vec::new();
    let report = ReportBlock {
        ssrc: 5,
        last_sender_report: 1,
        delay_since_last_sender_report: 0,
        ..ReportBlock::default()
    };
    let packet = ControlPacket::ReceiverReport {
        ssrc: 6,
        reports: vec![report],
    };
    write(&[packet], &mut datagram);
    let heard = party
        .control
        .handle(at(0), wall(at(0)), &party.sender, &datagram)
        .unwrap();
    assert_eq!(heard.round_trip, None);
    assert_eq!(heard.report, Some(report));
    assert_eq!(heard.report.map(|r| r.jitter), Some(0));
    assert_eq!(Duration::ZERO, heard.round_trip.unwrap_or_default());
}

/// Laid out by hand from RFC 3611 section 4.7: 3/256 lost, 13/256 discarded, MOS-CQ 3.9, buffer 60 ms.
#[test]
fn extended_reports_say_how_it_sounds_at_the_far_end() {
    let mut datagram = vec![0x80, 207, 0, 13];
    datagram.extend([0, 0, 0, 9]);
    // A block of another type, reference time, is read over.
    datagram.extend([4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
    datagram.extend([7, 0, 0, 8, 0, 0, 0, 1]);
    datagram.extend([3, 13, 0, 0, 0, 0, 0, 0]);
    datagram.extend([0, 90, 0, 75]);
    datagram.extend([127, 127, 127, 16, 127, 127, 127, 39]);
    datagram.extend([0, 0, 0, 60, 0, 120, 0, 120]);
    let mut report = Vec::new();
    let block = ReportBlock {
        ssrc: 1,
        cumulative_lost: 5,
        highest_sequence: 65_049,
        ..ReportBlock::default()
    };
    let reports = vec![block];
    write(
        &[ControlPacket::ReceiverReport { ssrc: 9, reports }],
        &mut report,
    );
    report.extend(&datagram);

    let mut party = Party::new(1);
    for _ in 0..60 {
        party.sender.frame(Some(&[0xFF; 160]), &mut Vec::new());
    }
    let (now, sender) = (at(2_000_000), &party.sender);
    let heard = party.control.handle(now, wall(now), sender, &report);
    let far_end = heard.unwrap().far_end.unwrap();
    // Of the 60 that were sent ten are on their way.
    assert_eq!((far_end.expected, far_end.lost), (50, 5));
    assert!((far_end.loss() - (0.1 + 13.0 / 256.0)).abs() < 1e-9);
    assert_eq!(far_end.delay(), Duration::from_millis(75));
    assert_eq!(far_end.own_mos(), Some(3.9));
}

#[test]
fn what_the_far_end_lost_under_an_ssrc_of_before_is_not_forgotten() {
    let mut party = Party::new(1);
    let told = |party: &mut Party, cumulative_lost, packets| {
        for _ in 0..packets {
            party.sender.frame(Some(&[0xFF; 160]), &mut Vec::new());
        }
        let block = ReportBlock {
            ssrc: party.sender.ssrc(),
            cumulative_lost,
            highest_sequence: u32::from(party.sender.next_sequence().wrapping_sub(1)),
            ..ReportBlock::default()
        };
        let reports = vec![block];
        let mut report = Vec::new();
        write(
            &[ControlPacket::ReceiverReport { ssrc: 9, reports }],
            &mut report,
        );
        let (now, sender) = (at(0), &party.sender);
        let heard = party.control.handle(now, wall(now), sender, &report);
        heard.unwrap().far_end.unwrap()
    };
    told(&mut party, 10, 100);
    party.sender.change_source(77, 5);
    let far_end = told(&mut party, 2, 50);
    assert_eq!((far_end.expected, far_end.lost), (150, 12));
    // More duplicates than losses are no loss.
    let far_end = told(&mut party, -3, 50);
    assert_eq!((far_end.expected, far_end.lost), (200, 10));
}
