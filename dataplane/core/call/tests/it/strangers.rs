//! Packets of somebody who is not in the call.

use std::net::SocketAddr;
use std::time::Duration;

use callplane_call::{Facts, HangupCause, Input};
use callplane_rtp::rtcp::{ControlPacket, ReportBlock, write};
use callplane_sip::Event;
use callplane_types::{Instant, WallTime};

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
