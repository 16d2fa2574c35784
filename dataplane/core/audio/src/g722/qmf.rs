//! The two quadrature mirror filters (G.722 clauses 3.1, 4.4 and 6.1).

use super::arithmetic::{limit, saturate};

const TAPS: usize = 24;
/// Every other coefficient of the filter, with 13 bits of fraction (table 11); as the filter is
/// symmetric, the other ones are the same backwards.
const COEFFICIENTS: [i32; TAPS / 2] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// The last samples, the oldest first.
#[derive(Debug, Clone, Default)]
struct Line([i32; TAPS]);

impl Line {
    fn push(&mut self, pair: [i32; 2]) {
        self.0.copy_within(2.., 0);
        self.0[TAPS - 2..].copy_from_slice(&pair);
    }

    /// The sums over the samples of even and of odd place.
    fn sums(&self) -> [i32; 2] {
        let (mut even, mut odd) = (0, 0);
        for (place, pair) in self.0.as_chunks::<2>().0.iter().enumerate() {
            even += pair[0] * COEFFICIENTS[place];
            odd += pair[1] * COEFFICIENTS[TAPS / 2 - 1 - place];
        }
        [even, odd]
    }
}

/// Splits a signal in two bands of half the rate.
#[derive(Debug, Clone, Default)]
pub(super) struct Analysis(Line);

impl Analysis {
    /// The lower and the higher band, of two samples.
    pub(super) fn split(&mut self, pair: [i16; 2]) -> [i32; 2] {
        self.0.push(pair.map(i32::from));
        let [even, odd] = self.0.sums();
        [limit((odd + even) >> 14), limit((odd - even) >> 14)]
    }
}

/// Makes one signal of two bands.
#[derive(Debug, Clone, Default)]
pub(super) struct Synthesis(Line);

impl Synthesis {
    /// Two samples, of one of each band.
    pub(super) fn join(&mut self, low: i32, high: i32) -> [i16; 2] {
        self.0.push([saturate(low + high), saturate(low - high)]);
        let [even, odd] = self.0.sums();
        [odd, even].map(|sum| saturate(sum >> 11) as i16)
    }
}
