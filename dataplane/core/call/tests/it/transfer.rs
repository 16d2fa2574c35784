//! The caller is connected with another party.

use std::time::Duration;

use callplane_call::{
    Codec, EventKind, HangupCause, Input, MediaSecurity, Quality, RecordingAction,
};
use callplane_sip::{Command, Ending, Event};
use callplane_types::{CallStatus, HangupParty};
use serde_json::{Value, json};

use crate::allocation::{allocations, counted};
use crate::keys;
use crate::other::{OTHER_TONE, Other, PHONE_TONE, PLAIN, Terms, dialled, loudness, told};
use crate::phone::Line;

const SECOND: Duration = Duration::from_secs(1);
/// Louder than noise, of 32767.
const AUDIBLE: f32 = 2_000.0;
const SILENT: f32 = 200.0;
/// One of the two frequencies that ring for a caller of an agent that speaks American.
const RINGBACK: f32 = 480.0;

fn flow(transfer: &Value) -> Value {
    json!({
        "start": "connect",
        "nodes": {
            "connect": {
                "transfer": transfer,
                "edges": [{"to": "nobody", "event": "notReached"}, {"to": "bye"}],
            },
            "nobody": {"hangup": {"text": "Nobody is there.", "outcome": "not_reached"}},
            "bye": {"hangup": {"text": "Goodbye.", "outcome": "talked"}},
        },
    })
}

fn to_colleague(more: &Value) -> Value {
    let mut transfer = json!({"to": "+15550000001", "ringSeconds": 10});
    transfer
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    flow(&transfer)
}

/// A caller whose call goes to a colleague at once.
fn caller(more: &Value) -> Line {
    let mut line = Line::inbound(to_colleague(more), true);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line
}

