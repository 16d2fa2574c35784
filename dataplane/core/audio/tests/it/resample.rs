//! The filters: what passes, what does not, and that blocks do not matter.

use callplane_audio::{Downsampler, Upsampler};
use proptest::prelude::*;

use crate::support::{amplitude, decibels, sine};

fn up(input: &[i16]) -> Vec<i16> {
    let mut output = Vec::new();
    Upsampler::default().process(input, &mut output);
    output
}

fn down(input: &[i16]) -> Vec<i16> {
    let mut output = Vec::new();
    Downsampler::default().process(input, &mut output);
    output
}

#[test]
fn speech_frequencies_keep_their_level_both_ways() {
    for frequency in [100.0, 300.0, 1000.0, 2000.0, 3000.0, 3400.0] {
        let wide = up(&sine(frequency, 10_000.0, 8000, 8000));
        assert_eq!(wide.len(), 16_000);
        let gain = decibels(amplitude(&wide[800..], frequency, 16_000) / 10_000.0);
        assert!(gain.abs() < 0.2, "up {frequency} Hz: {gain} dB");

        let narrow = down(&sine(frequency, 10_000.0, 16_000, 16_000));
        assert_eq!(narrow.len(), 8000);
        let gain = decibels(amplitude(&narrow[400..], frequency, 8000) / 10_000.0);
        assert!(gain.abs() < 0.2, "down {frequency} Hz: {gain} dB");
    }
}

#[test]
fn images_and_aliases_are_sixty_decibels_down() {
    for frequency in [300.0, 1000.0, 2000.0, 3000.0, 3400.0] {
        let wide = up(&sine(frequency, 10_000.0, 8000, 8000));
        let image = decibels(amplitude(&wide[800..], 8000.0 - frequency, 16_000) / 10_000.0);
        assert!(image < -58.0, "image of {frequency} Hz: {image} dB");
    }
    for frequency in [4100.0, 4600.0, 5000.0, 6500.0, 7700.0] {
        let narrow = down(&sine(frequency, 10_000.0, 16_000, 16_000));
        let alias = decibels(amplitude(&narrow[400..], 8000.0 - frequency, 8000) / 10_000.0);
        assert!(alias < -58.0, "alias of {frequency} Hz: {alias} dB");
    }
}

#[test]
fn full_scale_saturates_and_does_not_wrap() {
    let square: Vec<i16> = (0..1600)
        .map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    // A wrap would turn the middle of a half-wave into the other sign.
    let wide = up(&square);
    for half in 4..70 {
        let middle = half * 40 + 20 + 47;
        let expected = if half % 2 == 0 { 1 } else { -1 };
        assert_eq!(wide[middle].signum(), expected, "half-wave {half}");
    }
}

#[test]
fn there_and_back_is_the_signal_three_milliseconds_twice_later() {
    let signal = sine(440.0, 8000.0, 8000, 4000);
    let back = down(&up(&signal));
    // Both filters are 47.5 samples late at 16 kHz: 95 together, 47.5 at 8 kHz.
    let shifted: Vec<i16> = (0..4000)
        .map(|n| {
            let phase = std::f64::consts::TAU * 440.0 * (f64::from(n) - 47.0) / 8000.0;
            (8000.0 * phase.sin()).round() as i16
        })
        .collect();
    let error = back[200..]
        .iter()
        .zip(&shifted[200..])
        .map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs())
        .max();
    assert!(error.unwrap() < 60, "{error:?}");
}

proptest! {
    #[test]
    fn the_size_of_blocks_does_not_matter(
        signal in proptest::collection::vec(any::<i16>(), 0..2000),
        cuts in proptest::collection::vec(1usize..400, 1..20),
    ) {
        let (mut wide, mut narrow) = (Vec::new(), Vec::new());
        let (mut upsampler, mut downsampler) = (Upsampler::default(), Downsampler::default());
        let mut rest = &signal[..];
        for cut in cuts.iter().cycle() {
            let (block, after) = rest.split_at((*cut).min(rest.len()));
            upsampler.process(block, &mut wide);
            downsampler.process(block, &mut narrow);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(wide, up(&signal));
        prop_assert_eq!(narrow, down(&signal));
    }
}
