//! From any sampling rate to any other: what passes, what does not, and that blocks do not matter.

use callplane_audio::{RateConverter, SampleRate};
use proptest::prelude::*;

use crate::support::{amplitude, decibels, sine};

fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
    let all = SampleRate::ALL;
    all.into_iter()
        .flat_map(move |from| all.into_iter().map(move |to| (from, to)))
}

fn convert(from: SampleRate, to: SampleRate, input: &[i16]) -> Vec<i16> {
    let mut output = Vec::new();
    RateConverter::new(from, to).process(input, &mut output);
    output
}

/// What a sine of one second and of 10,000 becomes, without its first 50 ms.
fn tone(from: SampleRate, to: SampleRate, frequency: f64) -> Vec<i16> {
    let input = sine(frequency, 10_000.0, from.hertz(), from.hertz() as usize);
    let output = convert(from, to, &input);
    assert_eq!(output.len(), to.hertz() as usize);
    output[to.hertz() as usize / 20..].to_vec()
}

#[test]
fn frequencies_of_both_rates_keep_their_level() {
    for (from, to) in pairs() {
        let lower = f64::from(from.hertz().min(to.hertz()));
        for part in [0.02, 0.1, 0.3, 0.42] {
            let frequency = part * lower;
            let gain = amplitude(&tone(from, to, frequency), frequency, to.hertz()) / 10_000.0;
            let gain = decibels(gain);
            assert!(
                gain.abs() < 0.2,
                "{from:?} to {to:?}, {frequency} Hz: {gain} dB"
            );
        }
    }
}

#[test]
fn images_and_aliases_are_sixty_decibels_down() {
    for (from, to) in pairs().filter(|(from, to)| from != to) {
        let (rate, lower) = (
            f64::from(to.hertz()),
            f64::from(from.hertz().min(to.hertz())),
        );
        for part in [0.05, 0.2, 0.4] {
            // Upwards: the mirror image at the old rate. Downwards: what folds back to here.
            let (input, output) = if from.hertz() < to.hertz() {
                (part * lower, (1.0 - part) * lower)
            } else {
                ((1.0 - part) * lower, part * lower)
            };
            if input >= f64::from(from.hertz()) / 2.0 || output >= rate / 2.0 {
                continue;
            }
            let rest = amplitude(&tone(from, to, input), output, to.hertz());
            let rest = decibels(rest.max(0.01) / 10_000.0);
            assert!(rest < -58.0, "{from:?} to {to:?}, {output} Hz: {rest} dB");
        }
    }
}

#[test]
fn a_reset_converter_is_as_new() {
    let input = sine(1000.0, 10_000.0, 24_000, 1001);
    let (from, to) = (SampleRate::SuperWideband, SampleRate::Wideband);
    let mut converter = RateConverter::new(from, to);
    for _ in 0..2 {
        let mut output = Vec::new();
        converter.process(&input, &mut output);
        assert_eq!(output, convert(from, to, &input));
        converter.reset();
    }
}

proptest! {
    #[test]
    fn the_size_of_blocks_does_not_matter(
        signal in proptest::collection::vec(any::<i16>(), 0..1500),
        cuts in proptest::collection::vec(1usize..700, 1..20),
    ) {
        // The tables of the others take their time.
        let few = pairs().filter(|(from, to)| {
            from.hertz() % 8_000 == 0 && to.hertz() % 8_000 == 0 || *to == SampleRate::Narrowband
        });
        for (from, to) in few {
            let mut converter = RateConverter::new(from, to);
            let mut output = Vec::new();
            let mut rest = &signal[..];
            for cut in cuts.iter().cycle() {
                let (block, after) = rest.split_at((*cut).min(rest.len()));
                converter.process(block, &mut output);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(output, convert(from, to, &signal));
        }
    }
}
