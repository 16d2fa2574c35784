//! Supervisors listen to a call, whisper to the colleague in it, or talk in the agent's place.

use std::time::Duration;

use callplane_audio::{Cadence, Tone, ToneGenerator};
use callplane_call::{CannotObserve, Guards, Observer};
use callplane_sip::{Ending, Event};
use callplane_types::{LegId, ObserverMode};
use serde_json::json;

use crate::allocation::{allocations, counted, talkative};
use crate::other::{OTHER_TONE, Other, PHONE_TONE, PLAIN, loudness};
use crate::phone::{Line, digits};

use ObserverMode::{Listen, Talk, Whisper};

const FRAME: Duration = Duration::from_millis(20);
const SECOND: Duration = Duration::from_secs(1);
/// Of 32767; each tone of a supervisor is 2900.
const AUDIBLE: f32 = 2_000.0;
const SILENT: f32 = 100.0;
/// What the synthesised clips of a [`Line`] are made of.
const AGENT_TONE: f32 = 500.0;

/// A supervisor with a tone of their own.
struct Supervisor {
    leg: LegId,
    hertz: f32,
    tone: ToneGenerator,
    heard: Vec<i16>,
}

impl Supervisor {
    /// Somebody whom the call took; not there yet.
    fn expected(line: &mut Line, mode: ObserverMode, hertz: f32) -> Result<Self, CannotObserve> {
        let leg: LegId = format!("{:032x}", hertz as u32).parse().unwrap();
        let observer = Observer {
            leg,
            mode,
            codec: "opus",
        };
        line.call.observe(line.now, observer)?;
        Ok(Self {
            leg,
            hertz,
            tone: ToneGenerator::new(Tone::single(hertz, -18.0), Cadence::STEADY, 8_000),
            heard: Vec::new(),
        })
    }

    fn joins(line: &mut Line, mode: ObserverMode, hertz: f32) -> Self {
        let supervisor = Self::expected(line, mode, hertz).unwrap();
        supervisor.comes(line);
        supervisor
    }

    fn comes(&self, line: &mut Line) {
        line.call.observer_joined(line.now, self.leg);
        line.collect();
    }

    fn leaves(&self, line: &mut Line) {
        line.call.observer_left(line.now, self.leg);
        line.collect();
    }

    fn hears(&self, hertz: f32) -> f32 {
        loudness(&self.heard, hertz)
    }
}

/// Time of everybody; there may be a colleague.
fn pass(
    line: &mut Line,
    mut other: Option<&mut Other>,
    supervisors: &mut [&mut Supervisor],
    time: Duration,
) {
    let end = line.now + time;
    while line.now < end {
        for supervisor in supervisors.iter_mut() {
            let mut frame = [0; 160];
            supervisor.tone.fill(&mut frame);
            counted(|| line.call.hear_observer(supervisor.leg, &frame));
        }
        match &mut other {
            Some(other) => other.pass(line, FRAME),
            None => line.pass(FRAME),
        }
        for supervisor in supervisors.iter_mut() {
            let hears = line.call.tell_observer(supervisor.leg);
            supervisor.heard.extend(hears.unwrap_or(&[0; 160]));
        }
    }
}

