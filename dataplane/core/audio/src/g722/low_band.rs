//! Below 4 kHz: six bits a sample, of which the predictor uses four (G.722 clauses 3.3 to 3.5).

use super::arithmetic::{fraction, limit, saturate};
use super::mode::G722Mode;
use super::predictor::Predictor;
use super::scale::{Range, Scale};

/// Decision levels of the quantizer (table 14, Q6), from the second one on; the first is zero.
const LEVELS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
    1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Output of the quantizer by its code, of four bits (QM4).
const VALUES_4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];
/// Of five bits (QM5).
const VALUES_5: [i32; 32] = [
    -280, -280, -23352, -17560, -14120, -11664, -9752, -8184, -6864, -5712, -4696, -3784, -2960,
    -2208, -1520, -880, 23352, 17560, 14120, 11664, 9752, 8184, 6864, 5712, 4696, 3784, 2960, 2208,
    1520, 880, 280, -280,
];
/// Of six bits (QM6).
const VALUES_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// How the scale factor moves after a code of four bits (tables WL and RL42 in one).
const SCALE_STEPS: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];
const RANGE: Range = Range {
    highest: 18_432,
    shift: 8,
};

/// State of the lower band, the same in encoder and decoder.
#[derive(Debug, Clone)]
pub(super) struct LowBand {
    predictor: Predictor,
    scale: Scale,
}

impl Default for LowBand {
    fn default() -> Self {
        Self {
            predictor: Predictor::default(),
            scale: Scale::new(RANGE),
        }
    }
}

impl LowBand {
    /// Six bits for one sample.
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.predictor.estimate());
        let code = quantize(difference, self.scale.factor());
        self.update(code);
        code
    }

    /// One sample from six bits; the modes ignore the lowest ones.
    pub(super) fn decode(&mut self, code: u8, mode: G722Mode) -> i32 {
        let value = match mode {
            G722Mode::One => VALUES_6[usize::from(code & 63)],
            G722Mode::Two => VALUES_5[usize::from(code >> 1 & 31)],
            G722Mode::Three => VALUES_4[usize::from(code >> 2 & 15)],
        };
        let difference = fraction(self.scale.factor(), value);
        let sample = limit(self.predictor.estimate() + difference);
        self.update(code);
        sample
    }

    /// Only four bits count here, so that all modes keep in step with the encoder.
    fn update(&mut self, code: u8) {
        let embedded = usize::from(code >> 2 & 15);
        let difference = fraction(self.scale.factor(), VALUES_4[embedded]);
        self.scale.update(SCALE_STEPS[embedded]);
        self.predictor.update(difference);
    }
}

/// Block QUANTL. Codes go down while magnitudes go up: 61 to 32 are positive, 63 and 62 the smallest
/// negative ones, and 31 to 4 the others.
fn quantize(difference: i32, factor: i32) -> u8 {
    let magnitude = if difference < 0 {
        !difference
    } else {
        difference
    };
    let interval = LEVELS.partition_point(|level| (level * factor) >> 12 <= magnitude) as u8;
    match (difference < 0, interval) {
        (false, interval) => 61 - interval,
        (true, 0) => 63,
        (true, 1) => 62,
        (true, interval) => 33 - interval,
    }
}
