//! Filters of finite length with linear phase, in integers so that compilers can use vector
//! instructions.

use std::f64::consts::PI;

/// Fraction bits of coefficients. **The magnitudes of those that meet the samples of one output must
/// sum up to less than 4**, so that the sum of products fits 32 bits.
pub(crate) const SHIFT: u32 = 14;

/// An ideal low pass under a Kaiser window, `offset` samples from its middle and zero from `half` on.
/// `cutoff` is the -6 dB point as a part of the sampling rate. The gain is one for a sum over all
/// samples.
pub(crate) fn low_pass(offset: f64, half: f64, cutoff: f64, beta: f64) -> f64 {
    let place = (offset / half).powi(2);
    if place >= 1.0 {
        return 0.0;
    }
    let sinc = if offset.abs() < 1e-9 {
        2.0 * cutoff
    } else {
        (2.0 * PI * cutoff * offset).sin() / (PI * offset)
    };
    sinc * bessel_i0(beta * (1.0 - place).sqrt()) / bessel_i0(beta)
}

/// Scales `taps` to a sum of `gain` and rounds them.
pub(crate) fn quantize<const COUNT: usize>(taps: [f64; COUNT], gain: f64) -> [i16; COUNT] {
    let scale = scale(&taps, gain);
    taps.map(|tap| (tap * scale).round() as i16)
}

/// By what `taps` are to be multiplied for a sum of `gain`, in units of a coefficient.
pub(crate) fn scale(taps: &[f64], gain: f64) -> f64 {
    gain * f64::from(1 << SHIFT) / taps.iter().sum::<f64>()
}

/// The sum of products, at most what a sample can hold.
pub(crate) fn convolve(taps: &[i16], samples: &[i16]) -> i16 {
    let sum: i32 = taps
        .iter()
        .zip(samples)
        .map(|(tap, sample)| i32::from(*tap) * i32::from(*sample))
        .sum();
    let rounded = (sum + (1 << (SHIFT - 1))) >> SHIFT;
    rounded.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// The modified Bessel function of order zero.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..32 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}
