//! Whose reports are taken.

use std::net::SocketAddr;

use callplane_rtp::rtcp::reporter;
use callplane_rtp::{ControlLatch, Latch, Verdict};

use crate::network::at;

const MEDIA: &str = "192.0.2.1:4000";
const CONTROL: &str = "192.0.2.1:4001";
const STRANGER: &str = "198.51.100.9:666";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn latches(media: &str, control: &str) -> (Latch, ControlLatch) {
    (
        Latch::new(address(media)),
        ControlLatch::new(address(control)),
    )
}

fn latched_to(media: &mut Latch, from: &str) {
    for packet in 0..3 {
        media.judge(at(packet * 20_000), address(from), 1);
    }
    assert_eq!(media.remote(), address(from));
}

#[test]
fn reports_of_a_stranger_are_refused_and_counted_before_and_after_the_latch() {
    let (mut media, mut control) = latches(MEDIA, CONTROL);
    // Not even with the right SSRC.
    for names_stream in [false, true] {
        assert_eq!(
            control.judge(address(STRANGER), &media, names_stream),
            Verdict::Refused
        );
    }
    assert_eq!(control.remote(&media), address(CONTROL));
    latched_to(&mut media, MEDIA);
    assert_eq!(
        control.judge(address(CONTROL), &media, false),
        Verdict::Accepted
    );
    assert_eq!(
        control.judge(address(STRANGER), &media, true),
        Verdict::Refused
    );
    // Nor from another port of the same host, once one is known.
    assert_eq!(
        control.judge(address("192.0.2.1:9999"), &media, true),
        Verdict::Refused
    );
    assert_eq!(control.refused(), 4);
    assert_eq!(control.remote(&media), address(CONTROL));
}

#[test]
fn a_nat_gives_reports_a_port_of_their_own_and_ours_go_there() {
    let (mut media, mut control) = latches("10.0.0.5:4000", "10.0.0.5:4001");
    latched_to(&mut media, "203.0.113.7:61000");
    // Nobody can send from there, and until a report comes the port above is the best guess.
    assert_eq!(control.remote(&media), address("203.0.113.7:61001"));
    let behind_nat = address("203.0.113.7:35333");
    assert_eq!(
        control.judge(behind_nat, &media, false),
        Verdict::Refused,
        "a neighbour behind the same NAT does not know the SSRC"
    );
    assert_eq!(control.judge(behind_nat, &media, true), Verdict::Accepted);
    assert_eq!(control.judge(behind_nat, &media, false), Verdict::Accepted);
    assert_eq!(control.remote(&media), behind_nat);
}

#[test]
fn reports_follow_signalling_only() {
    let (mut media, mut control) = latches(MEDIA, CONTROL);
    latched_to(&mut media, MEDIA);
    assert_eq!(
        control.judge(address(CONTROL), &media, false),
        Verdict::Accepted
    );
    control.resignal(address(CONTROL));
    assert_eq!(control.remote(&media), address(CONTROL));
    media.resignal(address("192.0.2.2:5000"));
    control.resignal(address("192.0.2.2:5001"));
    assert_eq!(
        control.judge(address("192.0.2.2:5001"), &media, false),
        Verdict::Accepted
    );
    assert_eq!(
        control.judge(address(CONTROL), &media, true),
        Verdict::Refused
    );
}

#[test]
fn the_reporter_is_the_ssrc_of_the_first_report() {
    let receiver_report = [0x80, 201, 0, 1, 1, 2, 3, 4];
    assert_eq!(reporter(&receiver_report), Some(0x0102_0304));
    assert_eq!(reporter(&receiver_report[..7]), None);
    let goodbye = [0x81, 203, 0, 1, 1, 2, 3, 4];
    assert_eq!(reporter(&goodbye), None);
    assert_eq!(reporter(&[0x40, 201, 0, 1, 1, 2, 3, 4]), None);
}
