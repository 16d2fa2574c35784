//! A language model talks with the caller.

use callplane_flow::{
    AgentSettings, Event, Listen, ModelMessage, SayId, Speech, Thought, TransferEnd,
};

use crate::driver::{Caller, call, problems, program, program_for, text};

const DESK: &str = r##"
start: talk
inputs:
  name: {default: friend}
nodes:
  talk:
    converse:
      instructions: "Book a visit for {{ name }}."
      opening: "Hello {{ name }}, how can I help?"
      maxTurns: 3
      retry: {attempts: 2, noInput: "Hello?"}
      variables:
      - {name: day, description: Day of the visit, required: true}
      - {name: guests, type: number, description: How many come}
      - {name: parking, type: yesNo, description: Whether they come by car}
    edges:
    - {prompt: the caller wants to book, to: booked}
    - {prompt: the caller wants a person, to: person}
    - {event: noInput, to: silent}
    - {event: modelFailed, to: broken}
    - {event: digit, digit: "0", to: person}
    - {to: enough}
  booked: {hangup: {text: "See you on {{ day }}.", outcome: booked}}
  person:
    transfer: {to: "+15550001111"}
    edges: [{event: notReached, to: enough}, {to: enough}]
  hours:
    global: {phrases: [opening hours], return: true}
    say: {text: We open at nine.}
  silent: {hangup: {outcome: silent}}
  broken: {hangup: {outcome: broken}}
  enough: {hangup: {outcome: enough}}
"##;

fn user(text: &str) -> ModelMessage {
    ModelMessage::User(text.to_owned())
}

fn assistant(text: &str) -> ModelMessage {
    ModelMessage::Assistant {
        text: text.to_owned(),
        calls: Vec::new(),
    }
}

fn begun() -> Caller {
    Caller::start_with(&program(DESK), &[("name", "Ada")])
}

#[test]
fn sentences_are_said_while_the_model_makes_the_next() {
    let mut caller = begun();
    caller.say("A visit please.");
    caller.think([text("Of cou"), text("rse. On wh")]);
    assert_eq!(
        caller.take_log(),
        [
            "converse talk",
            "> Hello Ada, how can I help?",
            "< A visit please.",
            "think",
            "> Of course.",
        ]
    );
    caller.think([text("ich day?"), Thought::Done]);
    assert_eq!(caller.take_log(), ["> On which day?"]);
    let listen = caller.listen.unwrap();
    assert_eq!(listen.speech, Some(Speech::Free));
    assert!(listen.timeout.is_some(), "it is the caller's turn");
}

