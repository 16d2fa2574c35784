//! Keys that do not come as telephone events.

use std::time::Duration;

use callplane_audio::Tone;
use callplane_call::EventKind;
use callplane_sip::{Ending, Event};

use crate::allocation::{allocations, talkative};
use crate::phone::{Line, digits};

pub(crate) const SILENCE: Tone = Tone {
    frequencies: [0.0; 2],
    level_dbm0: -60.0,
};

/// The two sines of a key (ITU-T Q.23).
pub(crate) fn tones(key: char) -> Tone {
    let place = "123456789*0#".find(key).unwrap();
    let low = [697.0, 770.0, 852.0, 941.0][place / 3];
    let high = [1_209.0, 1_336.0, 1_477.0][place % 3];
    Tone {
        frequencies: [low, high],
        level_dbm0: -10.0,
    }
}

fn line() -> Line {
    let mut line = Line::without_events(digits());
    assert!(line.take_answer().telephone_events.is_empty());
    line.sound(SILENCE);
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(3));
    line
}

fn sound(line: &mut Line, key: char) {
    line.sound(tones(key));
    line.pass(Duration::from_millis(100));
    line.sound(SILENCE);
    line.pass(Duration::from_millis(200));
}

fn info(line: &mut Line, key: char) {
    line.sip(Event::Info {
        content_type: b"application/dtmf-relay".as_slice().into(),
        body: format!("Signal={key}\r\nDuration=100\r\n").into(),
    });
}

fn keys_pressed(line: &Line) -> usize {
    let events = line.facts.as_ref().unwrap().events.iter();
    events.filter(|event| event.kind == EventKind::Dtmf).count()
}

#[test]
fn who_knows_no_telephone_events_presses_keys_by_their_tones() {
    let mut line = line();
    "1204".chars().for_each(|key| sound(&mut line, key));
    line.pass(Duration::from_secs(3));
    assert_eq!(line.facts.as_ref().unwrap().variables["pin"], "1204");
    assert_eq!(keys_pressed(&line), 4);
}

#[test]
fn a_key_that_is_sent_by_info_and_as_a_tone_is_one() {
    // The INFO after the tone, then before it.
    for after in [true, false] {
        let mut line = line();
        for key in "1204".chars() {
            if !after {
                info(&mut line, key);
            }
            sound(&mut line, key);
            if after {
                info(&mut line, key);
            }
        }
        line.pass(Duration::from_secs(3));
        assert_eq!(
            line.facts.as_ref().unwrap().variables["pin"],
            "1204",
            "{after}"
        );
        assert_eq!(keys_pressed(&line), 4, "{after}");
    }
}

#[test]
fn tones_are_not_keys_where_telephone_events_were_agreed_on() {
    let mut line = Line::inbound(digits(), true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(3));
    "1204".chars().for_each(|key| sound(&mut line, key));
    line.sip(Event::Ended(Ending::Bye));
    assert_eq!(keys_pressed(&line), 0);
}

#[test]
fn to_listen_for_tones_costs_no_allocation() {
    let mut line = Line::without_events(talkative());
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(3));
    let before = allocations();
    line.pass(Duration::from_secs(3));
    assert_eq!(allocations() - before, 0);
}
