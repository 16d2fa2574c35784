//! What a listener hears when frames are missing.

use callplane_audio::{Concealer, FRAME_SAMPLES};

use crate::support::{Random, rms, sine, speech};

/// A frame in which something is missing is concealed.
fn play(signal: &[i16], is_lost: impl Fn(usize) -> bool) -> Vec<i16> {
    let mut concealer = Concealer::default();
    let mut played = Vec::new();
    for (index, frame) in signal.chunks_exact(FRAME_SAMPLES).enumerate() {
        let mut frame = frame.to_vec();
        match is_lost(index) {
            true => concealer.conceal(&mut frame),
            false => concealer.received(&mut frame),
        }
        played.extend(frame);
    }
    played
}

fn steepest(signal: &[i16]) -> i32 {
    signal
        .windows(2)
        .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
        .max()
        .unwrap()
}

#[test]
fn without_loss_nothing_changes() {
    let signal = sine(200.0, 9000.0, 8000, 3200);
    assert_eq!(play(&signal, |_| false), signal);
}

#[test]
fn a_lost_frame_of_a_steady_voice_is_hardly_heard() {
    // A buzz with a pitch of 125 Hz: fundamental and four harmonics.
    let mut signal = vec![0i16; 3200];
    for harmonic in 1..=5 {
        let part = sine(125.0 * f64::from(harmonic), 3000.0, 8000, 3200);
        callplane_audio::mix_into(&mut signal, &part);
    }
    let played = play(&signal, |index| index == 10);
    let place = 10 * FRAME_SAMPLES..11 * FRAME_SAMPLES;
    let error: Vec<i16> = played[place.clone()]
        .iter()
        .zip(&signal[place])
        .map(|(a, b)| a - b)
        .collect();
    assert!(rms(&error) < rms(&signal) * 0.2, "{}", rms(&error));
    assert!(steepest(&played) <= steepest(&signal) * 13 / 10);
}

#[test]
fn a_long_loss_has_faded_to_silence_after_sixty_milliseconds() {
    let signal = sine(150.0, 12_000.0, 8000, 8000);
    let played = play(&signal, |index| (10..20).contains(&index));
    let part = |subframe: usize| &played[1600 + subframe * 80..1600 + (subframe + 1) * 80];
    assert!(rms(part(0)) > 7000.0);
    let levels: Vec<f64> = (0..7).map(|subframe| rms(part(subframe))).collect();
    assert!(
        levels[1..].windows(2).all(|pair| pair[1] <= pair[0]),
        "{levels:?}"
    );
    assert!(
        played[1600 + 480..20 * FRAME_SAMPLES]
            .iter()
            .all(|sample| *sample == 0)
    );
}

#[test]
fn what_follows_a_loss_is_exact_after_the_blend() {
    let signal = sine(310.0, 9000.0, 8000, 4800);
    for length in 1..6 {
        let played = play(&signal, |index| (10..10 + length).contains(&index));
        let back = (10 + length) * FRAME_SAMPLES + FRAME_SAMPLES;
        assert_eq!(played[back..], signal[back..], "{length} frames lost");
        assert!(
            steepest(&played) < 2 * steepest(&signal),
            "{length} frames lost"
        );
    }
}

#[test]
fn lost_speech_is_nearer_to_the_truth_than_silence() {
    let Some(signal) = speech("slt", "please tell me your name and your account number") else {
        return;
    };
    for seed in 1..=5 {
        let mut random = Random::new(seed);
        let lost: Vec<bool> = (0..signal.len() / FRAME_SAMPLES + 1)
            .map(|_| random.next().is_multiple_of(10))
            .collect();
        let played = play(&signal, |index| lost[index]);
        let mut silenced = signal.clone();
        for (index, frame) in silenced.chunks_mut(FRAME_SAMPLES).enumerate() {
            if lost[index] {
                frame.fill(0);
            }
        }
        let error = |other: &[i16]| {
            let difference: Vec<i16> = other
                .iter()
                .zip(&signal)
                .map(|(a, b)| a.saturating_sub(*b))
                .collect();
            rms(&difference)
        };
        let (concealed, silence) = (error(&played), error(&silenced[..played.len()]));
        assert!(concealed < silence, "seed {seed}: {concealed} {silence}");
    }
}

#[test]
fn any_signal_and_any_pattern_are_survived() {
    let mut random = Random::new(7);
    for _ in 0..50 {
        let loud = random.next().is_multiple_of(2);
        let signal: Vec<i16> = (0..8000)
            .map(|_| match loud {
                true => random.next() as i16,
                false => (random.next() % 3) as i16,
            })
            .collect();
        let pattern = random.next();
        let played = play(&signal, |index| pattern >> (index % 64) & 1 == 1);
        assert_eq!(played.len(), 8000);
    }
}
