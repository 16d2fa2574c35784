//! Tones, volume and sums.

use callplane_audio::{
    Cadence, Law, Melody, Tone, ToneGenerator, fade_in, fade_out, level_dbov, mix_into, scale,
};

use crate::support::{amplitude, rms};

fn make(tone: Tone, cadence: Cadence, samples: usize) -> Vec<i16> {
    let mut signal = vec![0; samples];
    // In uneven pieces: there must be no seams.
    let mut generator = ToneGenerator::new(tone, cadence, 8000);
    for piece in signal.chunks_mut(161) {
        generator.fill(piece);
    }
    signal
}

#[test]
fn a_key_has_the_two_frequencies_of_its_row_and_column() {
    for (event, low, high) in [(1, 697.0, 1209.0), (5, 770.0, 1336.0), (0, 941.0, 1336.0)] {
        let signal = make(Tone::key(event).unwrap(), Cadence::STEADY, 8000);
        let (low, high) = (
            amplitude(&signal, low, 8000),
            amplitude(&signal, high, 8000),
        );
        assert!((low / high - 1.0).abs() < 0.01, "{low} {high}");
        let rest = rms(&signal).powi(2) - (low.powi(2) + high.powi(2)) / 2.0;
        assert!(rest.abs() < rms(&signal).powi(2) * 0.001);
    }
    assert_eq!(Tone::key(16), None);
    let keys: Vec<_> = (0..16)
        .filter_map(Tone::key)
        .map(|t| t.frequencies)
        .collect();
    assert!((0..16).all(|a| (0..a).all(|b| keys[a] != keys[b])));
}

#[test]
fn zero_dbm0_is_the_milliwatt_of_g711() {
    // The digital milliwatt of ITU-T G.711 table 5, mu-law.
    let milliwatt = [0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E]
        .map(|octet| f64::from(Law::Mu.decode_sample(octet)).powi(2));
    let expected = (milliwatt.iter().sum::<f64>() / 8.0).sqrt();
    let made = rms(&make(Tone::single(1000.0, 0.0), Cadence::STEADY, 8000));
    assert!((made / expected - 1.0).abs() < 0.01, "{made} {expected}");
}

#[test]
fn a_cadence_pauses() {
    let signal = make(Tone::BUSY_US, Cadence::BUSY, 16_000);
    assert!(rms(&signal[..4000]) > 500.0);
    assert!(signal[4000..8000].iter().all(|sample| *sample == 0));
    assert!(rms(&signal[8000..12_000]) > 500.0);
}

#[test]
fn sums_and_volumes_saturate() {
    let mut signal = [30_000, -30_000, 5];
    mix_into(&mut signal, &[10_000, -10_000]);
    assert_eq!(signal, [i16::MAX, i16::MIN, 5]);
    scale(&mut signal, 6.0);
    assert_eq!(signal, [i16::MAX, i16::MIN, 10]);
}

#[test]
fn fades_end_in_silence_and_start_from_it() {
    let mut signal = [10_000; 160];
    fade_out(&mut signal);
    assert!(signal.is_sorted_by(|a, b| a >= b));
    assert_eq!(signal[159], 0);
    let mut signal = [10_000; 160];
    fade_in(&mut signal);
    assert!(signal.is_sorted());
    assert_eq!(signal[159], 10_000);
    fade_in(&mut []);
}

#[test]
fn a_full_sine_is_three_decibels_below_overload() {
    let signal = make(Tone::single(500.0, 3.17), Cadence::STEADY, 8000);
    assert!((level_dbov(&signal) + 3.01).abs() < 0.05);
    assert_eq!(level_dbov(&[0; 160]), -100.0);
    assert_eq!(level_dbov(&[]), -100.0);
}

#[test]
fn music_goes_on_without_a_click_and_at_a_level_that_lets_one_talk() {
    let mut melody = Melody::new(8_000);
    // Longer than all of its chords.
    let mut signal = vec![0; 8_000 * 12];
    for piece in signal.chunks_mut(160) {
        melody.fill(piece);
    }
    let step = signal
        .windows(2)
        .map(|pair| pair[0].abs_diff(pair[1]))
        .max();
    assert!(step.unwrap() < 2_500, "{step:?}");
    for second in signal.chunks(8_000) {
        let level = rms(second);
        assert!((500.0..4_000.0).contains(&level), "{level}");
    }
    assert_ne!(signal[..8_000], signal[8_000..16_000]);
}
