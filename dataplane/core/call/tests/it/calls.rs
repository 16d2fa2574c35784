use std::time::Duration;

use callplane_call::{EventKind, HangupCause, Input};
use callplane_sdp::Direction;
use callplane_sip::{Command, Ending, Event, StatusCode};
use callplane_types::{CallStatus, HangupParty};

use crate::phone::{Line, digits};

const SECOND: Duration = Duration::from_secs(1);

fn answered() -> Line {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line
}

#[test]
fn a_caller_hears_the_agent_and_is_heard_with_his_keys() {
    let mut line = answered();
    line.pass(3 * SECOND);
    assert!(line.heard_frames > 60, "{}", line.heard_frames);
    line.press("1204");
    line.pass(4 * SECOND);
    let facts = line.facts.unwrap();
    assert_eq!(facts.variables["pin"], "1204");
    assert_eq!(facts.status, CallStatus::Completed);
    assert_eq!(facts.hangup.cause, HangupCause::NormalClearing);
    assert_eq!(facts.hangup.party, HangupParty::Callee);
    assert_eq!(facts.codec, Some("PCMU"));
    assert!(facts.quality.unwrap().heard.mos > 4.0);
    assert_eq!(
        facts
            .segments
            .iter()
            .map(|s| s.node.as_str())
            .collect::<Vec<_>>(),
        ["pin", "bye"]
    );
    assert!(matches!(line.commands.last(), Some(Command::Hangup)));
    assert!(line.rtcp_packets >= 1);
}

#[test]
fn digits_arrive_exactly_through_a_network_that_loses_a_fifth() {
    for seed in 0..20 {
        let mut line = answered();
        line.loss_percent = 20;
        line.pass(Duration::from_millis(2_000 + seed * 20));
        line.press("9073");
        line.pass(5 * SECOND);
        let facts = line.facts.unwrap();
        assert_eq!(facts.variables["pin"], "9073", "seed {seed}");
        assert!(facts.quality.unwrap().received.lost > 0);
    }
}

#[test]
fn the_recording_is_as_long_as_the_conversation_with_each_side_on_its_channel() {
    let mut line = answered();
    line.pass(3 * SECOND);
    line.sip(Event::Ended(Ending::Bye));
    let frames = line.recording.len() / 4;
    assert!(frames.abs_diff(3 * 8_000) <= 320, "{frames}");
    let sample = |at: usize, channel: usize| {
        let at = at * 4 + channel * 2;
        i16::from_le_bytes([line.recording[at], line.recording[at + 1]])
    };
    // The agent speaks from 100 ms on; the caller's tone comes through the jitter buffer.
    assert!((8_000..12_000).all(|at| sample(at, 1).unsigned_abs().abs_diff(8_000) < 400));
    assert!((8_000..12_000).any(|at| sample(at, 0).unsigned_abs() > 3_000));
}