#[test]
fn the_model_knows_who_it_is_what_was_said_and_what_it_may_do() {
    let agent = AgentSettings {
        prompt: Some("You are Emma of Acme.".to_owned()),
        ..AgentSettings::default()
    };
    let mut caller = Caller::start(&program_for(DESK, &agent));
    caller.say("Monday.");
    caller.think([
        call("note", r#"{"day":"Monday"}"#),
        text("Fine."),
        Thought::Done,
    ]);
    caller.say("Two of us.");
    let think = caller.think.as_ref().unwrap();
    assert!(think.system.starts_with("You are Emma of Acme."));
    assert!(think.system.contains("Book a visit for friend."));
    assert!(think.system.contains(r#"Noted so far: {"day":"Monday"}"#));
    let expected = [
        assistant("Hello friend, how can I help?"),
        user("Monday."),
        assistant("Fine."),
        user("Two of us."),
    ];
    assert_eq!(think.messages, expected);
    let names: Vec<&str> = think.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["note", "go_to"]);
    let places = &think.tools[1].parameters["properties"]["to"]["enum"];
    assert_eq!(*places, serde_json::json!(["booked", "person"]));
}

#[test]
fn who_cuts_in_is_answered_when_it_is_known_what_was_heard() {
    let mut caller = begun();
    caller.say("When do you open?");
    let id = caller.think.take().unwrap().id;
    let more = text("We open at nine on weekdays. And at ten on");
    caller
        .run
        .handle(caller.now, Event::Thought { id, thought: more });
    caller.drain();
    let (said, _) = caller.saying.remove(0);
    caller.run.handle(
        caller.now,
        Event::Heard {
            text: "And on Sunday?".to_owned(),
        },
    );
    caller.drain();
    assert!(caller.log.contains(&"stop thinking".to_owned()));
    assert!(caller.think.is_none(), "it is not known yet what was heard");
    caller.event(Event::SayDone {
        id: said,
        heard: "We open at".to_owned(),
    });
    let think = caller.think.as_ref().unwrap();
    let expected = [assistant("We open at"), user("And on Sunday?")];
    assert_eq!(think.messages[2..], expected);
    // The rest of the answer that nobody wants changes nothing.
    caller.take_log();
    caller.event(Event::Thought {
        id,
        thought: text(" Saturday. "),
    });
    caller.event(Event::Thought {
        id,
        thought: Thought::Failed,
    });
    assert!(caller.log.is_empty(), "{:?}", caller.log);
}

#[test]
fn the_model_leaves_when_it_has_noted_what_is_required() {
    let mut caller = begun();
    caller.say("I want to come.");
    caller.think([call("go_to", r#"{"to":"booked"}"#), Thought::Done]);
    let think = caller.think.clone().unwrap();
    let Some(ModelMessage::Tool { content, .. }) = think.messages.last() else {
        panic!("the model is told what is missing");
    };
    assert!(content.contains("day"), "{content}");
    caller.think([text("On which day?"), Thought::Done]);
    caller.say("On Monday, by car.").take_log();
    caller.think([
        call("note", r#"{"day":"Monday","parking":true,"guests":2}"#),
        call("go_to", r#"{"to":"booked"}"#),
        text("Very well."),
        Thought::Done,
    ]);
    assert_eq!(
        caller.take_log(),
        [
            "> Very well.",
            "day = Monday",
            "guests = 2",
            "parking = yes",
            "hangup booked",
            "> See you on Monday.",
            "hangup completed booked",
        ]
    );
}

#[test]
fn nothing_the_model_writes_does_what_the_node_does_not_allow() {
    let hostile = [
        ("go_to", r#"{"to":"silent"}"#),
        ("go_to", r#"{"to":"+15559990000"}"#),
        ("go_to", r#"{"to":["booked"]}"#),
        ("go_to", "booked"),
        ("go_to", ""),
        ("transfer", r#"{"to":"+15559990000"}"#),
        ("note", r#"{"name":"Eve"}"#),
        ("note", r#"{"day":7}"#),
        ("note", r#"{"guests":"2"}"#),
        ("note", r#"{"guests":1.5}"#),
        ("note", r#"{"parking":"yes"}"#),
        ("note", "[1]"),
        ("note", "\u{0}"),
        ("", "{}"),
    ];
    for (name, arguments) in hostile {
        let mut caller = begun();
        caller.say("Hello.").take_log();
        caller.think([call(name, arguments), text("Well."), Thought::Done]);
        assert_eq!(
            caller.take_log(),
            ["> Well.", "think"],
            "{name} {arguments}"
        );
        assert!(caller.run.captured().is_empty());
        assert_eq!(caller.run.node(), "talk");
        // It may try three times, and then it is the caller's turn.
        caller.think([call(name, arguments), text("Well."), Thought::Done]);
        caller.think([call(name, arguments), text("Well."), Thought::Done]);
        assert!(
            caller
                .listen
                .as_ref()
                .is_some_and(|it| it.timeout.is_some())
        );
    }
    let mut caller = begun();
    caller.say("Hello.");
    let calls = (0..100).map(|_| call("note", r#"{"day":"Monday"}"#));
    caller.think(calls.chain([text("Well."), Thought::Done]));
    let noted = caller.log.iter().filter(|line| *line == "day = Monday");
    assert!(noted.count() <= 16);
}

#[test]
fn a_model_that_fails_or_says_nothing_leads_on() {
    let mut caller = begun();
    caller
        .say("Hello.")
        .think([text("One mo"), Thought::Failed]);
    assert_eq!(caller.ending().outcome.as_deref(), Some("broken"));

    let mut caller = begun();
    caller.say("Hello.");
    for _ in 0..3 {
        assert!(caller.run.ending().is_none());
        caller.think([text(" \n"), Thought::Done]);
    }
    assert_eq!(caller.ending().outcome.as_deref(), Some("broken"));
}

#[test]
fn silence_is_asked_about_and_then_given_up() {
    let mut caller = begun();
    caller.event(Event::NoInput);
    assert_eq!(caller.log.last().unwrap(), "> Hello?");
    caller.event(Event::NoInput);
    assert_eq!(caller.ending().outcome.as_deref(), Some("silent"));

    // Who speaks in between is not on the way out.
    let mut caller = begun();
    caller.event(Event::NoMatch);
    assert_eq!(caller.log.last().unwrap(), "> Sorry, I did not catch that.");
    caller.say("Hello.").think([text("Yes?"), Thought::Done]);
    caller.event(Event::NoMatch);
    assert!(caller.run.ending().is_none());
}

#[test]
fn turns_are_counted() {
    let mut caller = begun();
    for _ in 0..3 {
        caller.say("Why?").think([text("Because."), Thought::Done]);
    }
    caller.say("Why?");
    assert_eq!(caller.ending().outcome.as_deref(), Some("enough"));
}

#[test]
fn keys_and_global_phrases_work_as_at_any_question() {
    let mut caller = begun();
    caller.say("Opening hours!");
    let log = caller.take_log();
    assert_eq!(
        log[3..],
        ["say hours", "> We open at nine.", "converse talk", "think"]
    );
    caller
        .think([text("Anything else?"), Thought::Done])
        .take_log();
    caller.press("0");
    assert_eq!(
        caller.take_log(),
        ["# 0", "transfer person", "-> +15550001111"]
    );
    caller.event(Event::Transferred(TransferEnd::Left));
    assert_eq!(caller.ending().outcome.as_deref(), Some("enough"));
}

#[test]
fn a_model_begins_where_there_is_no_opening() {
    let mut caller = Caller::start(&program(
        "{start: a, nodes: {a: {converse: {instructions: Talk.}, edges: [{to: b}]}, b: {hangup: {}}}}",
    ));
    assert_eq!(caller.take_log(), ["converse a", "think"]);
    let listen: &Listen = caller.listen.as_ref().unwrap();
    assert!(listen.timeout.is_none(), "silence is the model's");
    let think = caller.think.clone().unwrap();
    assert!(think.messages.is_empty() && think.tools.is_empty());
    // What is not of this moment changes nothing.
    caller.event(Event::SayDone {
        id: SayId(99),
        heard: "x".to_owned(),
    });
    assert!(caller.log.is_empty());
}

#[test]
fn what_is_wrong_with_a_conversation_is_told() {
    let cases = [
        ("a: {converse: {instructions: Talk.}}", "nowhere to go"),
        (
            "a: {converse: {instructions: ' '}, edges: [{to: b}]}",
            "instructions are empty",
        ),
        (
            "a: {converse: {instructions: 'Hi {{ who }}'}, edges: [{to: b}]}",
            "`who`",
        ),
        (
            "a: {converse: {instructions: Talk., maxTurns: 0}, edges: [{to: b}]}",
            "maxTurns",
        ),
        (
            "a: {converse: {instructions: Talk., variables: [{name: x, description: A}, {name: x, description: B}]}, edges: [{to: b}]}",
            "noted twice",
        ),
        (
            "a: {converse: {instructions: Talk., variables: [{name: caller_number, type: number, description: A}]}, edges: [{to: b}]}",
            "whole number",
        ),
        (
            "a: {say: {text: Hi.}, edges: [{prompt: it rains, to: b}, {to: b}]}",
            "no model at a say node",
        ),
        (
            "a: {converse: {instructions: Talk.}, edges: [{prompt: p, event: noInput, to: b}, {to: b}]}",
            "more than one of event, prompt and if",
        ),
        (
            "a: {say: {text: Hi.}, edges: [{event: modelFailed, to: b}, {to: b}]}",
            "never happens at a say node",
        ),
        (
            "a: {converse: {instructions: Talk.}, edges: [{event: modelFailed, to: a}, {to: b}]}",
            "goes round for ever",
        ),
    ];
    for (node, sentence) in cases {
        let found = problems(&format!(
            "{{start: a, nodes: {{{node}, b: {{hangup: {{}}}}}}}}"
        ));
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(text.join(" ").contains(sentence), "{node}: {text:?}");
    }
}
