//! Comfort noise: its payload, its level and its colour.

use callplane_audio::{ComfortNoise, NoiseDescription, level_dbov};
use proptest::prelude::*;

use crate::support::{Random, sine};

fn make(description: &NoiseDescription, samples: usize) -> Vec<i16> {
    let mut noise = ComfortNoise::new(1);
    noise.describe(description);
    let mut signal = vec![0; samples + 800];
    // In uneven pieces: there must be no seams.
    for piece in signal.chunks_mut(161) {
        noise.fill(piece);
    }
    signal.split_off(800)
}

/// Correlation of each sample with the one before it: 0 for white noise, 1 for the lowest.
fn tilt(samples: &[i16]) -> f64 {
    let product = |distance: usize| -> f64 {
        samples
            .iter()
            .zip(&samples[distance..])
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    product(1) / product(0)
}

/// White noise through a filter of one pole: low frequencies prevail with a positive `pole`.
fn coloured(pole: f64, amplitude: f64, samples: usize) -> Vec<i16> {
    let mut random = Random::new(3389);
    let mut state = 0.0;
    (0..samples)
        .map(|_| {
            state = pole * state + amplitude * random.noise();
            state as i16
        })
        .collect()
}

#[test]
fn the_first_octet_is_the_level_below_overload() {
    for (octet, level) in [(0, 0.0), (40, -40.0), (127, -127.0), (0x80 | 40, -40.0)] {
        assert_eq!(
            NoiseDescription::read(&[octet]).unwrap().level_dbov(),
            level
        );
    }
    assert_eq!(NoiseDescription::read(&[]), None);
    for (level, octet) in [(-40.4, 40), (3.0, 0), (-300.0, 127), (f32::NAN, 0)] {
        let mut payload = [0; 11];
        let length = NoiseDescription::white(level).write(&mut payload);
        assert_eq!(payload[..length], [octet]);
    }
}

#[test]
fn a_payload_is_written_as_it_was_read() {
    for length in 1..=11u8 {
        let payload: Vec<u8> = (0..length).map(|place| 30 + 20 * place).collect();
        let mut again = [0; 11];
        let written = NoiseDescription::read(&payload).unwrap().write(&mut again);
        assert_eq!(again[..written], payload);
    }
}

#[test]
fn coefficients_beyond_the_tenth_and_reserved_ones_are_read_over() {
    let long: Vec<u8> = std::iter::once(40).chain([100; 20]).collect();
    assert_eq!(
        NoiseDescription::read(&long),
        NoiseDescription::read(&long[..11])
    );
    assert_eq!(
        NoiseDescription::read(&[40, 255, 200]),
        NoiseDescription::read(&[40, 127, 200])
    );
    let mut short = [0; 3];
    assert_eq!(NoiseDescription::read(&long).unwrap().write(&mut short), 3);
    assert_eq!(short, [40, 100, 100]);
}

#[test]
fn noise_has_the_level_of_its_description() {
    for level in [-20.0, -40.0, -55.0, -65.0] {
        let made = level_dbov(&make(&NoiseDescription::white(level), 16_000));
        assert!((made - level).abs() < 0.5, "{level}: {made}");
        // Two coefficients that lift low frequencies by some 20 dB.
        let shaped = NoiseDescription::read(&[-level as u8, 20, 160]).unwrap();
        let made = level_dbov(&make(&shaped, 16_000));
        assert!((made - level).abs() < 1.0, "{level}, shaped: {made}");
    }
    let silence = NoiseDescription::of(&[0; 160], 0);
    assert!(make(&silence, 1600).iter().all(|sample| *sample == 0));
}

#[test]
fn noise_sounds_as_what_was_described() {
    for pole in [-0.8, -0.4, 0.0, 0.5, 0.9] {
        let room = coloured(pole, 200.0, 3200);
        for order in [1, 4, 10] {
            let description = NoiseDescription::of(&room, order);
            let made = make(&description, 16_000);
            let (level, expected) = (level_dbov(&made), level_dbov(&room));
            assert!(
                (level - expected).abs() < 1.0,
                "{pole}, {order}: {level} {expected}"
            );
            let (tilt, expected) = (tilt(&made), tilt(&room));
            assert!(
                (tilt - expected).abs() < 0.1,
                "{pole}, {order}: {tilt} {expected}"
            );
        }
        assert!(tilt(&make(&NoiseDescription::of(&room, 0), 16_000)).abs() < 0.05);
    }
}

/// RFC 3389 section 3.2 and the signs of G.711 appendix II.
#[test]
fn low_frequencies_make_the_first_coefficient_negative() {
    let mut payload = [0; 11];
    let low = NoiseDescription::of(&coloured(0.8, 200.0, 3200), 1);
    assert_eq!(low.write(&mut payload), 2);
    let coefficient = (f64::from(payload[1]) - 127.0) * 258.0 / 32_768.0;
    assert!((coefficient + 0.8).abs() < 0.1, "{coefficient}");
}

#[test]
fn a_new_description_makes_no_click() {
    let mut noise = ComfortNoise::new(7);
    let mut signal = [0; 480];
    noise.fill(&mut signal[..160]);
    assert_eq!(signal[..160], [0; 160]);
    noise.describe(&NoiseDescription::white(-30.0));
    noise.fill(&mut signal[160..]);
    let loudest = |samples: &[i16]| samples.iter().map(|sample| sample.abs()).max().unwrap();
    assert!(loudest(&signal[160..164]) < loudest(&signal[320..]) / 4);
}

#[test]
fn seeds_make_different_noise() {
    let make = |seed| {
        let mut noise = ComfortNoise::new(seed);
        noise.describe(&NoiseDescription::white(-40.0));
        let mut signal = [0; 160];
        noise.fill(&mut signal);
        signal
    };
    assert_eq!(make(0), make(0));
    assert_ne!(make(2), make(4));
}

proptest! {
    #[test]
    fn any_octets_make_noise_or_nothing(payload in proptest::collection::vec(any::<u8>(), 0..14)) {
        if let Some(description) = NoiseDescription::read(&payload) {
            // A filter that rings for long takes its time to the level, but never exceeds it by far.
            let level = level_dbov(&make(&description, 1600));
            prop_assert!(level <= description.level_dbov().max(-100.0) + 12.0, "{level}");
        }
    }

    #[test]
    fn any_silence_is_described(
        samples in proptest::collection::vec(any::<i16>(), 0..400),
        order in any::<u8>(),
    ) {
        let description = NoiseDescription::of(&samples, order);
        let mut payload = [0; 11];
        let length = description.write(&mut payload);
        prop_assert_eq!(NoiseDescription::read(&payload[..length]), Some(description));
    }
}

#[test]
fn a_sine_and_a_constant_are_described_too() {
    for signal in [sine(400.0, 10_000.0, 8000, 320), vec![12_000; 320]] {
        let description = NoiseDescription::of(&signal, 10);
        let made = level_dbov(&make(&description, 16_000));
        assert!(made < level_dbov(&signal) + 6.0, "{made}");
    }
}
