//! Packets of 10 to 60 ms, both ways.

use std::time::Duration;

use callplane_call::{Codec, MediaSecurity};
use callplane_sip::Event;

use crate::allocation::{allocations, talkative};
use crate::phone::{Line, digits, phone_wanting};

const TIMES: [u8; 5] = [10, 20, 30, 40, 60];

fn line(graph: serde_json::Value, codec: Codec, wanted: u8) -> Line {
    let (sdp, plan) = phone_wanting(wanted, &[codec, Codec::Pcmu], MediaSecurity::Required);
    let mut line = Line::new(graph, sdp, plan);
    assert_eq!(line.take_answer().codec, codec);
    line.codec = codec;
    line.packet_time = Duration::from_millis(wanted.into());
    line.sip(Event::Acknowledged { sdp: None });
    line
}

/// Media time from each packet of the node to the next, without the pauses of the agent.
fn steps(line: &Line) -> Vec<u32> {
    let pairs = line.payloads.windows(2);
    pairs
        .map(|pair| pair[1].0.wrapping_sub(pair[0].0))
        .collect()
}

#[test]
fn what_the_phone_asks_for_is_sent_and_what_it_sends_is_heard() {
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
        for wanted in TIMES {
            // Opus has no frame of 30 ms; the phone's own encoder has none either.
            let wanted = if codec == Codec::Opus && wanted == 30 {
                20
            } else {
                wanted
            };
            let name = format!("{codec} in packets of {wanted} ms");
            let mut line = line(digits(), codec, wanted);
            line.pass(Duration::from_secs(3));
            assert!(
                (70..=95).contains(&line.heard_frames),
                "{name}: {}",
                line.heard_frames
            );
            let ticks = u32::from(wanted) * codec.clock_rate() / 1_000;
            let steps = steps(&line);
            assert!(
                steps.iter().all(|step| step % ticks == 0),
                "{name}: {steps:?}"
            );
            let regular = steps.iter().filter(|step| **step == ticks).count();
            assert!(regular * 10 >= steps.len() * 9, "{name}: {steps:?}");
            if codec != Codec::Opus {
                let octets = usize::from(wanted) * 8;
                assert!(
                    line.payloads.iter().all(|payload| payload.1 == octets),
                    "{name}"
                );
            }
            line.press("1204");
            line.pass(Duration::from_secs(4));
            let facts = line.facts.unwrap();
            assert_eq!(facts.variables["pin"], "1204", "{name}");
            let received = facts.quality.unwrap().received;
            assert_eq!((received.late, received.lost), (0, 0), "{name}");
        }
    }
}

#[test]
fn a_buffer_that_is_shorter_than_the_packets_waits_once_and_then_has_what_it_needs() {
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
        for wanted in [10, 20, 40, 60] {
            let mut line = line(talkative(), codec, wanted);
            line.pass(Duration::from_secs(10));
            line.sip(Event::Ended(callplane_sip::Ending::Bye));
            let received = line.facts.unwrap().quality.unwrap().received;
            let counters = (received.late, received.lost, received.skipped_frames);
            assert_eq!(counters, (0, 0, 0), "{codec}, {wanted} ms: {received:?}");
            assert!(
                received.concealed_frames <= 5,
                "{codec}, {wanted} ms: {received:?}"
            );
        }
    }
}

#[test]
fn a_phone_may_change_its_packet_time_without_a_word() {
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
        let mut line = line(talkative(), codec, 20);
        for millis in [20, 60, 10, 40, 20] {
            line.packet_time = Duration::from_millis(millis);
            line.pass(Duration::from_secs(4));
        }
        line.sip(Event::Ended(callplane_sip::Ending::Bye));
        let received = line.facts.unwrap().quality.unwrap().received;
        assert_eq!((received.late, received.lost), (0, 0), "{codec}");
        // Of a thousand frames.
        assert!(received.concealed_frames < 15, "{codec}: {received:?}");
    }
}

#[test]
fn a_re_invite_may_ask_for_other_packets() {
    let mut line = line(talkative(), Codec::Pcmu, 20);
    line.pass(Duration::from_secs(1));
    let (other, _) = phone_wanting(60, &[Codec::Pcmu], MediaSecurity::Required);
    let negotiated = line.reoffer(Some(other));
    line.crypto = negotiated.crypto().map(crate::phone::contexts);
    line.payloads.clear();
    line.pass(Duration::from_secs(3));
    assert!(line.payloads.len() >= 49 && line.payloads.iter().all(|payload| payload.1 == 480));
}

#[test]
fn packets_of_other_times_cost_no_allocation_either() {
    for wanted in TIMES {
        let mut line = line(talkative(), Codec::G722, wanted);
        line.pass(Duration::from_secs(3));
        let before = allocations();
        line.pass(Duration::from_secs(6));
        assert_eq!(allocations() - before, 0, "{wanted} ms");
    }
}
