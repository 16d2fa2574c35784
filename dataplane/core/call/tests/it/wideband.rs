//! Calls with G.722.

use std::time::Duration;

use callplane_call::{Codec, MediaSecurity};
use callplane_sip::Event;

use crate::phone::{Line, digits, wideband_phone};

#[test]
fn a_wideband_call_is_heard_both_ways_through_loss() {
    let (sdp, plan) = wideband_phone(MediaSecurity::Disabled);
    let mut line = Line::new(digits(), sdp, plan);
    assert_eq!(line.take_answer().codec, Codec::G722);
    line.codec = Codec::G722;
    line.loss_percent = 5;
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(3));
    assert!(line.heard_frames > 60, "{}", line.heard_frames);
    let caller = line.recording.chunks_exact(4).skip(8_000);
    let loudest = caller
        .map(|sample| i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs())
        .max();
    assert!(loudest.unwrap() > 3_000, "{loudest:?}");
    line.press("1204");
    line.pass(Duration::from_secs(4));
    let facts = line.facts.unwrap();
    assert_eq!(facts.variables["pin"], "1204");
    assert_eq!(facts.codec, Some(Codec::G722.name()));
    assert_eq!(facts.encryption, None);
}
