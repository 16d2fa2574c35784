//! Packets of somebody who is not in the call, and reports that are not as they were sent.

use std::net::SocketAddr;
use std::time::Duration;

use callplane_call::{Facts, HangupCause, Input};
use callplane_rtp::rtcp::{ControlPacket, ReportBlock, SenderInfo, VoipMetrics, write};
use callplane_sip::Event;
use callplane_types::{CallStatus, Instant, WallTime};

use crate::phone::{Line, PHONE, digits};

const STRANGER: &str = "198.51.100.9:4001";
/// What [`Line`] sends with, and the upper half of its seed.
const PHONE_SSRC: u32 = 99;
const NODE_SSRC: u32 = 0x1234_5678;

/// A report that claims our packets took four seconds there and back.
fn slow_report(by: u32, wall: WallTime) -> Vec<u8> {
    let seconds = wall.unix_micros() as u64 / 1_000_000 + 2_208_988_800;
    let report = ReportBlock {
        ssrc: NODE_SSRC,
        last_sender_report: ((seconds - 4) << 16) as u32,
        ..ReportBlock::default()
    };
    let packet = ControlPacket::ReceiverReport {
        ssrc: by,
        reports: vec![report],
    };
    let mut datagram = Vec::new();
    write(&[packet], &mut datagram);
    datagram
}

/// A call of three seconds in which `reports` come in its middle.
fn call_with(reports: &[(SocketAddr, u32)]) -> Facts {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(2));
    let wall = WallTime::from_unix_micros(1_700_000_000_000_000) + (line.now - Instant::ZERO);
    for (from, by) in reports {
        let mut datagram = slow_report(*by, wall);
        line.call.rtcp(line.now, wall, *from, &mut datagram);
    }
    line.pass(Duration::from_secs(1));
    line.call
        .handle(line.now, Input::HangUp(HangupCause::NodeDrain));
    line.pass(Duration::from_millis(20));
    line.facts.unwrap()
}

#[test]
fn reports_of_a_stranger_do_not_tell_how_the_call_sounded() {
    let stranger: SocketAddr = STRANGER.parse().unwrap();
    let facts = call_with(&[(stranger, PHONE_SSRC), (stranger, 7)]);
    assert_eq!(facts.refused.rtcp, 2);
    assert_eq!(facts.refused.rtp, 0);
    let quality = facts.quality.unwrap();
    assert_eq!(quality.round_trip, None);
    assert!(quality.heard.mos > 4.0, "{}", quality.heard.mos);
}

#[test]
fn reports_of_the_phone_do() {
    let mut phone: SocketAddr = PHONE.parse().unwrap();
    phone.set_port(phone.port() + 1);
    let facts = call_with(&[(phone, PHONE_SSRC)]);
    assert_eq!(facts.refused.rtcp, 0);
    let round_trip = facts.quality.unwrap().round_trip.unwrap();
    assert!(round_trip >= Duration::from_secs(4), "{round_trip:?}");
}

/// All that a phone reports, in one datagram.
fn full_report() -> Vec<u8> {
    let report = ReportBlock {
        ssrc: NODE_SSRC,
        fraction_lost: 3,
        cumulative_lost: 2,
        highest_sequence: 100,
        jitter: 40,
        ..ReportBlock::default()
    };
    let packets = [
        ControlPacket::SenderReport {
            ssrc: PHONE_SSRC,
            info: SenderInfo::default(),
            reports: vec![report],
        },
        ControlPacket::SourceDescription(vec![(PHONE_SSRC, "phone".to_owned())]),
        ControlPacket::ExtendedReport {
            ssrc: PHONE_SSRC,
            voip: vec![VoipMetrics {
                ssrc: NODE_SSRC,
                ..VoipMetrics::default()
            }],
        },
    ];
    let mut datagram = Vec::new();
    write(&packets, &mut datagram);
    datagram
}

#[test]
fn a_report_with_a_wrong_bit_ends_no_call_and_makes_no_figure_senseless() {
    let genuine = full_report();
    let mut phone: SocketAddr = PHONE.parse().unwrap();
    phone.set_port(phone.port() + 1);
    for bit in 0..genuine.len() * 8 {
        let mut line = Line::inbound(digits(), true);
        line.take_answer();
        line.sip(Event::Acknowledged { sdp: None });
        line.pass(Duration::from_millis(500));
        let wall = WallTime::from_unix_micros(1_700_000_000_000_000) + (line.now - Instant::ZERO);
        line.call.rtcp(line.now, wall, phone, &mut genuine.clone());
        let mut forged = genuine.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        line.call.rtcp(line.now, wall, phone, &mut forged);
        line.press("1204");
        line.pass(Duration::from_millis(1_500));
        line.call
            .handle(line.now, Input::HangUp(HangupCause::NodeDrain));
        line.pass(Duration::from_millis(20));
        let facts = line.facts.unwrap();
        assert_eq!(facts.status, CallStatus::Completed, "bit {bit}");
        assert_eq!(facts.variables["pin"], "1204", "bit {bit}");
        let quality = facts.quality.unwrap();
        assert!(quality.heard.mos > 4.0, "bit {bit}: {quality:?}");
        let there = quality.far_end.unwrap();
        assert!(
            (0.0..=1.0).contains(&there.received.loss()),
            "bit {bit}: {there:?}"
        );
        assert!(
            (1.0..=4.5).contains(&there.score.mos),
            "bit {bit}: {there:?}"
        );
        let trip = quality.round_trip.unwrap_or_default();
        assert!(trip < Duration::from_secs(10), "bit {bit}: {trip:?}");
    }
}
