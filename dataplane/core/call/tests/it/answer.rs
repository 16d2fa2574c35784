//! When a call counts as answered, and what an answer that nobody takes leads to.

use std::time::Duration;

use callplane_call::{EventKind, HangupCause};
use callplane_sdp::Direction;
use callplane_sip::{Command, Ending, Event};
use callplane_types::CallStatus;

use crate::phone::{Line, digits};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_ack_that_leaves_our_offer_unanswered_ends_the_call() {
    let mut line = Line::inbound(digits(), false);
    line.sip(Event::Acknowledged { sdp: None });
    assert!(matches!(line.commands.last(), Some(Command::Hangup)));
    let facts = line.facts.unwrap();
    assert_eq!(facts.hangup.cause, HangupCause::IncompatibleDestination);
}

#[test]
fn an_answer_that_nobody_acknowledges_does_not_keep_the_call() {
    let mut line = Line::inbound(digits(), false);
    line.sends_audio = false;
    line.pass(60 * SECOND);
    let facts = line.facts.unwrap();
    assert_eq!(facts.hangup.cause, HangupCause::ProtocolTimeout);
    assert_eq!(facts.status, CallStatus::Failed);
    assert_eq!(facts.answered_at, None);
}

#[test]
fn a_description_in_the_ack_of_an_answered_offer_is_ignored() {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    let again = line.offer(Direction::SendRecv);
    line.sip(Event::Acknowledged { sdp: Some(again) });
    line.pass(2 * SECOND);
    assert!(line.facts.is_none());
    assert!(line.heard_frames > 10, "{}", line.heard_frames);
}

#[test]
fn nothing_is_sent_to_an_address_that_only_an_invite_has_named() {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    line.sends_audio = false;
    line.pass(10 * SECOND);
    assert_eq!(line.node_packets, 0);
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(SECOND);
    assert!(line.node_packets > 40, "{}", line.node_packets);
}

#[test]
fn a_caller_who_gives_up_before_our_answer_left_was_not_answered() {
    let mut line = Line::inbound(digits(), true);
    line.sip(Event::Ended(Ending::Cancelled));
    let facts = line.facts.unwrap();
    assert_eq!(facts.status, CallStatus::Cancelled);
    assert_eq!(facts.hangup.cause, HangupCause::OriginatorCancel);
    assert_eq!((facts.answered_at, facts.sip_status), (None, Some(487)));
    let to = |event: &callplane_call::CallEvent| match event.kind {
        EventKind::Status { from, to } => Some((from, to)),
        _ => None,
    };
    assert_eq!(
        facts.events.iter().filter_map(to).collect::<Vec<_>>(),
        [
            (None, CallStatus::Initiated),
            (Some(CallStatus::Initiated), CallStatus::Cancelled)
        ]
    );
}

#[test]
fn an_answer_that_nobody_saw_is_none() {
    let mut line = Line::inbound(digits(), true);
    line.sends_audio = false;
    line.pass(32 * SECOND);
    line.sip(Event::Ended(Ending::NotAcknowledged));
    let facts = line.facts.unwrap();
    assert_eq!(
        (facts.status, facts.answered_at),
        (CallStatus::Failed, None)
    );
}

#[test]
fn a_caller_who_was_heard_was_answered_though_the_ack_was_lost() {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    line.pass(5 * SECOND);
    line.sip(Event::Ended(Ending::NotAcknowledged));
    let facts = line.facts.unwrap();
    assert_eq!(facts.status, CallStatus::Completed);
    assert!(facts.answered_at.is_some());
}
