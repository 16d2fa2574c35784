//! The agent steps back while a person talks with the caller.

use std::time::Duration;

use callplane_agent::{Ending, Input, Message, Speaker, Transfer};
use callplane_flow::{EndReason, TransferEnd, Waiting};
use serde_json::{Value, json};

use crate::talk::Talk;

const ANNOUNCEMENT: &str = "I will connect you.";
const QUESTION: &str = "Sales or something else?";
const WHISPER: &str = "A caller about sales.";

/// Asks what it is about by key or voice, and connects; who comes back is asked again.
fn desk() -> Value {
    json!({
        "start": "topic",
        "nodes": {
            "topic": {
                "menu": {
                    "prompt": QUESTION, "variable": "topic", "timeoutSeconds": 5,
                    "options": [
                        {"phrases": ["sales"], "digit": "1", "to": "connect"},
                        {"phrases": ["else"], "digit": "2", "to": "bye"},
                    ],
                    "retry": {"attempts": 1},
                },
                "edges": [{"to": "bye"}],
            },
            "connect": {
                "transfer": {
                    "to": "+15550001111", "text": ANNOUNCEMENT,
                    "whisper": "A caller about {{ topic }}.", "waiting": "Silence", "ringSeconds": 25,
                },
                "edges": [{"event": "notReached", "to": "nobody"}, {"to": "topic"}],
            },
            "nobody": {"hangup": {"text": "Nobody is there.", "outcome": "not_reached"}},
            "bye": {"hangup": {"outcome": "done"}},
        },
    })
}

/// A caller who chose sales and was told so.
fn connected(synthesis_up: bool) -> Talk {
    let mut talk = Talk::start(desk());
    talk.silence(2_000);
    talk.press("1");
    assert_eq!(talk.transfers, [], "it is still announced");
    // The whisper is synthesised when the announcement was said.
    talk.synthesis_up = synthesis_up;
    talk.silence(3_000);
    assert_eq!(talk.transfers.len(), 1);
    talk
}

fn outcome(talk: &Talk) -> Option<&str> {
    match talk.ending.as_ref()? {
        Ending::Flow(ending) if ending.reason == EndReason::Completed => ending.outcome.as_deref(),
        _ => None,
    }
}

fn left(talk: &mut Talk) {
    talk.tell(Input::Transferred(TransferEnd::Left));
}

