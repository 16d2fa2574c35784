//! A language model that leads the conversation, and the caller who waits for it.

use callplane_agent::{FILLER, Speaker};
use callplane_flow::{ModelMessage, Thought};
use serde_json::json;

use crate::talk::Talk;

fn desk() -> serde_json::Value {
    json!({
        "start": "talk",
        "nodes": {
            "talk": {
                "converse": {"instructions": "Talk.", "opening": "How can I help you today?", "timeoutSeconds": 5},
                "edges": [{"event": "modelFailed", "to": "broken"}, {"event": "noInput", "to": "bye"}, {"to": "bye"}],
            },
            "broken": {"hangup": {"text": "Sorry.", "outcome": "broken"}},
            "bye": {"hangup": {"outcome": "bye"}},
        },
    })
}

fn text(text: &str) -> Thought {
    Thought::Text(text.to_owned())
}

/// A caller who has asked something and waits.
fn asked() -> Talk {
    let mut talk = Talk::start(desk());
    talk.silence(3_000);
    talk.recognition = Ok(Some("when do you open"));
    talk.speech(1_000);
    talk.silence(620);
    assert_eq!(talk.thinks.len(), 1);
    talk
}

#[test]
fn the_first_sentence_is_played_while_the_model_goes_on() {
    let mut talk = asked();
    talk.think([text("We open at nine. On "), text("Sundays")]);
    assert!(talk.is_playing());
    talk.silence(2_000);
    assert_eq!(talk.heard_of_agent().last(), Some(&"We open at nine."));
    assert!(!talk.is_playing(), "the silence is not a second old");
    talk.think([text(" at ten."), Thought::Done]);
    talk.silence(2_000);
    assert_eq!(talk.heard_of_agent().last(), Some(&"On Sundays at ten."));
}

#[test]
fn a_slow_model_is_covered_before_a_second_and_a_half_and_once() {
    let mut talk = asked();
    talk.silence(700);
    assert!(!talk.is_playing());
    talk.silence(200);
    assert!(talk.is_playing(), "1.5 s after the caller's last word");
    talk.silence(4_000);
    assert_eq!(talk.texts(Speaker::Agent).last(), Some(&FILLER));
    talk.think([text("At nine."), Thought::Done]);
    talk.silence(1_500);
    assert_eq!(talk.heard_of_agent()[1..], [FILLER, "At nine."]);
    // What covers the wait is not the model's.
    talk.recognition = Ok(Some("thank you"));
    talk.speech(600);
    talk.silence(620);
    let said = |message: &ModelMessage| match message {
        ModelMessage::Assistant { text, .. } => text.contains(FILLER),
        _ => false,
    };
    assert!(!talk.thinks.last().unwrap().messages.iter().any(said));
}

#[test]
fn a_model_that_stays_silent_has_failed_and_hears_that_it_is_not_waited_for() {
    let mut talk = asked();
    talk.silence(7_900);
    assert!(talk.ending.is_none());
    assert!(talk.stopped.is_empty());
    talk.silence(3_000);
    assert_eq!(talk.stopped, [talk.thinks[0].id]);
    assert_eq!(talk.heard_of_agent().last(), Some(&"Sorry."));
    assert!(talk.ending.is_some());
}

#[test]
fn the_model_is_told_which_words_were_heard_of_what_was_cut_off() {
    let mut talk = asked();
    talk.think([
        text("We open at nine on weekdays and at ten on Sundays. "),
        text("And so on. "),
    ]);
    talk.recognition = Ok(Some("and on sunday"));
    // Fifteen letters.
    talk.silence(900);
    talk.speech(700);
    talk.silence(620);
    assert_eq!(talk.barge_ins, 1);
    let heard = talk.heard_of_agent().last().copied().unwrap().to_owned();
    assert!("We open at nine on weekdays".starts_with(&heard), "{heard}");
    let messages = &talk.thinks.last().unwrap().messages;
    let last = [
        ModelMessage::Assistant {
            text: heard,
            calls: Vec::new(),
        },
        ModelMessage::User("and on sunday".to_owned()),
    ];
    assert_eq!(messages[messages.len() - 2..], last);
    assert_eq!(talk.stopped, [talk.thinks[0].id]);
}

