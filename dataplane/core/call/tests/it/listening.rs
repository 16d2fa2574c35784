//! How a caller sounds in the recording: each codec, through a network that loses packets.
//!
//! `make bench SECTIONS=listening` gives real speech and a folder, and scores what lies there afterwards by PESQ
//! (ITU-T P.862); without them what is said is made here.

use std::f64::consts::TAU;
use std::path::PathBuf;
use std::time::Duration;

use callplane_call::{Codec, MediaSecurity};
use callplane_sip::Event;

use crate::phone::{Line, digits, phone_with};

const LOSSES: [u32; 4] = [0, 1, 3, 5];
/// Half a second.
const WINDOW: usize = 4_000;
/// The farthest that the recording is behind, in samples: 400 ms.
const FARTHEST: usize = 3_200;

/// What is said: 16-bit samples at 8 kHz, half a second of silence after them.
fn speech() -> Vec<i16> {
    let mut samples = match std::env::var_os("CALLPLANE_LISTENING_SPEECH") {
        Some(file) => {
            let octets = std::fs::read(file).unwrap();
            let sample = |pair: &[u8]| i16::from_le_bytes([pair[0], pair[1]]);
            octets.chunks_exact(2).map(sample).collect()
        }
        None => vowels(),
    };
    samples.extend([0; 4_000]);
    samples
}

/// Eight seconds of something like vowels: a voice that glides, with formants, and four syllables a second.
fn vowels() -> Vec<i16> {
    let mut phase = 0.0;
    let sample = |at: u32| {
        let time = f64::from(at) / 8_000.0;
        let pitch = 140.0 + 30.0 * (TAU * 0.7 * time).sin();
        phase += TAU * pitch / 8_000.0;
        let formant = 700.0 + 300.0 * (TAU * 1.3 * time).sin();
        let voice: f64 = (1..20)
            .map(|harmonic| {
                let off = (f64::from(harmonic) * pitch - formant) / 250.0;
                (f64::from(harmonic) * phase).sin() * (0.1 + (-off * off).exp())
            })
            .sum();
        let loudness = (TAU * 2.0 * time).sin().abs();
        (voice * loudness * 4_000.0) as i16
    };
    (0..64_000).map(sample).collect()
}

/// What is recorded of a caller who says this.
fn recorded(codec: Codec, loss_percent: u32, speech: &[i16]) -> Vec<i16> {
    let (sdp, plan) = phone_with(&[codec], MediaSecurity::Disabled);
    let mut line = Line::new(digits(), sdp, plan);
    assert_eq!(line.take_answer().codec, codec);
    line.codec = codec;
    line.loss_percent = loss_percent;
    line.speech = speech.iter().copied().collect();
    line.sip(Event::Acknowledged { sdp: None });
    let seconds = speech.len() as u64 / 8_000 + 1;
    line.pass(Duration::from_secs(seconds));
    assert!(line.facts.is_none(), "the call goes on");
    let caller = |frame: &[u8]| i16::from_le_bytes([frame[0], frame[1]]);
    line.recording.chunks_exact(4).map(caller).collect()
}

/// How alike both are, 0 to 1, by halves of a second, of which each counts as its loudness: the delay may change
/// slowly, as the clock of the sender is followed.
fn likeness(sent: &[i16], recorded: &[i16]) -> f64 {
    let (mut likeness, mut whole) = (0.0, 0.0);
    for (number, window) in sent.chunks_exact(WINDOW).enumerate() {
        let energy: f64 = window.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let from = &recorded[(number * WINDOW).min(recorded.len())..];
        let lags = 0..from.len().saturating_sub(WINDOW).min(FARTHEST);
        let best = lags.map(|lag| correlation(window, &from[lag..]));
        likeness += energy * best.fold(0.0, f64::max);
        whole += energy;
    }
    likeness / whole
}

fn correlation(sent: &[i16], recorded: &[i16]) -> f64 {
    let (mut both, mut one, mut other) = (0.0, 0.0, 1.0);
    for (sent, recorded) in sent.iter().zip(recorded) {
        let (sent, recorded) = (f64::from(*sent), f64::from(*recorded));
        both += sent * recorded;
        one += sent * sent;
        other += recorded * recorded;
    }
    both / (one * other).sqrt()
}

#[test]
fn what_callers_say_is_in_the_recording_in_every_codec_and_through_loss() {
    let folder = std::env::var_os("CALLPLANE_LISTENING_DIR").map(PathBuf::from);
    let speech = speech();
    for (codec, clean, worst) in [
        (Codec::Pcmu, 0.97, 0.95),
        (Codec::Pcma, 0.97, 0.95),
        (Codec::G722, 0.97, 0.94),
        (Codec::Opus, 0.9, 0.9),
    ] {
        for loss in LOSSES {
            let recorded = recorded(codec, loss, &speech);
            let likeness = likeness(&speech, &recorded);
            println!("{} {loss} {likeness:.4}", codec.name());
            let least = if loss == 0 { clean } else { worst };
            assert!(likeness > least, "{} {loss} %: {likeness}", codec.name());
            if let Some(folder) = &folder {
                let octets = recorded.iter().flat_map(|sample| sample.to_le_bytes());
                let file = folder.join(format!("{}-{loss}.raw", codec.name()));
                std::fs::write(file, octets.collect::<Vec<u8>>()).unwrap();
                let likeness = format!("{likeness:.4}");
                std::fs::write(
                    folder.join(format!("{}-{loss}.likeness", codec.name())),
                    likeness,
                )
                .unwrap();
            }
        }
    }
}
