//! From 4 kHz on: two bits a sample (G.722 clauses 3.3 to 3.5).

use super::arithmetic::{fraction, limit, saturate};
use super::predictor::Predictor;
use super::scale::{Range, Scale};

/// The level between small and great (Q2), with 12 bits of fraction.
const LEVEL: i32 = 564;
/// Output of the quantizer by its code (QM2).
const VALUES: [i32; 4] = [-7408, -1616, 7408, 1616];
/// How the scale factor moves after a code (tables WH and RH2 in one).
const SCALE_STEPS: [i32; 4] = [798, -214, 798, -214];
const RANGE: Range = Range {
    highest: 22_528,
    shift: 10,
};

/// State of the higher band, the same in encoder and decoder.
#[derive(Debug, Clone)]
pub(super) struct HighBand {
    predictor: Predictor,
    scale: Scale,
}

impl Default for HighBand {
    fn default() -> Self {
        Self {
            predictor: Predictor::default(),
            scale: Scale::new(RANGE),
        }
    }
}

impl HighBand {
    /// Two bits for one sample.
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.predictor.estimate());
        let code = quantize(difference, self.scale.factor());
        self.update(code);
        code
    }

    /// One sample from two bits.
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let estimate = self.predictor.estimate();
        limit(estimate + self.update(code))
    }

    /// Gives the difference that `code` stands for.
    fn update(&mut self, code: u8) -> i32 {
        let code = usize::from(code & 3);
        let difference = fraction(self.scale.factor(), VALUES[code]);
        self.scale.update(SCALE_STEPS[code]);
        self.predictor.update(difference);
        difference
    }
}

/// Block QUANTH: 2 and 3 are positive, 0 and 2 are great.
fn quantize(difference: i32, factor: i32) -> u8 {
    let magnitude = if difference < 0 {
        !difference
    } else {
        difference
    };
    let great = magnitude >= (LEVEL * factor) >> 12;
    match (difference < 0, great) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}