#[test]
fn silence_while_the_model_thinks_is_not_the_callers() {
    let mut talk = asked();
    talk.silence(6_000);
    talk.think([text("At nine."), Thought::Done]);
    talk.silence(4_000);
    assert!(talk.ending.is_none());
    assert!(!talk.heard_of_agent().contains(&"Are you still there?"));
    talk.silence(3_500);
    assert!(talk.heard_of_agent().contains(&"Are you still there?"));
}

#[test]
fn a_caller_who_hangs_up_stops_the_model() {
    let mut talk = asked();
    talk.tell(callplane_agent::Input::Ended);
    assert_eq!(talk.stopped, [talk.thinks[0].id]);
}

/// The agent says what takes 4.9 seconds, and the caller says something into it after 1.4.
fn interrupted_with(words: Option<&'static str>, said: &str) -> Talk {
    let mut talk = asked();
    talk.think([text(said), Thought::Done]);
    talk.recognition = Ok(words);
    talk.silence(1_400);
    talk.speech(500);
    talk.silence(620);
    assert_eq!(talk.barge_ins, 1);
    talk
}

const HOURS: &str = "We open at nine on weekdays and at ten on Sundays. ";

#[test]
fn who_says_no_more_than_go_on_hears_the_rest_and_the_flow_the_whole() {
    for words in [Some("Mm-hmm."), Some("okay, I see"), Some("yes"), None] {
        let mut talk = interrupted_with(words, HOURS);
        assert_eq!(talk.thinks.len(), 1, "the model is not asked again");
        talk.silence(5_000);
        let [before, rest] = talk.heard_of_agent()[1..] else {
            panic!("{:?}", talk.heard_of_agent());
        };
        assert_eq!(format!("{before} {rest}"), HOURS.trim(), "{words:?}");
        let of_caller = talk.texts(Speaker::Caller);
        assert_eq!(of_caller[1..], Vec::from_iter(words), "it was said");
        // And what the model hears of it is one sentence.
        talk.recognition = Ok(Some("thank you"));
        talk.speech(600);
        talk.silence(620);
        let messages = &talk.thinks.last().unwrap().messages;
        let whole = ModelMessage::Assistant {
            text: HOURS.trim().to_owned(),
            calls: Vec::new(),
        };
        assert_eq!(messages[messages.len() - 2], whole);
    }
}

#[test]
fn who_says_more_has_interrupted() {
    let talk = interrupted_with(Some("okay, stop"), HOURS);
    assert_eq!(talk.thinks.len(), 2);
}

#[test]
fn who_says_yes_to_a_question_has_answered() {
    let talk = interrupted_with(
        Some("yes"),
        "On Monday? We have nine or ten o'clock, and more. ",
    );
    assert_eq!(talk.thinks.len(), 2);
    let talk = interrupted_with(None, "On Monday? We have nine or ten o'clock, and more. ");
    assert_eq!(talk.thinks.len(), 1, "a noise is no answer");
}

#[test]
fn what_goes_on_may_be_interrupted_again_and_comes_before_what_the_model_said_since() {
    let mut talk = asked();
    talk.think([text(HOURS)]);
    talk.recognition = Ok(Some("uh-huh"));
    talk.silence(1_400);
    talk.speech(400);
    talk.think([text("Come by. "), Thought::Done]);
    talk.silence(620);
    talk.silence(800);
    talk.speech(400);
    talk.silence(620);
    assert_eq!(talk.barge_ins, 2);
    talk.silence(6_000);
    let heard = talk.heard_of_agent()[1..].join(" ");
    assert_eq!(heard, format!("{HOURS}Come by."));
    assert_eq!(talk.thinks.len(), 1);
    assert!(talk.stopped.is_empty());
}
