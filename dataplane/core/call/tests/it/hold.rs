//! Calls that rest.

use std::time::Duration;

use callplane_call::{HangupCause, Opening};
use callplane_sdp::Direction;
use callplane_sip::{Ending, Event};

use crate::phone::{Line, digits};

const SECOND: Duration = Duration::from_secs(1);
/// [`digits`] hangs up by itself when nothing is pressed for ten seconds.
const PATIENT: u32 = 60;

fn patient() -> serde_json::Value {
    let mut graph = digits();
    graph["nodes"]["pin"]["collect"]["timeoutSeconds"] = PATIENT.into();
    graph
}

fn hold(line: &mut Line) {
    let offer = line.offer(Direction::SendOnly);
    line.sip(Event::Reinvite { offer: Some(offer) });
    line.sends_audio = false;
}

fn resume(line: &mut Line) {
    let offer = line.offer(Direction::SendRecv);
    line.sip(Event::Reinvite { offer: Some(offer) });
    line.sends_audio = true;
}

#[test]
fn no_call_on_hold_is_longer_than_the_longest_call() {
    let mut line = Line::inbound(patient(), true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(SECOND);
    hold(&mut line);
    line.pass(1_790 * SECOND);
    assert!(line.facts.is_none());
    line.pass(10 * SECOND);
    assert_eq!(line.facts.unwrap().hangup.cause, HangupCause::MaxDuration);
}

#[test]
fn a_call_that_opens_on_hold_ends_with_the_longest_call() {
    let mut line = Line::inbound(patient(), true);
    let offer = line.offer(Direction::Inactive);
    line = line.reopened(Opening::Inbound { offer: Some(offer) });
    line.sends_audio = false;
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(1_801 * SECOND);
    assert_eq!(line.facts.unwrap().hangup.cause, HangupCause::MaxDuration);
}

#[test]
fn a_caller_who_comes_back_from_hold_has_his_time_to_answer() {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    // The question is asked, and nine of the ten seconds for the answer are left.
    line.pass(3 * SECOND);
    hold(&mut line);
    line.pass(90 * SECOND);
    resume(&mut line);
    line.pass(8 * SECOND);
    assert!(line.facts.is_none(), "neither silence nor no input");
    line.press("1204");
    line.pass(4 * SECOND);
    let facts = line.facts.unwrap();
    assert_eq!(facts.variables["pin"], "1204");
}

#[test]
fn the_recording_goes_on_in_small_pieces_while_a_call_is_held() {
    let mut line = Line::inbound(patient(), true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(3 * SECOND);
    hold(&mut line);
    line.pass(40 * SECOND);
    resume(&mut line);
    line.pass(3 * SECOND);
    line.sip(Event::Ended(Ending::Bye));
    let second = 4 * 8_000;
    assert!(line.largest_piece < 2 * second, "{}", line.largest_piece);
    let octets = line.recording.len();
    assert!(octets.abs_diff(46 * second) <= 4 * 320, "{octets}");
    let quiet = &line.recording[5 * second..40 * second];
    assert!(quiet.iter().all(|octet| *octet == 0), "a hold is silent");
}
