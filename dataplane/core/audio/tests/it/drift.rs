//! Clocks that differ: nothing runs over or dry, and a tone stays a tone.

use std::collections::VecDeque;
use std::time::Duration;

use callplane_audio::{DriftControl, DriftResampler, FRAME_SAMPLES};
use proptest::prelude::*;

use crate::support::{Random, decibels, sine};

fn resample(ppm: f64, input: &[i16]) -> Vec<i16> {
    let mut resampler = DriftResampler::default();
    resampler.set_ppm(ppm);
    let mut output = Vec::new();
    resampler.process(input, &mut output);
    output
}

/// How far what is no sine of `frequency` lies below the one that fits best.
fn purity(samples: &[i16], frequency: f64, rate: f64) -> f64 {
    let (mut cc, mut cs, mut ss, mut xc, mut xs, mut xx) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sin, cos) = (std::f64::consts::TAU * frequency * n as f64 / rate).sin_cos();
        let sample = f64::from(*sample);
        cc += cos * cos;
        cs += cos * sin;
        ss += sin * sin;
        xc += sample * cos;
        xs += sample * sin;
        xx += sample * sample;
    }
    let determinant = cc * ss - cs * cs;
    let (a, b) = (
        (xc * ss - xs * cs) / determinant,
        (xs * cc - xc * cs) / determinant,
    );
    let fitted = a * xc + b * xs;
    decibels((fitted / (xx - fitted).max(1e-9)).sqrt())
}

#[test]
fn a_tone_keeps_its_purity_and_its_level() {
    for (frequency, rate, least) in [
        (300.0, 8000, 60.0),
        (1000.0, 8000, 60.0),
        (2500.0, 8000, 60.0),
        (3400.0, 8000, 55.0),
        (1000.0, 16_000, 60.0),
        (6800.0, 16_000, 55.0),
    ] {
        for ppm in [-200.0, -37.0, 0.0, 100.0, 200.0] {
            let output = resample(ppm, &sine(frequency, 16_000.0, rate, 80_000));
            let heard = frequency / (1.0 + ppm * 1e-6);
            let ratio = purity(&output[1000..41_000], heard, f64::from(rate));
            if ppm == 100.0 {
                println!("{frequency} Hz of {rate}: {ratio:.1} dB");
            }
            assert!(ratio > least, "{frequency} Hz, {ppm} ppm: {ratio} dB");
        }
    }
}

#[test]
fn the_number_of_samples_follows_the_ratio() {
    for ppm in [-200.0, -10.0, 0.0, 50.0, 200.0] {
        let made = resample(ppm, &vec![0; 1_000_000]).len() as f64;
        assert!((made - 1_000_000.0 - ppm).abs() <= 1.0, "{ppm}: {made}");
    }
    // Nonsense is bounded.
    assert_eq!(resample(1e9, &vec![0; 100_000]).len(), 100_500);
}

#[test]
fn an_even_clock_changes_nothing_but_the_time() {
    let mut random = Random::new(1);
    let input: Vec<i16> = (0..1000)
        .map(|_| (20_000.0 * random.noise()) as i16)
        .collect();
    assert_eq!(resample(0.0, &input)[16..], input[..984]);
}

#[test]
fn full_scale_saturates_and_does_not_wrap() {
    let square: Vec<i16> = (0..4000)
        .map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    let output = resample(200.0, &square);
    for half in 4..190 {
        let expected = if half % 2 == 0 { 1 } else { -1 };
        assert_eq!(
            output[half * 20 + 10 + 16].signum(),
            expected,
            "half-wave {half}"
        );
    }
}

/// One leg speaks, by its own clock and through a network that delays unevenly; the other one takes
/// 160 samples each 20 ms of its clock.
struct Legs {
    /// How much faster the clock of the one that speaks is.
    ppm: f64,
    random: Random,
    /// When the frame that comes next is there, in milliseconds, and its number.
    due: f64,
    spoken: u32,
    /// When the last one was.
    came: f64,
    waiting: VecDeque<i16>,
    resampler: DriftResampler,
    control: DriftControl,
}

impl Legs {
    const TARGET: Duration = Duration::from_millis(40);

    fn new(ppm: f64) -> Self {
        Self {
            ppm,
            random: Random::new(10),
            due: 0.0,
            spoken: 0,
            came: 0.0,
            waiting: VecDeque::from(vec![0; 320]),
            resampler: DriftResampler::default(),
            control: DriftControl::new(Self::TARGET),
        }
    }

