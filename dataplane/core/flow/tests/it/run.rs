//! What a run does with a caller.

use callplane_flow::{AgentSettings, EndReason, Event, Limits, Speech};
use serde_json::json;

use crate::driver::{Caller, program, program_for};

/// A small office: menu, order number with confirmation, operator from everywhere.
const OFFICE: &str = r##"
start: greet
inputs:
  name: {default: friend}
nodes:
  greet:
    say: {text: "Hello {{ name }}."}
    edges: [{to: main}]
  main:
    menu:
      prompt: Orders or opening hours?
      variable: topic
      options:
      - {phrases: [orders, my order], digit: "1", to: order}
      - {phrases: [opening hours, hours], digit: "2", to: hours}
      retry: {attempts: 2, noInput: "Are you there?", noMatch: "Please say orders or hours."}
    edges:
    - {event: noInput, to: bye}
    - {event: noMatch, to: bye}
    - {event: digit, digit: "9", to: bye}
  order:
    collect:
      variable: order
      type: digits
      prompt: Your order number?
      digits: {min: 4, max: 6}
      confirm: "I heard {{ value }}. Right?"
      retry: {attempts: 2}
    edges:
    - {event: noInput, to: bye}
    - {event: noMatch, to: bye}
    - {if: "order.startsWith('9')", to: special}
    - {to: people}
  people:
    collect: {variable: people, type: number, prompt: How many people?, number: {min: 1, max: 12}}
    edges:
    - {event: noInput, to: bye}
    - {event: noMatch, to: bye}
    - {if: "people > 6", to: large, priority: 5}
    - {if: "people > 0", to: small}
    - {to: bye}
  large:
    set: {variables: [{variable: note, text: "large party of {{ people }}"}, {variable: seats, expression: people + 2}]}
    edges: [{to: done}]
  small:
    branch: {}
    edges: [{if: "people == 1", to: done}, {to: done}]
  special:
    say: {text: "A special order, {{ order | digits }}."}
    edges: [{to: done}]
  hours:
    say: {text: Nine to five.}
    edges: [{to: main}]
  operator:
    global: {phrases: [operator, a human], digit: "0"}
    hangup: {text: I put you through., outcome: operator}
  help:
    global: {phrases: [help], cooldownSeconds: 30, return: true}
    say: {text: Just answer the question.}
  done:
    hangup: {text: "Thank you, {{ name }}.", outcome: served}
  bye:
    hangup: {outcome: gave_up}
"##;

#[test]
fn a_call_by_speech_reaches_its_end() {
    let mut caller = Caller::start_with(&program(OFFICE), &[("name", "Ada"), ("unknown", "x")]);
    caller
        .say("my order please")
        .say("four oh seven one")
        .say("yes")
        .say("eight");
    assert_eq!(
        caller.log,
        [
            "say greet",
            "> Hello Ada.",
            "menu main",
            "> Orders or opening hours?",
            "< my order please",
            "topic = orders",
            "collect order",
            "> Your order number?",
            "< four oh seven one",
            "> I heard 4 0 7 1. Right?",
            "< yes",
            "order = 4071",
            "collect people",
            "> How many people?",
            "< eight",
            "people = 8",
            "set large",
            "note = large party of 8",
            "seats = 10",
            "hangup done",
            "> Thank you, Ada.",
            "hangup completed served",
        ]
    );
    assert_eq!(
        json!(caller.run.captured()),
        json!({"topic": "orders", "order": "4071", "people": 8, "note": "large party of 8", "seats": 10})
    );
    assert_eq!(caller.ending().reason, EndReason::Completed);
    assert_eq!(caller.ending().node, "done");
}

/// Asks for a card number that is not to be recorded, with help from everywhere.
const CARD: &str = r##"
start: ask
nodes:
  ask:
    recording: start
    say: {text: We record.}
    edges: [{to: card}]
  card:
    recording: pause
    collect: {variable: card, type: digits, prompt: Your card?, digits: {min: 4, max: 4}, confirm: "{{ value }}?"}
    edges: [{event: noInput, to: code}, {event: noMatch, to: code}, {to: code}]
  code:
    recording: pause
    collect: {variable: code, type: digits, prompt: And the code?, digits: {min: 3, max: 3}}
    edges: [{event: noInput, to: bye}, {event: noMatch, to: bye}, {to: thanks}]
  help:
    global: {digit: "0", return: true}
    say: {text: It is on the back.}
  thanks:
    say: {text: Thank you.}
    edges: [{to: bye}]
  bye:
    recording: stop
    hangup: {}
"##;

