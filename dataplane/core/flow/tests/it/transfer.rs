//! A person is brought into the call.

use std::time::Duration;

use callplane_flow::{Action, EndReason, Event, Run, SayId, TransferEnd, Waiting};
use callplane_types::Instant;

use crate::driver::{Caller, program};

/// A menu that leads to a person; who is brought back is asked again.
const DESK: &str = r##"
start: topic
inputs:
  name: {default: friend}
nodes:
  topic:
    menu:
      prompt: Sales or service?
      variable: topic
      options:
      - {phrases: [sales], to: sales}
      - {phrases: [service], to: service}
    edges: [{event: noInput, to: bye}, {event: noMatch, to: bye}]
  sales:
    transfer:
      to: "+15550001111"
      text: "I will connect you, {{ name }}."
      whisper: "{{ name }} about {{ topic }}."
      waiting: Music
      ringSeconds: 20
    edges: [{event: notReached, to: nobody}, {to: topic}]
  service:
    transfer: {to: "+15550002222"}
    edges:
    - {event: notReached, to: nobody}
    - {if: "topic == 'service'", to: bye}
    - {to: topic}
  operator:
    global: {phrases: [operator], return: true}
    transfer: {to: "+15550003333"}
    edges: [{event: notReached, to: nobody}]
  nobody: {hangup: {text: Nobody is there., outcome: not_reached}}
  bye: {hangup: {outcome: done}}
"##;

const LEFT: Event = Event::Transferred(TransferEnd::Left);
const NOT_REACHED: Event = Event::Transferred(TransferEnd::NotReached);

#[test]
fn a_caller_is_told_then_connected_and_asked_again_when_the_other_side_leaves() {
    let mut caller = Caller::start_with(&program(DESK), &[("name", "Ada")]);
    caller.say("sales").event(LEFT).event(Event::NoInput);
    assert_eq!(
        caller.log,
        [
            "menu topic",
            "> Sales or service?",
            "< sales",
            "topic = sales",
            "transfer sales",
            "> I will connect you, Ada.",
            "-> +15550001111",
            "menu topic",
            "> Sales or service?",
            "> Sales or service?",
        ]
    );
    let transfer = caller.transfer.unwrap();
    assert_eq!(transfer.whisper.as_deref(), Some("Ada about sales."));
    assert_eq!(transfer.ring, Duration::from_secs(20));
    assert_eq!(transfer.waiting, Waiting::Music);
}

#[test]
fn who_reaches_nobody_goes_another_way() {
    let mut caller = Caller::start(&program(DESK));
    caller.say("service");
    assert_eq!(caller.run.node(), "service");
    caller.take_log();
    caller.event(NOT_REACHED);
    assert_eq!(
        caller.log,
        [
            "hangup nobody",
            "> Nobody is there.",
            "hangup completed not_reached"
        ]
    );
    let transfer = caller.transfer.unwrap();
    assert_eq!(
        transfer.whisper, None,
        "nothing is whispered unless written"
    );
    assert_eq!(transfer.ring, Duration::from_secs(30));
    assert_eq!(transfer.waiting, Waiting::Ringback);
}

#[test]
fn an_expression_chooses_the_way_after_the_talk() {
    let mut caller = Caller::start(&program(DESK));
    caller.say("service").event(LEFT);
    assert_eq!(caller.ending().outcome.as_deref(), Some("done"));
}

#[test]
fn a_global_transfer_returns_to_the_question() {
    let mut caller = Caller::start(&program(DESK));
    caller.say("operator");
    caller.take_log();
    caller.event(LEFT);
    assert_eq!(caller.log, ["menu topic", "> Sales or service?"]);
    caller.say("operator").event(NOT_REACHED);
    assert_eq!(caller.ending().outcome.as_deref(), Some("not_reached"));
}

#[test]
fn while_two_people_talk_nothing_but_its_end_moves_the_flow() {
    let mut caller = Caller::start(&program(DESK));
    caller.say("service");
    assert!(caller.listen.is_some(), "the answer ended the question");
    caller.take_log();
    let heard = String::new();
    for event in [
        Event::Started,
        Event::NoInput,
        Event::NoMatch,
        Event::Heard {
            text: "operator".to_owned(),
        },
        Event::Digits {
            digits: "0".to_owned(),
        },
        Event::SayDone {
            id: SayId(0),
            heard,
        },
    ] {
        caller.event(event);
    }
    assert_eq!(caller.log, [""; 0]);
    assert_eq!(caller.run.node(), "service");
    caller.event(Event::Hangup);
    assert_eq!(caller.ending().reason, EndReason::CallEnded);
    assert_eq!(caller.ending().node, "service");
}

#[test]
fn nobody_is_rung_before_the_announcement_was_said() {
    let mut run = Run::new(program(DESK), []);
    let poll = |run: &mut Run| std::iter::from_fn(|| run.poll()).collect::<Vec<_>>();
    run.handle(Instant::ZERO, Event::Started);
    poll(&mut run);
    let text = "sales".to_owned();
    run.handle(Instant::ZERO, Event::Heard { text });
    let actions = poll(&mut run);
    let Some(Action::Say {
        id, interruptible, ..
    }) = actions.last()
    else {
        panic!("{actions:?}");
    };
    assert!(!interruptible);
    // Nothing was rung that could have ended.
    run.handle(Instant::ZERO, NOT_REACHED);
    assert_eq!(poll(&mut run), []);
    let heard = String::new();
    run.handle(Instant::ZERO, Event::SayDone { id: *id, heard });
    let actions = poll(&mut run);
    let [Action::Transfer(transfer)] = &actions[..] else {
        panic!("{actions:?}");
    };
    // What the caller said is in the whisper, and so not in any log.
    let shown = format!("{transfer:?} {actions:?}");
    assert!(
        !shown.contains("5550001111") && !shown.contains("sales"),
        "{shown}"
    );
}

#[test]
fn a_transfer_that_is_over_does_not_end_twice() {
    let mut caller = Caller::start(&program(DESK));
    caller.say("sales").event(LEFT).take_log();
    caller.event(LEFT).event(NOT_REACHED);
    assert_eq!(caller.log, [""; 0]);
}
