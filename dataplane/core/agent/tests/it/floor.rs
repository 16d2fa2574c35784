//! Somebody else talks with the caller, and the agent goes on afterwards.

use std::time::Duration;

use callplane_agent::{Ending, Input, Speaker};
use callplane_flow::TransferEnd;
use serde_json::{Value, json};

use crate::talk::{Talk, order};

const WELCOME: &str = "Welcome to the shop of colours.";
const QUESTION: &str = "Which colour would you like to have?";

/// People talk, press keys and are silent for longer than any question waits.
fn people_talk(talk: &mut Talk) {
    let (messages, barge_ins) = (talk.messages.len(), talk.barge_ins);
    talk.recognition = Ok(Some("red"));
    for _ in 0..3 {
        talk.speech(15_000);
        talk.press("1");
        talk.silence(15_000);
    }
    assert_eq!(talk.ending, None);
    assert_eq!(talk.messages.len(), messages);
    assert_eq!(talk.barge_ins, barge_ins);
    assert!(!talk.capturing && !talk.is_playing());
}

#[test]
fn a_question_that_was_asked_is_asked_again_and_has_all_its_time() {
    let mut talk = Talk::start(order());
    talk.silence(6_000);
    assert_eq!(talk.heard_of_agent(), [WELCOME, QUESTION]);
    talk.tell(Input::FloorTaken);
    people_talk(&mut talk);
    talk.tell(Input::FloorReturned);
    talk.silence(2_200);
    assert_eq!(talk.heard_of_agent(), [WELCOME, QUESTION, QUESTION]);
    talk.silence(4_500);
    assert_eq!(talk.heard_of_agent().len(), 3, "it waits");
    talk.press("2");
    assert_eq!(talk.captured("colour"), Some("blue".into()));
}

#[test]
fn a_sentence_that_was_broken_off_is_said_again_and_the_flow_waits_for_it() {
    let mut talk = Talk::start(order());
    talk.silence(700);
    talk.tell(Input::FloorTaken);
    assert!(!talk.is_playing());
    assert_eq!(talk.barge_ins, 0, "nobody cut in");
    let broken_off = talk.messages.last().unwrap();
    assert!(WELCOME.starts_with(&broken_off.text) && broken_off.text.len() < WELCOME.len());
    assert_eq!(broken_off.intended.as_deref(), Some(WELCOME));
    assert_eq!(talk.entered, ["greet"]);
    people_talk(&mut talk);
    assert_eq!(talk.entered, ["greet"]);
    talk.tell(Input::FloorReturned);
    talk.silence(6_000);
    assert_eq!(talk.heard_of_agent()[1..], [WELCOME, QUESTION]);
    assert_eq!(talk.entered, ["greet", "colour"]);
}

#[test]
fn an_answer_that_is_being_given_is_dropped() {
    let mut talk = Talk::start(order());
    talk.silence(6_000);
    talk.recognition = Ok(Some("red"));
    talk.speech(400);
    assert!(talk.capturing);
    talk.tell(Input::FloorTaken);
    assert!(!talk.capturing);
    talk.silence(2_000);
    talk.tell(Input::FloorReturned);
    talk.silence(3_000);
    assert_eq!(talk.texts(Speaker::Caller), [""; 0]);
    assert_eq!(talk.captured("colour"), None);
    talk.speech(400);
    talk.silence(1_000);
    assert_eq!(talk.captured("colour"), Some("red".into()));
}

#[test]
fn keys_of_half_an_answer_are_no_part_of_the_next() {
    let mut talk = Talk::start(order());
    talk.silence(6_000);
    talk.press("2");
    talk.silence(1_500);
    assert_eq!(talk.entered.last().unwrap(), "pin");
    talk.press("12");
    talk.tell(Input::FloorTaken);
    talk.press("34");
    talk.tell(Input::FloorReturned);
    talk.silence(2_000);
    assert_eq!(talk.captured("pin"), None);
    talk.press("5678");
    assert_eq!(talk.captured("pin"), Some("5678".into()));
}

/// Says goodbye and hangs up.
fn farewell() -> Value {
    json!({"start": "bye", "nodes": {"bye": {"hangup": {"text": "Thank you, and goodbye."}}}})
}

#[test]
fn who_says_goodbye_meanwhile_does_so_afterwards() {
    let mut talk = Talk::start(farewell());
    talk.silence(500);
    talk.tell(Input::FloorTaken);
    people_talk(&mut talk);
    talk.tell(Input::FloorReturned);
    talk.silence(2_000);
    assert_eq!(
        talk.heard_of_agent().last(),
        Some(&"Thank you, and goodbye.")
    );
    assert!(matches!(talk.ending, Some(Ending::Flow(_))));
}

#[test]
fn the_end_of_a_transfer_is_taken_up_when_the_floor_is_free() {
    let mut talk = Talk::start(json!({
        "start": "connect",
        "nodes": {
            "connect": {
                "transfer": {"to": "+15550001111"},
                "edges": [{"event": "notReached", "to": "bye"}, {"to": "bye"}],
            },
            "bye": {"hangup": {"text": "Goodbye."}},
        },
    }));
    talk.tell(Input::FloorTaken);
    talk.silence(1_000);
    talk.tell(Input::Transferred(TransferEnd::Left));
    talk.silence(5_000);
    assert!(!talk.is_playing() && talk.ending.is_none());
    talk.tell(Input::FloorReturned);
    talk.silence(2_000);
    assert_eq!(talk.heard_of_agent(), ["Goodbye."]);
    assert!(talk.ending.is_some());
}

#[test]
fn people_talk_no_longer_than_a_call_may_last() {
    let mut talk = Talk::start(order());
    talk.tell(Input::FloorTaken);
    talk.now += Duration::from_secs(1_800);
    talk.silence(20);
    assert_eq!(talk.ending, Some(Ending::MaxDuration));
}

#[test]
fn a_floor_that_nobody_took_is_not_returned() {
    let mut talk = Talk::start(order());
    talk.silence(6_000);
    talk.tell(Input::FloorReturned);
    talk.silence(2_500);
    assert_eq!(talk.heard_of_agent(), [WELCOME, QUESTION]);
}