/// A call of the phone that was answered.
fn answered(graph: serde_json::Value) -> Line {
    let mut line = Line::inbound(graph, true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line
}

/// A caller who talks with a colleague.
fn talking() -> (Line, Other) {
    let mut line = answered(json!({
        "start": "connect",
        "nodes": {
            "connect": {
                "transfer": {"to": "+15550000001", "ringSeconds": 10},
                "edges": [{"to": "bye", "event": "notReached"}, {"to": "bye"}],
            },
            "bye": {"hangup": {"text": "Goodbye.", "outcome": "talked"}},
        },
    }));
    let mut other = Other::rung(&mut line, PLAIN);
    other.answers(&mut line);
    other.pass(&mut line, SECOND);
    (line, other)
}

/// One side of what was recorded so far: 0 the caller, 1 the agent.
fn recorded(line: &Line, side: usize) -> Vec<i16> {
    let samples = line.recording.chunks_exact(4);
    samples
        .map(|both| i16::from_le_bytes([both[2 * side], both[2 * side + 1]]))
        .collect()
}

fn happened(line: &Line) -> Vec<(&'static str, String)> {
    let events = line.facts.as_ref().unwrap().events.iter();
    events
        .map(|event| (event.kind.as_str(), format!("{:?}", event.kind)))
        .filter(|(word, _)| word.starts_with("observer"))
        .collect()
}

#[test]
fn a_listener_hears_both_and_nobody_hears_it() {
    let (mut line, mut other) = talking();
    let mut listener = Supervisor::joins(&mut line, Listen, 650.0);
    let passed = other.passed;
    pass(
        &mut line,
        Some(&mut other),
        &mut [&mut listener],
        2 * SECOND,
    );
    assert!(listener.hears(PHONE_TONE) > AUDIBLE);
    assert!(listener.hears(OTHER_TONE) > AUDIBLE);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(loudness(&other.heard, PHONE_TONE) > AUDIBLE);
    for heard in [&line.heard, &other.heard, &listener.heard] {
        assert!(loudness(heard, listener.hertz) < SILENT);
    }
    for side in [0, 1] {
        assert!(loudness(&recorded(&line, side), listener.hertz) < SILENT);
    }
    assert!(
        other.passed - passed > 80,
        "packets of both go on to be passed as they are: {}",
        other.passed - passed
    );
}

#[test]
fn a_whisper_is_heard_by_the_colleague_alone_and_recorded_nowhere() {
    let (mut line, mut other) = talking();
    let mut whisperer = Supervisor::joins(&mut line, Whisper, 650.0);
    let mut listener = Supervisor::joins(&mut line, Listen, 850.0);
    let all = &mut [&mut whisperer, &mut listener];
    pass(&mut line, Some(&mut other), all, 3 * SECOND);
    assert!(loudness(&other.heard, 650.0) > AUDIBLE);
    assert!(loudness(&other.heard, PHONE_TONE) > AUDIBLE);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(whisperer.hears(PHONE_TONE) > AUDIBLE && whisperer.hears(OTHER_TONE) > AUDIBLE);
    for heard in [&line.heard, &whisperer.heard, &listener.heard] {
        assert!(loudness(heard, 650.0) < SILENT);
    }
    for side in [0, 1] {
        assert!(loudness(&recorded(&line, side), 650.0) < SILENT);
    }
    // Without the colleague there is nobody to whisper to.
    other.sip(&mut line, Event::Ended(Ending::Bye));
    pass(&mut line, None, &mut [&mut whisperer], SECOND / 2);
    assert!(loudness(&line.heard, 650.0) < SILENT);
}

#[test]
fn a_talker_talks_with_both_and_is_recorded_beside_the_agent() {
    let (mut line, mut other) = talking();
    let mut talker = Supervisor::joins(&mut line, Talk, 650.0);
    let mut second = Supervisor::joins(&mut line, Talk, 750.0);
    let mut listener = Supervisor::joins(&mut line, Listen, 850.0);
    let passed = other.passed;
    let all = &mut [&mut talker, &mut second, &mut listener];
    pass(&mut line, Some(&mut other), all, 3 * SECOND);
    assert!(other.passed - passed <= 1, "packets are mixed, not passed");
    for heard in [&line.heard, &other.heard, &listener.heard] {
        assert!(loudness(heard, 650.0) > AUDIBLE && loudness(heard, 750.0) > AUDIBLE);
    }
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(loudness(&other.heard, PHONE_TONE) > AUDIBLE);
    assert!(talker.hears(750.0) > AUDIBLE && talker.hears(650.0) < SILENT);
    assert!(second.hears(650.0) > AUDIBLE && second.hears(750.0) < SILENT);
    for supervisor in [&talker, &second, &listener] {
        assert!(supervisor.hears(PHONE_TONE) > AUDIBLE && supervisor.hears(OTHER_TONE) > AUDIBLE);
    }
    let (caller, agent) = (recorded(&line, 0), recorded(&line, 1));
    assert!(loudness(&caller, PHONE_TONE) > AUDIBLE && loudness(&caller, 650.0) < SILENT);
    assert!(loudness(&agent, OTHER_TONE) > AUDIBLE && loudness(&agent, 650.0) > AUDIBLE);
    // When all are gone, packets pass as before.
    for supervisor in [&talker, &second] {
        supervisor.leaves(&mut line);
    }
    let passed = other.passed;
    pass(&mut line, Some(&mut other), &mut [], SECOND);
    assert!(other.passed - passed > 40);
    assert_eq!(line.node_sources.len(), 1, "one stream for the caller");
}

#[test]
fn the_agent_yields_to_who_talks_and_asks_again_when_they_are_gone() {
    let mut line = answered(digits());
    line.sends_audio = false;
    pass(&mut line, None, &mut [], SECOND / 2);
    assert!(loudness(&line.heard, AGENT_TONE) > AUDIBLE, "it asks");
    let mut talker = Supervisor::joins(&mut line, Talk, 650.0);
    pass(&mut line, None, &mut [&mut talker], SECOND);
    assert!(loudness(&line.heard, AGENT_TONE) < SILENT);
    assert!(loudness(&line.heard, 650.0) > AUDIBLE);
    // What is pressed meanwhile is nobody's answer, and no time of the question passes.
    line.press("99");
    pass(&mut line, None, &mut [&mut talker], 20 * SECOND);
    assert!(line.facts.is_none());
    talker.leaves(&mut line);
    pass(&mut line, None, &mut [], SECOND);
    assert!(loudness(&line.heard, AGENT_TONE) > AUDIBLE, "it asks again");
    assert!(loudness(&line.heard, 650.0) < SILENT);
    line.press("1204");
    pass(&mut line, None, &mut [], 6 * SECOND);
    assert_eq!(line.facts.as_ref().unwrap().variables["pin"], "1204");
}

#[test]
fn a_listener_hears_the_agent_and_does_not_silence_it() {
    let mut line = answered(talkative());
    let mut listener = Supervisor::joins(&mut line, Listen, 650.0);
    pass(&mut line, None, &mut [&mut listener], 2 * SECOND);
    assert!(listener.hears(AGENT_TONE) > AUDIBLE);
    assert!(listener.hears(PHONE_TONE) > AUDIBLE);
    assert!(loudness(&line.heard, AGENT_TONE) > AUDIBLE);
    assert!(loudness(&line.heard, 650.0) < SILENT);
}

#[test]
fn the_end_of_the_call_is_the_end_for_its_supervisors_and_the_record_tells_of_them() {
    let mut line = answered(talkative());
    let mut listener = Supervisor::joins(&mut line, Listen, 650.0);
    let mut talker = Supervisor::joins(&mut line, Talk, 750.0);
    let late = Supervisor::expected(&mut line, Whisper, 850.0).unwrap();
    pass(&mut line, None, &mut [&mut listener, &mut talker], SECOND);
    talker.leaves(&mut line);
    talker.leaves(&mut line);
    assert!(!line.call.has_observer(talker.leg));
    pass(&mut line, None, &mut [&mut listener], SECOND);
    assert!(line.call.has_observer(listener.leg) && line.call.has_observer(late.leg));
    line.sip(Event::Ended(Ending::Bye));
    assert!(!line.call.has_observer(listener.leg) && !line.call.has_observer(late.leg));
    assert!(line.call.tell_observer(listener.leg).is_none());
    let refused = Supervisor::expected(&mut line, Listen, 900.0).err();
    assert_eq!(refused, Some(CannotObserve::Over));

    let words: Vec<_> = happened(&line).into_iter().map(|(word, _)| word).collect();
    assert_eq!(
        words,
        [
            "observer_joined",
            "observer_joined",
            "observer_left",
            "observer_left"
        ]
    );
    let facts = line.facts.as_ref().unwrap();
    let modes: Vec<_> = facts.observers.iter().map(|one| one.mode).collect();
    assert_eq!(modes, [Listen, Talk, Whisper]);
    let [listened, talked, never_came] = &facts.observers[..] else {
        panic!("{:?}", facts.observers);
    };
    assert_eq!(listened.left_at, Some(facts.ended_at));
    assert!(talked.left_at < listened.left_at && talked.joined_at.is_some());
    assert_eq!(never_came.joined_at, None);
    let last = facts.events.last().unwrap().kind.as_str();
    assert_eq!(last, "ended", "they leave before the end");
}

#[test]
fn only_so_many_join_and_only_a_call_that_was_answered() {
    let mut line = Line::inbound(talkative(), true);
    let refused = Supervisor::expected(&mut line, Listen, 600.0).err();
    assert_eq!(refused, Some(CannotObserve::NotConnected));
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    for number in 0..4_u8 {
        Supervisor::expected(&mut line, Talk, 600.0 + f32::from(number)).unwrap();
    }
    let refused = Supervisor::expected(&mut line, Listen, 700.0).err();
    assert_eq!(refused, Some(CannotObserve::Full));
    // A place that nobody comes to is free again, and nobody was silenced by it.
    pass(&mut line, None, &mut [], SECOND);
    assert!(loudness(&line.heard, AGENT_TONE) > AUDIBLE);
    pass(&mut line, None, &mut [], Guards::default().acknowledgement);
    assert!(Supervisor::expected(&mut line, Listen, 700.0).is_ok());
}

#[test]
fn nothing_is_allocated_for_a_frame_with_supervisors() {
    let (mut line, mut other) = talking();
    let mut all: Vec<_> = [Listen, Whisper, Talk, Talk]
        .into_iter()
        .zip([650.0, 750.0, 850.0, 950.0])
        .map(|(mode, hertz)| Supervisor::joins(&mut line, mode, hertz))
        .collect();
    let all: &mut Vec<_> = &mut all.iter_mut().collect();
    pass(&mut line, Some(&mut other), all, 3 * SECOND);
    let before = allocations();
    pass(&mut line, Some(&mut other), all, 2 * SECOND);
    assert_eq!(allocations() - before, 0);
}