#[test]
fn a_node_that_pauses_leaves_silence_of_both_sides_and_says_where() {
    let mut graph = digits();
    graph["nodes"]["pin"]["recording"] = "pause".into();
    let mut line = Line::inbound(graph, true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(3 * SECOND);
    line.press("1204");
    line.pass(4 * SECOND);
    let facts = line.facts.unwrap();
    let recorded = facts.recording.unwrap();
    let [gap] = recorded.gaps[..] else {
        panic!("{recorded:?}")
    };
    assert_eq!(gap.from, Duration::ZERO);
    let end = gap.to.as_micros() as usize / 125 * 4;
    assert!(line.recording[..end].iter().all(|octet| *octet == 0));
    assert!(line.recording[end..].iter().any(|octet| *octet != 0));
    let events: Vec<&str> = facts
        .events
        .iter()
        .map(|event| event.kind.as_str())
        .filter(|event| event.starts_with("recording"))
        .collect();
    assert_eq!(
        events,
        ["recording_started", "recording_paused", "recording_resumed"]
    );
    assert_eq!(Some(recorded.started_at), facts.connected_at);
}

#[test]
fn whoever_hangs_up_is_on_record() {
    let mut line = answered();
    line.pass(SECOND);
    line.sip(Event::Ended(Ending::Bye));
    let facts = line.facts.unwrap();
    assert_eq!(facts.hangup.party, HangupParty::Caller);
    assert_eq!(facts.status, CallStatus::Completed);
    assert_eq!(facts.messages.len(), 1);
    assert!(facts.messages[0].intended.is_some(), "it was cut off");
}

#[test]
fn media_is_as_good_as_an_ack_that_got_lost() {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    line.pass(2 * SECOND);
    assert!(line.heard_frames > 10);
}

#[test]
fn a_caller_without_an_offer_gets_ours_and_answers_in_the_ack() {
    let mut line = Line::inbound(digits(), false);
    let Some(Command::Answer { sdp }) = line.commands.first() else {
        panic!("no answer");
    };
    let offer = sdp.clone();
    let answer = line.answer_to(&offer);
    line.sip(Event::Acknowledged { sdp: Some(answer) });
    line.pass(2 * SECOND);
    assert!(line.heard_frames > 10);
}

#[test]
fn an_offer_without_a_common_codec_is_refused() {
    let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
                 m=audio 4000 RTP/AVP 18\r\n";
    let mut line = Line::inbound(digits(), true);
    let opening = callplane_call::Opening::Inbound {
        offer: Some(offer.into()),
    };
    line = line.reopened(opening);
    assert!(matches!(
        line.commands.as_slice(),
        [Command::Reject { status, .. }] if status.code() == 488
    ));
    let facts = line.facts.unwrap();
    assert_eq!(facts.status, CallStatus::Failed);
    assert_eq!(facts.sip_status, Some(488));
}

#[test]
fn silence_on_the_line_ends_the_call() {
    let mut graph = digits();
    graph["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let mut line = Line::inbound(graph, true);
    line.take_answer();
    line.pass(SECOND);
    line.sends_audio = false;
    line.pass(28 * SECOND);
    assert!(line.facts.is_none());
    line.pass(3 * SECOND);
    assert_eq!(line.facts.unwrap().hangup.cause, HangupCause::MediaTimeout);
}

#[test]
fn a_call_on_hold_rests_and_goes_on() {
    let mut line = answered();
    line.pass(SECOND);
    let hold = line.offer(Direction::SendOnly);
    line.sip(Event::Reinvite { offer: Some(hold) });
    assert!(matches!(
        line.commands.last(),
        Some(Command::AnswerReinvite { .. })
    ));
    let before = line.heard_frames;
    line.sends_audio = false;
    line.pass(40 * SECOND);
    assert!(
        line.heard_frames <= before + 5,
        "nothing is said to a held line"
    );
    assert!(line.facts.is_none(), "and nothing times out");
    let resume = line.offer(Direction::SendRecv);
    line.sip(Event::Reinvite {
        offer: Some(resume),
    });
    line.sends_audio = true;
    line.pass(SECOND);
    line.press("1204");
    line.pass(4 * SECOND);
    let facts = line.facts.unwrap();
    assert_eq!(facts.variables["pin"], "1204");
    let kinds: Vec<&EventKind> = facts.events.iter().map(|event| &event.kind).collect();
    assert!(kinds.contains(&&EventKind::Hold) && kinds.contains(&&EventKind::Resumed));
    let connected = kinds.iter().filter(|kind| **kind == &EventKind::Connected);
    assert_eq!(connected.count(), 1, "a hold does not connect anew");
}

#[test]
fn an_outbound_call_rings_is_answered_and_talks() {
    let mut line = Line::outbound(digits());
    let offer = line.offer.clone().unwrap();
    line.pass(SECOND);
    line.sip(Event::Ringing {
        status: StatusCode::RINGING,
    });
    line.pass(SECOND);
    let sdp = line.answer_to(&offer);
    line.sip(Event::Answered { sdp });
    line.pass(2 * SECOND);
    line.press("1204");
    line.pass(4 * SECOND);
    let facts = line.facts.unwrap();
    assert_eq!(facts.status, CallStatus::Completed);
    assert_eq!(facts.hangup.party, HangupParty::Caller);
    let ringing = facts.ringing_at.unwrap();
    assert_eq!(ringing.saturating_since(facts.initiated_at), SECOND);
    assert_eq!(facts.variables["pin"], "1204");
}

#[test]
fn nobody_answering_is_cancelled_after_the_ring_time() {
    let mut line = Line::outbound(digits());
    line.sip(Event::Ringing {
        status: StatusCode::RINGING,
    });
    line.pass(11 * SECOND);
    assert!(matches!(line.commands.as_slice(), [Command::Cancel]));
    line.sip(Event::Ended(Ending::Cancelled));
    let facts = line.facts.unwrap();
    assert_eq!(facts.status, CallStatus::NoAnswer);
    assert_eq!(facts.hangup.cause, HangupCause::NoAnswer);
    assert_eq!(facts.hangup.party, HangupParty::System);
}

#[test]
fn a_cancel_that_is_never_confirmed_does_not_keep_the_call() {
    let mut line = Line::outbound(digits());
    line.pass(16 * SECOND);
    assert_eq!(line.facts.unwrap().status, CallStatus::NoAnswer);
}

#[test]
fn refusals_tell_how_they_stand() {
    for (code, status) in [
        (486, CallStatus::Busy),
        (480, CallStatus::NoAnswer),
        (603, CallStatus::Failed),
    ] {
        let mut line = Line::outbound(digits());
        line.sip(Event::Ended(Ending::Failed {
            status: StatusCode::new(code).unwrap(),
            reason: String::new(),
            retry_after: None,
        }));
        let facts = line.facts.unwrap();
        assert_eq!((facts.status, facts.sip_status), (status, Some(code)));
        assert_eq!(facts.hangup.party, HangupParty::Callee);
    }
}

#[test]
fn a_drained_node_hangs_up() {
    let mut line = answered();
    line.pass(SECOND);
    line.call
        .handle(line.now, Input::HangUp(HangupCause::NodeDrain));
    line.pass(Duration::from_millis(20));
    let facts = line.facts.unwrap();
    assert_eq!(facts.hangup.cause, HangupCause::NodeDrain);
    assert_eq!(facts.status, CallStatus::Completed);
}

#[test]
fn keys_work_and_an_apology_is_heard_when_speech_is_down() {
    let mut line = Line::inbound(digits(), true);
    line.speech_up = false;
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(2 * SECOND);
    assert!(line.heard_frames > 10, "the sign that something is wrong");
    line.press("1204");
    line.pass(4 * SECOND);
    assert_eq!(line.facts.unwrap().variables["pin"], "1204");
}