    /// Takes the next frame of a tone of 1 kHz, and the ratio from now on.
    fn take(&mut self, now: f64) -> (Vec<i16>, f64) {
        while self.due <= now {
            let frame: Vec<i16> = (0..160u32)
                .map(|n| {
                    let turns = f64::from((self.spoken * 160 + n) % 8) / 8.0;
                    (12_000.0 * (std::f64::consts::TAU * turns).sin()).round() as i16
                })
                .collect();
            let mut made = Vec::new();
            self.resampler.process(&frame, &mut made);
            self.waiting.extend(made);
            self.spoken += 1;
            self.came = self.due;
            let even = f64::from(self.spoken) * 20.0 / (1.0 + self.ppm * 1e-6);
            self.due = even + 10.0 * self.random.noise().abs();
        }
        let frame = self
            .waiting
            .drain(..FRAME_SAMPLES.min(self.waiting.len()))
            .collect();
        let waiting = self.waiting.len() as f64 / 8000.0 + (now - self.came) / 1000.0;
        let waiting = Duration::from_secs_f64(waiting);
        let ppm = self.control.update(waiting);
        self.resampler.set_ppm(ppm);
        (frame, ppm)
    }
}

#[test]
fn ten_minutes_of_drift_neither_overrun_nor_dry_out() {
    for drift in [100.0, -100.0, 200.0, 0.0] {
        let mut legs = Legs::new(drift);
        let (mut least, mut most, mut worst) = (usize::MAX, 0, f64::MAX);
        let (mut piece, mut ratios) = (Vec::new(), 0.0);
        let frames = 30_000;
        for index in 0..frames {
            let (frame, ppm) = legs.take(f64::from(index) * 20.0);
            assert_eq!(frame.len(), 160, "dry at frame {index}");
            least = least.min(legs.waiting.len());
            most = most.max(legs.waiting.len());
            if index >= frames * 3 / 4 {
                ratios += ppm;
            }
            // A fifth of each second is looked at.
            if index % 50 < 10 {
                piece.extend(frame);
            }
            if index % 50 == 10 && index > 50 {
                // What waits was made at the ratio of a moment ago: try those around this one.
                let best = (-20..=20)
                    .step_by(4)
                    .map(|off| 1000.0 / (1.0 + (ppm + f64::from(off)) * 1e-6))
                    .map(|heard| purity(&piece, heard, 8000.0))
                    .fold(0.0, f64::max);
                worst = worst.min(best);
            }
            if index % 50 == 10 {
                piece.clear();
            }
        }
        let ratio = ratios / f64::from(frames / 4);
        println!("{drift} ppm: {least} to {most} samples wait, {ratio:.1} ppm, {worst:.1} dB");
        assert!(most < 560, "{most}");
        assert!(worst > 50.0, "{worst} dB");
        assert!((ratio + drift).abs() < 10.0, "{ratio}");
    }
}

#[test]
fn without_following_the_drift_it_would_run_dry_or_over() {
    let mut legs = Legs::new(100.0);
    for index in 0..30_000 {
        legs.take(f64::from(index) * 20.0);
        legs.resampler.set_ppm(0.0);
    }
    assert!(legs.waiting.len() > 600, "{}", legs.waiting.len());
}

proptest! {
    #[test]
    fn the_size_of_blocks_does_not_matter(
        signal in proptest::collection::vec(any::<i16>(), 0..2000),
        cuts in proptest::collection::vec(1usize..700, 1..20),
        ppm in -300.0..300.0,
    ) {
        let mut resampler = DriftResampler::default();
        resampler.set_ppm(ppm);
        let mut output = Vec::new();
        let mut rest = &signal[..];
        for cut in cuts.iter().cycle() {
            let (block, after) = rest.split_at((*cut).min(rest.len()));
            resampler.process(block, &mut output);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(output, resample(ppm, &signal));
    }

    #[test]
    fn at_rest_it_makes_as_much_as_if_it_worked_and_no_sound_is_left(
        lengths in proptest::collection::vec(1usize..700, 2..60),
        ppm in -5000.0..5000.0,
    ) {
        let (mut working, mut resting) = (DriftResampler::default(), DriftResampler::default());
        working.set_ppm(ppm);
        resting.set_ppm(ppm);
        // It has heard something before.
        resting.process(&[1_000; 99], &mut Vec::new());
        working.process(&[1_000; 99], &mut Vec::new());
        for length in &lengths {
            let (mut made, mut silence) = (Vec::new(), Vec::new());
            working.process(&vec![1_000; *length], &mut made);
            resting.rest(*length, &mut silence);
            prop_assert_eq!(made.len(), silence.len());
            prop_assert!(silence.iter().all(|sample| *sample == 0));
        }
        let (mut made, mut again) = (Vec::new(), Vec::new());
        working.process(&[0; 400], &mut made);
        resting.process(&[0; 400], &mut again);
        prop_assert_eq!(made.len(), again.len());
        prop_assert!(again.iter().all(|sample| *sample == 0));
    }
}
