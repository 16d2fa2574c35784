//! How much of a frequency is in a window, by the recursion of Goertzel.

use std::f64::consts::TAU;

use crate::SAMPLE_RATE;

/// Twice the cosine of the angle between two samples of `frequency`, in hertz.
pub(super) fn coefficient(frequency: f64) -> f32 {
    (2.0 * (TAU * frequency / f64::from(SAMPLE_RATE)).cos()) as f32
}

/// The squared magnitude of the sums of `samples` with each frequency's complex sine. The frequencies
/// run side by side, which suits vector instructions.
pub(super) fn powers<const COUNT: usize>(
    samples: &[f32],
    coefficients: &[f32; COUNT],
) -> [f32; COUNT] {
    let (mut last, mut before) = ([0.0; COUNT], [0.0; COUNT]);
    for sample in samples {
        for place in 0..COUNT {
            let next = sample + coefficients[place] * last[place] - before[place];
            before[place] = last[place];
            last[place] = next;
        }
    }
    std::array::from_fn(|place| {
        let (last, before) = (last[place], before[place]);
        last * last + before * before - coefficients[place] * last * before
    })
}