#[test]
fn the_caller_hears_the_announcement_and_the_other_side_the_whisper() {
    let talk = connected(true);
    let Transfer {
        to,
        ring,
        waiting,
        whisper,
    } = &talk.transfers[0];
    assert_eq!(to.as_str(), "+15550001111");
    assert_eq!(*ring, Duration::from_secs(25));
    assert_eq!(*waiting, Waiting::Silence);
    let (last, text) = talk.synthesized.last().unwrap();
    assert_eq!(text, WHISPER);
    assert_eq!(*whisper, Some(*last));
    let ids: Vec<_> = talk.synthesized.iter().map(|(id, _)| id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert_eq!(talk.heard_of_agent(), [QUESTION, ANNOUNCEMENT]);
    assert!(!talk.is_playing());
}

#[test]
fn what_two_people_say_and_press_is_theirs() {
    let mut talk = connected(true);
    talk.recognition = Ok(Some("sales"));
    let (messages, barge_ins) = (talk.messages.len(), talk.barge_ins);
    for _ in 0..5 {
        talk.speech(15_000);
        talk.press("12");
        talk.silence(15_000);
        for _ in 0..500 {
            talk.tell(Input::Held);
        }
    }
    assert_eq!(talk.ending, None);
    assert_eq!(talk.messages.len(), messages);
    assert_eq!(talk.barge_ins, barge_ins);
    assert!(!talk.capturing && !talk.is_playing());
    assert_eq!(talk.entered, ["topic", "connect"]);
    left(&mut talk);
    talk.silence(2_500);
    assert_eq!(
        talk.entered,
        ["topic", "connect", "topic"],
        "no key of theirs answers the question"
    );
    assert_eq!(
        talk.heard_of_agent(),
        [QUESTION, ANNOUNCEMENT, QUESTION],
        "it is asked again"
    );
    talk.press("2");
    assert_eq!(outcome(&talk), Some("done"));
}

#[test]
fn a_caller_who_comes_back_has_all_the_time_of_a_question() {
    let mut talk = connected(true);
    talk.silence(600_000);
    assert_eq!(talk.ending, None, "a talk is no silence");
    left(&mut talk);
    // A second and a half of words, five seconds of time.
    talk.silence(6_000);
    assert_eq!(talk.ending, None);
    talk.silence(1_000);
    assert_eq!(outcome(&talk), Some("done"));
}

#[test]
fn a_caller_who_comes_back_and_stays_silent_is_let_go_from_then_on() {
    let mut graph = desk();
    graph["nodes"]["topic"]["menu"]["timeoutSeconds"] = 60.into();
    let mut talk = Talk::start(graph);
    talk.press("1");
    talk.silence(3_000);
    talk.silence(100_000);
    left(&mut talk);
    talk.silence(20_500);
    assert_eq!(talk.ending, None);
    talk.silence(2_000);
    assert_eq!(talk.ending, Some(Ending::Silence));
}

#[test]
fn without_frames_meanwhile_the_first_frame_afterwards_is_one_frame() {
    let mut talk = connected(true);
    talk.now += Duration::from_secs(60);
    left(&mut talk);
    talk.silence(3_000);
    // 20 ms of voice are a click, however long nothing was heard before.
    talk.recognition = Ok(Some("sales"));
    talk.speech(20);
    talk.silence(1_000);
    assert_eq!(talk.texts(Speaker::Caller), [""; 0]);
}

#[test]
fn who_reaches_nobody_is_told_and_has_not_waited_for_an_answer_of_the_agent() {
    let mut talk = connected(true);
    talk.silence(25_000);
    talk.tell(Input::Transferred(TransferEnd::NotReached));
    talk.silence(3_000);
    assert_eq!(outcome(&talk), Some("not_reached"));
    let Message { text, latency, .. } = talk.messages.last().unwrap();
    assert_eq!(text, "Nobody is there.");
    assert_eq!(*latency, None);
}

#[test]
fn a_whisper_that_fails_is_no_failure_of_the_talk() {
    let mut talk = connected(false);
    let whisper = talk.transfers[0].whisper.unwrap();
    assert_eq!((talk.speech_down, talk.apologies), (0, 0));
    talk.synthesis_up = true;
    left(&mut talk);
    talk.tell(Input::SpeechFailed { utterance: whisper });
    talk.tell(Input::SpeechReady {
        utterance: whisper,
        samples: 8_000,
    });
    talk.silence(2_500);
    assert_eq!((talk.speech_down, talk.apologies), (0, 0));
    assert_eq!(talk.heard_of_agent(), [QUESTION, ANNOUNCEMENT, QUESTION]);
}

#[test]
fn keys_pressed_while_it_is_announced_answer_nothing_later() {
    let mut talk = Talk::start(desk());
    talk.silence(2_000);
    talk.press("12");
    talk.silence(3_000);
    left(&mut talk);
    talk.silence(2_500);
    assert_eq!(talk.ending, None);
    assert_eq!(talk.entered, ["topic", "connect", "topic"]);
}

#[test]
fn a_turn_that_is_going_on_when_the_transfer_begins_is_dropped() {
    let graph = json!({
        "start": "hello",
        "nodes": {
            "hello": {"say": {"text": "Welcome to the shop of colours."}, "edges": [{"to": "connect"}]},
            "connect": {
                "transfer": {"to": "+15550001111"},
                "edges": [{"event": "notReached", "to": "bye"}, {"to": "bye"}],
            },
            "bye": {"hangup": {}},
        },
    });
    let mut talk = Talk::start(graph);
    talk.silence(500);
    talk.speech(400);
    assert_eq!(talk.barge_ins, 1);
    assert_eq!(talk.transfers.len(), 1);
    assert_eq!(talk.transfers[0].whisper, None);
    assert!(!talk.capturing);
    talk.speech(400);
    assert!(!talk.capturing);
}

#[test]
fn a_talk_of_two_people_ends_with_the_longest_call() {
    let mut talk = connected(true);
    talk.speech(1_790_000);
    assert_eq!(talk.ending, None);
    talk.speech(10_000);
    assert_eq!(talk.ending, Some(Ending::MaxDuration));
}

#[test]
fn a_caller_who_hangs_up_ends_the_run() {
    let mut talk = connected(true);
    talk.tell(Input::Ended);
    let ending = talk.agent.run().ending().unwrap();
    assert_eq!(ending.reason, EndReason::CallEnded);
    assert_eq!(ending.node, "connect");
    left(&mut talk);
    assert_eq!(talk.entered, ["topic", "connect"]);
}

#[test]
fn a_transfer_that_nobody_asked_for_does_not_end() {
    let mut talk = Talk::start(desk());
    talk.tell(Input::Transferred(TransferEnd::NotReached));
    assert_eq!(talk.entered, ["topic"]);
}
