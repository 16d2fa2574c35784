//! The adaptive predictor of a sub-band: two poles, six zeros (G.722 clauses 3.6 and 6.2.1.4).

use super::arithmetic::{fraction, saturate, signed};

/// The zeros.
const ZEROS: usize = 6;
/// A coefficient of a zero loses 1/256 each time.
const ZERO_LEAK: i32 = 32_640;
/// The first pole loses 1/256.
const FIRST_LEAK: i32 = 32_640;
/// The second pole loses 1/128.
const SECOND_LEAK: i32 = 32_512;
/// How far each sign moves a coefficient.
const ZERO_STEP: i32 = 128;
const FIRST_STEP: i32 = 192;
const SECOND_STEP: i32 = 128;
/// The second pole stays within 3/4, and the first within 15/16 less the second: so the filter is
/// stable.
const SECOND_BOUND: i32 = 12_288;
const FIRST_BOUND: i32 = 15_360;

/// **Encoder and decoder see the same differences, so that both predict the same.**
#[derive(Debug, Clone, Default)]
pub(super) struct Predictor {
    /// What both sections expect (S).
    estimate: i32,
    /// What the zeros expect (SZ).
    zero_estimate: i32,
    /// Signal as the decoder knows it, the newest first (R).
    reconstructed: [i32; 2],
    /// Difference plus estimate of the zeros, the newest first (P).
    partial: [i32; 2],
    /// Quantized differences, the newest first (D).
    differences: [i32; ZEROS],
    /// Coefficients (A).
    poles: [i32; 2],
    /// Coefficients (B).
    zeros: [i32; ZEROS],
}

impl Predictor {
    /// The next sample, as far as it is known before its difference.
    pub(super) fn estimate(&self) -> i32 {
        self.estimate
    }

    /// Learns the difference between the sample and the estimate (blocks PARREC to PREDIC).
    pub(super) fn update(&mut self, difference: i32) {
        let partial = saturate(difference + self.zero_estimate);
        let reconstructed = saturate(self.estimate + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        self.partial = [partial, self.partial[0]];
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.differences.copy_within(..ZEROS - 1, 1);
        self.differences[0] = difference;
        self.predict();
    }

    /// Blocks UPPOL2 and UPPOL1.
    fn adapt_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let against_first = saturate(-signed(saturate(first * 4), partial, self.partial[0]));
        let towards_second = signed(SECOND_STEP, partial, self.partial[1]);
        let second = (against_first >> 7) + towards_second + fraction(second, SECOND_LEAK);
        let second = second.clamp(-SECOND_BOUND, SECOND_BOUND);
        let bound = FIRST_BOUND - second;
        let first = fraction(first, FIRST_LEAK) + signed(FIRST_STEP, partial, self.partial[0]);
        self.poles = [first.clamp(-bound, bound), second];
    }

    /// Block UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let step = if difference == 0 { 0 } else { ZERO_STEP };
        for (zero, before) in self.zeros.iter_mut().zip(self.differences) {
            *zero = saturate(fraction(*zero, ZERO_LEAK) + signed(step, difference, before));
        }
    }

    /// Blocks FILTEP, FILTEZ and PREDIC.
    fn predict(&mut self) {
        self.zero_estimate = filter(&self.zeros, &self.differences);
        let pole_estimate = filter(&self.poles, &self.reconstructed);
        self.estimate = saturate(pole_estimate + self.zero_estimate);
    }
}

/// Coefficients have 14 bits of fraction.
fn filter(coefficients: &[i32], samples: &[i32]) -> i32 {
    // The oldest first, as every partial sum saturates.
    coefficients
        .iter()
        .zip(samples)
        .rev()
        .fold(0, |sum, (coefficient, sample)| {
            saturate(sum + fraction(*coefficient, saturate(2 * sample)))
        })
}
