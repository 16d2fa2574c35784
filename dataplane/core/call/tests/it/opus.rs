//! Calls with Opus.

use std::time::Duration;

use callplane_call::{Codec, MediaSecurity};
use callplane_sip::Event;

use crate::allocation::{allocations, talkative};
use crate::phone::{Line, digits, phone_with};

fn line(graph: serde_json::Value, security: MediaSecurity) -> Line {
    let (sdp, plan) = phone_with(&[Codec::Opus, Codec::Pcmu], security);
    let mut line = Line::new(graph, sdp, plan);
    assert_eq!(line.take_answer().codec, Codec::Opus);
    line.codec = Codec::Opus;
    line
}

/// The loudest the caller was in the recording, behind its first second.
fn loudest(line: &Line) -> u16 {
    let caller = line.recording.chunks_exact(4).skip(8_000);
    let loudness = |sample: &[u8]| i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs();
    caller.map(loudness).max().unwrap()
}

#[test]
fn both_sides_hear_each_other_through_loss_and_keys_count_the_clock_of_opus() {
    let mut line = line(digits(), MediaSecurity::Required);
    line.loss_percent = 5;
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(3));
    assert!(line.heard_frames > 60, "{}", line.heard_frames);
    assert!(loudest(&line) > 3_000, "{}", loudest(&line));
    line.press("1204");
    line.pass(Duration::from_secs(4));
    let facts = line.facts.unwrap();
    assert_eq!(facts.variables["pin"], "1204");
    assert_eq!(facts.codec, Some("opus"));
    assert!(facts.encryption.is_some());
    let quality = facts.quality.unwrap().received;
    assert!(
        quality.lost > 0 && quality.jitter < Duration::from_millis(2),
        "{quality:?}"
    );
}

#[test]
fn nothing_is_sent_while_the_agent_says_nothing_and_talk_after_it_has_the_marker() {
    let mut line = line(digits(), MediaSecurity::Disabled);
    line.sip(Event::Acknowledged { sdp: None });
    // The prompt is over after two seconds, and the agent waits ten for keys.
    line.pass(Duration::from_secs(8));
    let during_the_pause = {
        let before = line.opus_packets.len();
        line.pass(Duration::from_secs(2));
        line.opus_packets.len() - before
    };
    assert!((2..=12).contains(&during_the_pause), "{during_the_pause}");
    line.press("1204");
    line.pass(Duration::from_secs(2));
    assert_eq!(line.facts.as_ref().unwrap().variables["pin"], "1204");
    let packets = &line.opus_packets;
    let mut resumed = 0;
    for pair in packets.windows(2) {
        let passed = pair[1].1.wrapping_sub(pair[0].1);
        assert_eq!(passed % 960, 0, "the clock counts 48000 a second");
        assert_eq!(pair[1].0, passed > 960, "the marker, after {passed}");
        resumed += u32::from(passed > 960);
    }
    assert!(resumed > 3, "{resumed}");
}

#[test]
fn a_packet_costs_what_the_codec_costs_and_nothing_beside() {
    let mut line = line(talkative(), MediaSecurity::Required);
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(3));
    let before = allocations();
    line.pass(Duration::from_secs(10));
    let each = (allocations() - before) as f64 / 500.0;
    // Some seventy to encode a packet, and ten to decode one: the scratch memory of the codec.
    println!("{each} allocations a frame");
    assert!(each > 0.0 && each < 110.0, "{each}");
    assert!(line.heard_frames > 500, "{}", line.heard_frames);
}

#[test]
fn another_codec_after_a_re_invite_is_another_source_with_its_own_clock() {
    let mut line = line(talkative(), MediaSecurity::Disabled);
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(2));
    let (narrow, _) = phone_with(&[Codec::Pcmu], MediaSecurity::Disabled);
    assert_eq!(line.reoffer(Some(narrow)).codec, Codec::Pcmu);
    line.codec = Codec::Pcmu;
    line.pass(Duration::from_secs(2));
    let heard = line.heard_frames;
    assert_eq!(line.node_sources.len(), 2);
    let (both, _) = phone_with(&[Codec::Opus], MediaSecurity::Disabled);
    assert_eq!(line.reoffer(Some(both)).codec, Codec::Opus);
    line.codec = Codec::Opus;
    line.pass(Duration::from_secs(2));
    assert_eq!(line.node_sources.len(), 3);
    assert!(
        heard > 150 && line.heard_frames > heard + 80,
        "{heard}, {}",
        line.heard_frames
    );
    assert!(loudest(&line) > 3_000);
}
