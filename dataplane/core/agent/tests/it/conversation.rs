use callplane_agent::{APOLOGY, Apology, Ending, Speaker, SpeechDown};
use callplane_flow::EndReason;

use crate::talk::{Talk, order};

fn outcome(talk: &Talk) -> Option<&str> {
    match talk.ending.as_ref()? {
        Ending::Flow(ending) if ending.reason == EndReason::Completed => ending.outcome.as_deref(),
        _ => None,
    }
}

#[test]
fn a_caller_who_speaks_and_presses_keys_gets_through() {
    let mut talk = Talk::start(order());
    talk.silence(5_000);
    talk.recognition = Ok(Some("blue"));
    talk.speech(600);
    talk.silence(3_000);
    assert_eq!(talk.captured("colour"), Some("blue".into()));
    talk.press("1234");
    talk.silence(2_000);
    assert_eq!(talk.captured("pin"), Some("1234".into()));
    assert_eq!(outcome(&talk), Some("ordered"));
    assert_eq!(talk.entered, ["greet", "colour", "pin", "bye"]);
    assert_eq!(talk.texts(Speaker::Caller), ["blue"]);
    assert_eq!(talk.texts(Speaker::Keys), ["1234"]);
    assert_eq!(
        talk.heard_of_agent(),
        [
            "Welcome to the shop of colours.",
            "Which colour would you like to have?",
            "Enter your number.",
            "Goodbye."
        ]
    );
}

#[test]
fn cutting_in_stops_the_voice_and_the_transcript_ends_where_the_caller_stopped_hearing() {
    let mut talk = Talk::start(order());
    talk.silence(2_600);
    assert!(talk.is_playing(), "the question is being asked");
    talk.recognition = Ok(Some("red"));
    talk.speech(280);
    assert!(talk.is_playing(), "a cough does not interrupt");
    talk.speech(40);
    assert!(!talk.is_playing());
    assert_eq!(talk.barge_ins, 1);
    talk.speech(300);
    talk.silence(700);
    assert_eq!(talk.captured("colour"), Some("red".into()));
    let question = &talk.messages[1];
    assert_eq!(question.text, "Which colour");
    let intended = Some("Which colour would you like to have?");
    assert_eq!(question.intended.as_deref(), intended);
}

#[test]
fn a_key_interrupts_at_once_and_keys_typed_ahead_answer_the_next_question() {
    let mut talk = Talk::start(order());
    talk.silence(2_600);
    talk.press("21");
    talk.press("234");
    assert_eq!(talk.captured("colour"), Some("blue".into()));
    assert_eq!(talk.captured("pin"), Some("1234".into()));
    talk.silence(2_000);
    assert_eq!(outcome(&talk), Some("ordered"));
}

#[test]
fn a_protected_sentence_is_said_to_its_end_and_its_keys_wait() {
    let mut graph = order();
    graph["nodes"]["greet"]["say"]["interruptible"] = false.into();
    let mut talk = Talk::start(graph);
    talk.speech(500);
    talk.press("1");
    assert!(talk.is_playing());
    assert_eq!(talk.barge_ins, 0);
    talk.silence(1_500);
    assert_eq!(talk.heard_of_agent(), ["Welcome to the shop of colours."]);
    assert_eq!(talk.captured("colour"), Some("red".into()));
}

#[test]
fn silence_is_asked_about_and_then_given_up() {
    let mut talk = Talk::start(order());
    talk.silence(4_200);
    assert!(!talk.is_playing());
    talk.silence(4_700);
    assert_eq!(
        talk.heard_of_agent().len(),
        2,
        "the five seconds are not over"
    );
    talk.silence(1_500);
    assert_eq!(talk.heard_of_agent().last(), Some(&"Are you there?"));
    talk.silence(6_000);
    assert_eq!(outcome(&talk), Some("gave_up"));
}

#[test]
fn what_is_not_understood_is_asked_again() {
    let mut talk = Talk::start(order());
    talk.silence(4_500);
    talk.speech(500);
    talk.silence(3_000);
    assert_eq!(
        talk.heard_of_agent().last(),
        Some(&"Please say red or blue.")
    );
    assert!(talk.texts(Speaker::Caller).is_empty());
}

#[test]
fn a_click_is_not_a_turn() {
    let mut talk = Talk::start(order());
    talk.recognition = Ok(Some("red"));
    talk.silence(4_500);
    talk.speech(60);
    talk.silence(1_000);
    assert_eq!(talk.captured("colour"), None);
}