#[test]
fn nothing_is_recorded_while_a_node_pauses_whichever_way_it_is_left() {
    let mut caller = Caller::start(&program(CARD));
    caller.press("1234").press("1").press("0").press("321");
    assert_eq!(
        caller.log,
        [
            "say ask",
            "record Start",
            "> We record.",
            "collect card",
            "record Pause",
            "> Your card?",
            "# 1234",
            "> 1 2 3 4?",
            "# 1",
            "card = 1234",
            // One pause over both.
            "collect code",
            "> And the code?",
            "# 0",
            "say help",
            "record Resume",
            "> It is on the back.",
            "collect code",
            "record Pause",
            "> And the code?",
            "# 321",
            "code = 321",
            "say thanks",
            "record Resume",
            "> Thank you.",
            "hangup bye",
            "record Stop",
            "hangup completed -",
        ]
    );
}

#[test]
fn a_node_that_stops_the_recording_does_so_before_the_pause_is_over() {
    let stops = CARD.replace("  thanks:", "  thanks:\n    recording: stop");
    let mut caller = Caller::start(&program(&stops));
    caller.press("1234").press("1").press("321");
    let log = caller.log.join("|");
    assert!(
        log.contains("say thanks|record Stop|record Resume"),
        "{log}"
    );
}

#[test]
fn a_call_by_keys_reaches_its_end() {
    let mut caller = Caller::start(&program(OFFICE));
    caller.press("1").press("9123").press("1");
    assert_eq!(caller.log.last().unwrap(), "hangup completed served");
    assert!(
        caller
            .log
            .contains(&"> A special order, 9 1 2 3.".to_owned())
    );
}

#[test]
fn a_silent_caller_is_asked_as_often_as_the_flow_says() {
    let mut caller = Caller::start(&program(OFFICE));
    caller.take_log();
    caller.event(Event::NoInput).event(Event::NoInput);
    assert_eq!(
        caller.log,
        ["> Are you there?", "hangup bye", "hangup completed gave_up"]
    );
}

#[test]
fn a_denied_answer_is_asked_for_again() {
    let mut caller = Caller::start(&program(OFFICE));
    caller.press("1").press("4071");
    caller.take_log();
    caller.say("no").press("4072").say("that's right");
    assert_eq!(
        caller.log[..6],
        [
            "< no",
            "> Your order number?",
            "# 4072",
            "> I heard 4 0 7 2. Right?",
            "< that's right",
            "order = 4072"
        ]
    );
}

#[test]
fn digits_of_the_wrong_length_are_not_understood() {
    let mut caller = Caller::start(&program(OFFICE));
    caller.press("1");
    caller.take_log();
    caller.press("12").press("");
    assert_eq!(
        caller.log,
        [
            "# 12",
            "> Your order number?",
            "# ",
            "hangup bye",
            "hangup completed gave_up"
        ]
    );
}

#[test]
fn a_global_node_returns_to_the_question_it_interrupted() {
    let mut caller = Caller::start(&program(OFFICE));
    caller.event(Event::NoMatch);
    caller.take_log();
    caller.say("help");
    assert_eq!(
        caller.take_log(),
        [
            "< help",
            "say help",
            "> Just answer the question.",
            "menu main",
            "> Orders or opening hours?"
        ]
    );
    // It is shut for half a minute, and the attempts were kept: this was the second of two.
    caller.say("help");
    assert_eq!(caller.log.last().unwrap(), "hangup completed gave_up");
    let mut caller = Caller::start(&program(OFFICE));
    caller.say("help").wait(30).say("orders").say("help");
    assert_eq!(caller.log.last().unwrap(), "> Your order number?");
}

#[test]
fn global_phrases_and_keys_work_at_every_question() {
    for path in [&[][..], &["1"], &["1", "4071", "1"]] {
        let mut caller = Caller::start(&program(OFFICE));
        for keys in path {
            caller.press(keys);
        }
        caller.say("could I talk to a human");
        assert_eq!(
            caller.ending().outcome.as_deref(),
            Some("operator"),
            "{path:?}"
        );
    }
    // Where digits are the answer, 0 is a digit of it.
    let mut caller = Caller::start(&program(OFFICE));
    caller.press("1");
    let digits = caller.listen.clone().unwrap().digits.unwrap();
    assert!(!digits.alone.contains(&'0'));
    assert_eq!((digits.max, digits.terminator), (6, Some('#')));
}

#[test]
fn a_question_listens_for_all_that_it_understands() {
    let caller = Caller::start(&program(OFFICE));
    let listen = caller.listen.unwrap();
    let Some(Speech::Grammar(grammar)) = listen.speech else {
        panic!("phrases are listened to");
    };
    let phrases: Vec<&str> = grammar.phrases().collect();
    assert_eq!(
        phrases,
        [
            "orders",
            "my order",
            "opening hours",
            "hours",
            "help",
            "operator",
            "a human"
        ]
    );
    let keys: String = listen.digits.unwrap().alone.into_iter().collect();
    assert_eq!(keys, "09");
}

