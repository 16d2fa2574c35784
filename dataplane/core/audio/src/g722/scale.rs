//! The adaptive scale factor of a sub-band's quantizer (G.722 clauses 3.5 and 6.2.1.3).

use super::arithmetic::fraction;

/// The factor loses 1/128 of its logarithm each time, so that errors of transmission fade.
const LEAK: i32 = 32_512;
/// 2048 times two to the power of n/32 (table 15, ILB).
const POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Where one band differs from the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// The greatest logarithm, with 11 bits of fraction.
    pub(super) highest: i32,
    /// How far a power is shifted down while the logarithm is below one.
    pub(super) shift: u32,
}

/// The step that quantized values are multiples of.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    /// Logarithm to the base of two, with 11 bits of fraction (NB).
    logarithm: i32,
    /// The factor itself (DET).
    factor: i32,
    range: Range,
}

impl Scale {
    pub(super) fn new(range: Range) -> Self {
        Self {
            logarithm: 0,
            factor: linear(0, range),
            range,
        }
    }

    pub(super) fn factor(&self) -> i32 {
        self.factor
    }

    /// Grows after great values, by a positive `step`, and shrinks after small ones (blocks LOGSC and
    /// SCALE).
    pub(super) fn update(&mut self, step: i32) {
        self.logarithm = (fraction(self.logarithm, LEAK) + step).clamp(0, self.range.highest);
        self.factor = linear(self.logarithm, self.range);
    }
}

fn linear(logarithm: i32, range: Range) -> i32 {
    let power = POWERS[(logarithm >> 6 & 31) as usize];
    (power << (logarithm >> 11)) >> range.shift << 2
}