/// A caller who has talked with a colleague for a second; from the end of it on recorded, or not.
fn joined(recorded: bool) -> (Line, Other) {
    let mut line = caller(&json!({}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.answers(&mut line);
    other.pass(&mut line, SECOND);
    if !recorded {
        record(&mut line, RecordingAction::Stop);
    }
    (line, other)
}

fn record(line: &mut Line, action: RecordingAction) {
    line.call.record(line.now, action).unwrap();
    line.collect();
}

/// What the caller and the other party said, from an octet of the recording on.
fn sides(recording: &[u8], from: usize) -> [Vec<i16>; 2] {
    let sample = |pair: &[u8], at| i16::from_le_bytes([pair[at], pair[at + 1]]);
    [0, 2].map(|at| {
        let pairs = recording[from..].chunks_exact(4);
        pairs.map(|pair| sample(pair, at)).collect()
    })
}

fn happened(line: &Line) -> Vec<&'static str> {
    let events = &line.facts.as_ref().unwrap().events;
    let about = |word: &&str| word.starts_with("transfer") || *word == "dtmf";
    events
        .iter()
        .map(|event| event.kind.as_str())
        .filter(about)
        .collect()
}

#[test]
fn both_hear_each_other_and_packets_of_one_codec_pass_as_they_are() {
    let mut line = caller(&json!({}));
    let mut other = Other::rung(&mut line, PLAIN);
    assert_eq!(other.first_offered(), "0", "the caller's codec comes first");
    other.pass(&mut line, SECOND);
    assert!(loudness(&line.heard, RINGBACK) > AUDIBLE, "it rings");
    assert!(line.passed.is_empty() && other.passed == 0);
    other.answers(&mut line);
    other.pass(&mut line, 2 * SECOND);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(loudness(&other.heard, PHONE_TONE) > AUDIBLE);
    assert!(other.passed > 80, "{}", other.passed);

    other.sip(&mut line, Event::Ended(Ending::Bye));
    line.pass(4 * SECOND);
    let facts = line.facts.as_ref().unwrap();
    assert_eq!(
        facts.ending.as_ref().unwrap().outcome.as_deref(),
        Some("talked")
    );
    assert_eq!(facts.status, CallStatus::Completed);
    let party = &facts.parties[0];
    assert_eq!(party.party, other.id);
    assert_eq!((party.codec, party.sip_status), (Some("PCMU"), Some(200)));
    assert_eq!(party.hangup.cause, HangupCause::NormalClearing);
    assert_eq!(party.hangup.party, HangupParty::Callee);
    assert!(party.quality.as_ref().unwrap().received.packets > 80);
    assert_eq!(
        happened(&line),
        ["transfer_started", "transferred", "transfer_ended"]
    );
    assert_eq!(line.node_sources.len(), 1, "one stream for the caller");
}

#[test]
fn different_codecs_are_coded_anew_and_keys_pressed_anew() {
    let mut line = caller(&json!({}));
    let terms = Terms {
        codec: Codec::Pcma,
        ..PLAIN
    };
    let mut other = Other::rung(&mut line, terms);
    other.answers(&mut line);
    other.pass(&mut line, 2 * SECOND);
    assert_eq!(other.passed, 0);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(loudness(&other.heard, PHONE_TONE) > AUDIBLE);
    line.press("59");
    other.pass(&mut line, SECOND);
    assert_eq!(other.keys, "59");
    line.sip(Event::Ended(Ending::Bye));
    assert_eq!(
        happened(&line),
        ["transfer_started", "transferred", "dtmf", "dtmf"]
    );
}

#[test]
fn keys_pass_with_the_audio() {
    let mut line = caller(&json!({}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.answers(&mut line);
    other.pass(&mut line, SECOND);
    line.press("31");
    other.press('7');
    other.pass(&mut line, SECOND);
    assert_eq!(other.keys, "31");
    line.sip(Event::Ended(Ending::Bye));
    // Those of the other party are none of the caller's.
    assert_eq!(happened(&line)[2..], ["dtmf", "dtmf"]);
}

#[test]
fn each_leg_is_encrypted_for_itself() {
    let mut line = caller(&json!({}));
    let terms = Terms {
        security: MediaSecurity::Required,
        ..PLAIN
    };
    let mut other = Other::rung(&mut line, terms);
    other.answers(&mut line);
    other.pass(&mut line, 2 * SECOND);
    assert!(other.passed > 80);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(loudness(&other.heard, PHONE_TONE) > AUDIBLE);
    line.sip(Event::Ended(Ending::Bye));
    let facts = line.facts.as_ref().unwrap();
    assert!(facts.encryption.is_none() && facts.parties[0].encryption.is_some());
}

#[test]
fn nothing_is_allocated_for_what_is_passed_on() {
    for recorded in [true, false] {
        let (mut line, mut other) = joined(recorded);
        other.pass(&mut line, 2 * SECOND);
        let before = allocations();
        line.pass(SECOND);
        assert_eq!(allocations() - before, 0);
        assert!(line.passed.len() >= 50);
        let wall = callplane_types::WallTime::from_unix_micros(0);
        let before = allocations();
        let _ = counted(|| line.call.tick_party(line.now, wall));
        assert_eq!(allocations() - before, 0);
    }
}

#[test]
fn who_answers_is_told_first_what_it_is_about_and_hears_no_caller_meanwhile() {
    let mut line = caller(&json!({"whisper": "A caller about an invoice.", "waiting": "Music"}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.pass(&mut line, SECOND);
    let music = line.heard.clone();
    assert!(music.iter().any(|sample| sample.unsigned_abs() > 1_000));
    other.answers(&mut line);
    other.pass(&mut line, SECOND);
    // The clips of the tests are a square wave.
    let whispered = other
        .heard
        .iter()
        .filter(|sample| sample.unsigned_abs() > 7_000);
    assert!(whispered.count() > 4_000);
    assert!(loudness(&other.heard, PHONE_TONE) < SILENT);
    assert!(loudness(&line.heard, OTHER_TONE) < AUDIBLE);
    other.pass(&mut line, 3 * SECOND);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(loudness(&other.heard, PHONE_TONE) > AUDIBLE);
    line.sip(Event::Ended(Ending::Bye));
    let messages = &line.facts.as_ref().unwrap().messages;
    assert!(messages.is_empty(), "the caller heard nothing of it");
}

#[test]
fn a_whisper_that_cannot_be_spoken_keeps_nobody_apart() {
    let mut line = caller(&json!({"whisper": "A caller."}));
    line.speech_up = false;
    let mut other = Other::rung(&mut line, PLAIN);
    other.answers(&mut line);
    other.pass(&mut line, 5 * SECOND);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
}

#[test]
fn the_caller_hears_what_the_network_of_the_other_party_plays() {
    let mut line = caller(&json!({}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.plays_early_media(&mut line);
    other.pass(&mut line, SECOND);
    assert!(loudness(&line.heard, OTHER_TONE) > AUDIBLE);
    assert!(
        loudness(&other.heard, PHONE_TONE) < SILENT,
        "not answered yet"
    );
    let mut line = caller(&json!({"waiting": "Silence"}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.plays_early_media(&mut line);
    other.pass(&mut line, SECOND);
    assert!(
        loudness(&line.heard, OTHER_TONE) < SILENT,
        "silence was asked for"
    );
}

#[test]
fn who_does_not_answer_in_time_is_cancelled_and_the_flow_goes_on() {
    let mut line = caller(&json!({}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.pass(&mut line, 11 * SECOND);
    assert!(matches!(told(&mut line), Some(Command::Cancel)));
    line.pass(4 * SECOND);
    let facts = line.facts.as_ref().unwrap();
    assert_eq!(
        facts.ending.as_ref().unwrap().outcome.as_deref(),
        Some("not_reached")
    );
    assert_eq!(facts.parties[0].hangup.cause, HangupCause::NoAnswer);
    assert_eq!(happened(&line), ["transfer_started", "transfer_failed"]);
}

#[test]
fn who_is_busy_or_has_no_line_is_not_reached() {
    let mut line = caller(&json!({}));
    let other = Other::rung(&mut line, PLAIN);
    other.refuses(&mut line, 486);
    line.pass(4 * SECOND);
    let facts = line.facts.as_ref().unwrap();
    assert_eq!(facts.parties[0].sip_status, Some(486));
    assert_eq!(facts.parties[0].hangup.cause, HangupCause::UserBusy);
    assert_eq!(
        facts.ending.as_ref().unwrap().outcome.as_deref(),
        Some("not_reached")
    );

    let mut line = caller(&json!({}));
    let party = dialled(&mut line);
    line.call
        .handle(line.now, Input::PartyUnreachable { party });
    line.pass(4 * SECOND);
    let facts = line.facts.as_ref().unwrap();
    assert_eq!(
        facts.ending.as_ref().unwrap().outcome.as_deref(),
        Some("not_reached")
    );
    assert!(line.wishes.is_empty(), "there was nobody to be told");
}

#[test]
fn a_caller_who_hangs_up_takes_the_other_party_along() {
    for answered in [false, true] {
        let mut line = caller(&json!({}));
        let mut other = Other::rung(&mut line, PLAIN);
        if answered {
            other.answers(&mut line);
        }
        other.pass(&mut line, SECOND);
        line.sip(Event::Ended(Ending::Bye));
        match (answered, told(&mut line)) {
            (false, Some(Command::Cancel)) | (true, Some(Command::Hangup)) => {}
            other => panic!("{other:?}"),
        }
        let facts = line.facts.as_ref().unwrap();
        assert_eq!(facts.hangup.party, HangupParty::Caller);
        assert_eq!(facts.parties[0].answered_at.is_some(), answered);
        assert!(
            facts
                .events
                .iter()
                .all(|event| event.kind != EventKind::TransferEnded)
        );
    }
}

#[test]
fn a_party_that_goes_silent_is_given_up() {
    let mut line = caller(&json!({}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.answers(&mut line);
    other.pass(&mut line, 2 * SECOND);
    other.sends = false;
    other.pass(&mut line, 31 * SECOND);
    assert!(matches!(told(&mut line), Some(Command::Hangup)));
    line.pass(4 * SECOND);
    let facts = line.facts.as_ref().unwrap();
    assert_eq!(facts.parties[0].hangup.cause, HangupCause::MediaTimeout);
    assert_eq!(
        facts.ending.as_ref().unwrap().outcome.as_deref(),
        Some("talked")
    );
}

#[test]
fn what_comes_late_of_a_party_that_is_gone_changes_nothing() {
    let mut line = caller(&json!({}));
    let mut other = Other::rung(&mut line, PLAIN);
    other.refuses(&mut line, 486);
    other.answers(&mut line);
    other.pass(&mut line, SECOND);
    assert!(loudness(&line.heard, OTHER_TONE) < SILENT);
    assert!(line.wishes.is_empty());
}

#[test]
fn both_sides_are_recorded() {
    let (mut line, mut other) = joined(true);
    other.pass(&mut line, 3 * SECOND);
    line.sip(Event::Ended(Ending::Bye));
    let [caller, party] = sides(&line.recording, 0);
    assert!(loudness(&caller, PHONE_TONE) > AUDIBLE);
    assert!(loudness(&party, OTHER_TONE) > AUDIBLE);
}

#[test]
fn a_recording_that_begins_while_packets_pass_holds_both_sides_from_then_on() {
    let (mut line, mut other) = joined(false);
    other.pass(&mut line, 5 * SECOND);
    let (passed, before) = (other.passed, line.recording.len());
    record(&mut line, RecordingAction::Start);
    // The time without a recording is silence in its file.
    let begun = line.recording.len();
    assert!(begun - before > 4 * 32_000, "{before} {begun}");
    other.pass(&mut line, 3 * SECOND);
    record(&mut line, RecordingAction::Stop);
    assert!(other.passed - passed >= 149, "packets pass all the while");
    for (side, tone) in sides(&line.recording, begun)
        .iter()
        .zip([PHONE_TONE, OTHER_TONE])
    {
        assert!((23_800..24_400).contains(&side.len()), "{}", side.len());
        // The first 20 ms begin out of silence.
        for (number, part) in side[160..].chunks_exact(160).enumerate() {
            let loud = loudness(part, tone);
            assert!(loud > AUDIBLE, "{tone} Hz, frame {number}: {loud}");
        }
    }
}

#[test]
fn how_it_sounds_is_known_alike_whether_it_is_recorded_or_not() {
    let quality = |recorded| -> [Quality; 2] {
        let (mut line, mut other) = joined(recorded);
        line.loss_percent = 5;
        other.pass(&mut line, 20 * SECOND);
        let caller = line.call.quality(line.now).unwrap();
        line.sip(Event::Ended(Ending::Bye));
        let facts = line.facts.as_ref().unwrap();
        assert_eq!(line.recording.len() > 15 * 32_000, recorded);
        [caller, facts.parties[0].quality.unwrap()]
    };
    let [caller, party] = quality(true);
    assert!(caller.received.concealed_frames > 20 && caller.received.lost > 20);
    assert!(party.received.played_frames > 900);
    assert_eq!([caller, party], quality(false));
}

#[test]
fn keys_are_heard_as_tones_where_nobody_else_listens() {
    let mut line = Line::without_events(to_colleague(&json!({})));
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    let mut other = Other::rung(&mut line, PLAIN);
    other.answers(&mut line);
    line.sound(keys::SILENCE);
    other.pass(&mut line, SECOND);
    record(&mut line, RecordingAction::Stop);
    let passed = other.passed;
    for key in "59".chars() {
        line.sound(keys::tones(key));
        other.pass(&mut line, SECOND / 10);
        line.sound(keys::SILENCE);
        other.pass(&mut line, SECOND / 5);
    }
    assert!(other.passed > passed + 25, "packets pass");
    line.sip(Event::Ended(Ending::Bye));
    assert_eq!(happened(&line)[2..], ["dtmf", "dtmf"]);
}