#[test]
fn nobody_saying_anything_ends_the_call() {
    let mut graph = order();
    graph["nodes"]["colour"]["collect"]["timeoutSeconds"] = 60.into();
    let mut talk = Talk::start(graph);
    talk.silence(4_500);
    talk.silence(19_000);
    assert_eq!(talk.ending, None);
    talk.silence(2_000);
    assert_eq!(talk.ending, Some(Ending::Silence));
}

#[test]
fn no_conversation_is_longer_than_its_limit() {
    let mut talk = Talk::start(order());
    talk.recognition = Ok(None);
    for _ in 0..95 {
        talk.speech(19_000);
        talk.silence(1_000);
    }
    assert!(talk.ending.is_some());
}

#[test]
fn without_a_voice_the_caller_hears_an_apology_once_and_keys_still_work() {
    let mut talk = Talk::start(order());
    talk.synthesis_up = false;
    // The greeting was made while it was up; the question is not.
    talk.silence(3_200);
    assert_eq!(talk.apologies, 1);
    talk.press("2");
    talk.silence(500);
    assert_eq!(talk.captured("colour"), Some("blue".into()));
    talk.press("4321");
    talk.silence(500);
    assert_eq!(talk.captured("pin"), Some("4321".into()));
    assert_eq!(talk.apologies, 1, "once an outage");
    assert_eq!(outcome(&talk), Some("ordered"));
    assert!(
        !talk
            .heard_of_agent()
            .contains(&"Which colour would you like to have?")
    );
}

#[test]
fn without_an_ear_the_caller_hears_an_apology_and_keys_still_work() {
    let mut talk = Talk::start(order());
    talk.silence(4_500);
    talk.recognition = Err(SpeechDown);
    talk.speech(500);
    talk.silence(700);
    assert_eq!(talk.apologies, 1);
    talk.silence(2_000);
    assert_eq!(talk.heard_of_agent().last(), Some(&APOLOGY));
    talk.press("1");
    assert_eq!(talk.captured("colour"), Some("red".into()));
}

#[test]
fn latency_counts_from_the_last_voice_to_the_first_frame_of_the_answer() {
    let mut talk = Talk::start(order());
    talk.silence(4_500);
    talk.recognition = Ok(Some("red"));
    talk.speech(500);
    talk.silence(2_500);
    let answer = talk
        .messages
        .iter()
        .find(|m| m.text == "Enter your number.");
    let latency = answer.unwrap().latency.unwrap();
    assert_eq!(latency.as_millis(), 600, "the silence that ends a turn");
}

#[test]
fn hanging_up_in_the_middle_of_a_sentence_keeps_what_was_heard() {
    let mut talk = Talk::start(order());
    talk.silence(700);
    talk.agent.handle(talk.now, callplane_agent::Input::Ended);
    let mut heard = Vec::new();
    while let Some(output) = talk.agent.poll() {
        if let callplane_agent::Output::Message(message) = output {
            heard.push(message.text);
        }
    }
    assert_eq!(heard, ["Welcome to"]);
}

#[test]
fn text_that_the_voice_has_no_sound_for_was_not_heard() {
    let mut graph = order();
    graph["nodes"]["greet"]["say"]["text"] = "Здравствуйте".into();
    let mut talk = Talk::start(graph);
    talk.silence(4_000);
    assert_eq!(talk.entered, ["greet", "colour"]);
    assert_eq!(
        talk.heard_of_agent(),
        ["Which colour would you like to have?"]
    );
}

#[test]
fn an_apology_that_is_cut_off_counts_as_far_as_it_was_heard() {
    let mut talk = Talk::start(order());
    talk.silence(4_500);
    talk.recognition = Err(SpeechDown);
    talk.speech(500);
    talk.silence(700);
    assert_eq!(talk.apologies, 1);
    talk.silence(200);
    talk.press("1");
    let apology = talk
        .messages
        .iter()
        .find(|m| m.intended.as_deref() == Some(APOLOGY))
        .unwrap();
    assert!(APOLOGY.starts_with(&apology.text) && apology.text.len() < APOLOGY.len() / 2);
    assert!(!apology.text.is_empty());
}

#[test]
fn a_tone_in_place_of_the_apology_says_nothing() {
    let mut talk = Talk::start_with(order(), Apology::Tone);
    talk.silence(4_500);
    talk.recognition = Err(SpeechDown);
    talk.speech(500);
    talk.silence(3_000);
    assert_eq!(talk.apologies, 1);
    assert!(!talk.heard_of_agent().contains(&APOLOGY));
}