#[test]
fn an_edge_key_works_while_the_node_speaks() {
    let yaml = r##"
start: long
nodes:
  long:
    say: {text: A long story.}
    edges: [{event: digit, digit: "#", to: skipped}, {to: told}]
  skipped: {hangup: {outcome: skipped}}
  told: {hangup: {outcome: told}}
"##;
    let caller = Caller::start(&program(yaml));
    assert_eq!(caller.ending().outcome.as_deref(), Some("told"));
    assert_eq!(caller.listen, None, "it stopped listening");
    let mut run = callplane_flow::Run::new(program(yaml), []);
    run.handle(callplane_types::Instant::ZERO, Event::Started);
    for digits in ["5", "#"] {
        let digits = digits.to_owned();
        run.handle(callplane_types::Instant::ZERO, Event::Digits { digits });
    }
    assert_eq!(run.ending().unwrap().outcome.as_deref(), Some("skipped"));
}

#[test]
fn an_expression_that_fails_is_told_and_counts_as_false() {
    let mut caller = Caller::start(&program(
        r#"
start: count
inputs: {age: {}}
nodes:
  count:
    set: {variables: [{variable: years, expression: int(age)}]}
    edges: [{if: "years >= 18", to: adult}, {to: minor}]
  adult: {hangup: {outcome: adult}}
  minor: {hangup: {outcome: minor}}
"#,
    ));
    assert_eq!(
        caller.take_log(),
        [
            "set count",
            "! count: the expression `int(age)` failed: it has no value for what the variables hold now",
            "years = ",
            "! count: the expression `years >= 18` failed: its operands have types that do not fit together",
            "hangup minor",
            "hangup completed minor"
        ]
    );
}

#[test]
fn a_global_expression_is_asked_after_each_question() {
    let program = program(
        r#"
start: age
nodes:
  age:
    collect: {variable: age, type: number, prompt: Age?}
    edges: [{event: noInput, to: bye}, {event: noMatch, to: bye}, {to: again}]
  again:
    collect: {variable: again, type: yesNo, prompt: Sure?}
    edges: [{event: noInput, to: bye}, {event: noMatch, to: bye}, {to: bye}]
  notice:
    global: {if: "caller_number == '+15550100'", cooldownSeconds: 3600, return: true}
    say: {text: This call is free.}
  bye: {hangup: {}}
"#,
    );
    let mut caller = Caller::start_with(&program, &[("caller_number", "+15550100")]);
    caller.say("twenty").say("yes");
    assert_eq!(
        caller.log,
        [
            "collect age",
            "> Age?",
            "< twenty",
            "age = 20",
            "say notice",
            "> This call is free.",
            "collect again",
            "> Sure?",
            "< yes",
            "again = yes",
            "hangup bye",
            "hangup completed -"
        ]
    );
}

#[test]
fn the_first_sentence_comes_before_the_first_node() {
    let agent = AgentSettings {
        first_sentence: Some("This is Acme, {{ name }}.".to_owned()),
        ..AgentSettings::default()
    };
    let caller = Caller::start(&program_for(OFFICE, &agent));
    assert_eq!(caller.log[..2], ["> This is Acme, friend.", "say greet"]);
}

#[test]
fn the_turns_of_a_call_are_limited() {
    let agent = AgentSettings {
        limits: Limits {
            max_turns: 5,
            ..Limits::default()
        },
        ..AgentSettings::default()
    };
    let mut caller = Caller::start(&program_for(OFFICE, &agent));
    for _ in 0..6 {
        caller.say("hours");
    }
    assert_eq!(caller.ending().reason, EndReason::TurnLimit);
    assert_eq!(caller.log.last().unwrap(), "hangup turn_limit -");
}

#[test]
fn a_hangup_ends_the_run_and_nothing_follows() {
    let mut caller = Caller::start(&program(OFFICE));
    caller.take_log();
    caller
        .event(Event::Hangup)
        .say("orders")
        .event(Event::Hangup);
    assert_eq!(caller.log, ["< orders"]);
    assert_eq!(caller.ending().reason, EndReason::CallEnded);
    assert_eq!(caller.ending().node, "main");
}

#[test]
fn the_end_of_an_earlier_sentence_changes_nothing() {
    let program = program(OFFICE);
    let mut caller = Caller::start(&program);
    caller.take_log();
    let id = callplane_flow::SayId(0);
    let heard = String::new();
    caller
        .event(Event::SayDone { id, heard })
        .event(Event::Started);
    assert_eq!(caller.log, [""; 0]);
}
