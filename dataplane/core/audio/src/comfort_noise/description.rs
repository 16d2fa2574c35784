use super::ORDER;
use crate::level_dbov;

/// Nothing at all.
const QUIETEST: u8 = 127;
/// Below it, `level_dbov` does not tell noise from digital silence.
const DIGITAL_SILENCE_DBOV: f32 = -99.0;
/// The index of a coefficient of zero (section 3.2).
const ZERO: u8 = 127;
/// What one step of an index is worth (section 3.2).
const STEP: f64 = 258.0 / 32_768.0;
/// Keeps the equations solvable for a single sine and for silence: noise 40 dB below the signal.
const WHITENING: f64 = 1e-4;

/// Level and spectrum of a noise (section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseDescription {
    /// Level, in decibels below overload (-dBov), 0 to 127.
    level: u8,
    /// Indices of the reflection coefficients; those that were not sent stand for zero.
    indices: [u8; ORDER],
    /// How many were sent.
    order: u8,
}

impl NoiseDescription {
    /// White noise of a level, 0 to -127 dBov.
    #[must_use]
    pub fn white(level_dbov: f32) -> Self {
        let level = if level_dbov < DIGITAL_SILENCE_DBOV {
            QUIETEST
        } else {
            (-level_dbov).round().max(0.0) as u8
        };
        Self {
            level,
            indices: [ZERO; ORDER],
            order: 0,
        }
    }

    /// Describes a silence, 20 ms or more at once. With an `order` of 1 to 10, its spectrum too.
    #[must_use]
    pub fn of(samples: &[i16], order: u8) -> Self {
        let order = order.min(ORDER as u8);
        let mut description = Self {
            order,
            ..Self::white(level_dbov(samples))
        };
        let coefficients = reflections(&autocorrelation(samples));
        let sent = coefficients.iter().take(usize::from(order));
        for (index, coefficient) in description.indices.iter_mut().zip(sent) {
            let steps = (coefficient / STEP).round() + f64::from(ZERO);
            *index = steps.clamp(0.0, 2.0 * f64::from(ZERO)) as u8;
        }
        description
    }

    /// Reads any octets; nothing if there are none.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let [level, coefficients @ ..] = payload else {
            return None;
        };
        let mut description = Self {
            // The highest bit is not used (section 3.1).
            level: level & 0x7F,
            indices: [ZERO; ORDER],
            order: coefficients.len().min(ORDER) as u8,
        };
        for (index, sent) in description.indices.iter_mut().zip(coefficients) {
            // 255 is reserved.
            *index = if *sent == u8::MAX { ZERO } else { *sent };
        }
        Some(description)
    }

    /// Writes the payload into `octets`, of which 11 always suffice, and returns its length; as many
    /// coefficients as have room.
    pub fn write(&self, octets: &mut [u8]) -> usize {
        let indices = &self.indices[..usize::from(self.order)];
        let sent = std::iter::once(&self.level).chain(indices);
        octets
            .iter_mut()
            .zip(sent)
            .map(|(octet, sent)| *octet = *sent)
            .count()
    }

    /// 0 to -127 dBov; a full-scale square wave is 0.
    #[must_use]
    pub fn level_dbov(&self) -> f32 {
        -f32::from(self.level)
    }

    /// Between -1 and 1. Signs are those of ITU-T G.711 appendix II: where low frequencies prevail,
    /// the first is negative.
    pub(super) fn reflections(&self) -> [f32; ORDER] {
        self.indices
            .map(|index| ((f64::from(index) - f64::from(ZERO)) * STEP) as f32)
    }
}

/// Of the samples under a Hann window.
fn autocorrelation(samples: &[i16]) -> [f64; ORDER + 1] {
    let length = samples.len() as f64;
    let windowed = |place: usize| {
        let phase = std::f64::consts::TAU * (place as f64 + 0.5) / length;
        f64::from(samples[place]) * (0.5 - 0.5 * phase.cos())
    };
    let mut sums = [0.0; ORDER + 1];
    let mut before = [0.0; ORDER + 1];
    for place in 0..samples.len() {
        before.copy_within(..ORDER, 1);
        before[0] = windowed(place);
        for (sum, earlier) in sums.iter_mut().zip(before) {
            *sum += before[0] * earlier;
        }
    }
    sums[0] += sums[0] * WHITENING + 1.0;
    sums
}

/// The recursion of Levinson and Durbin.
fn reflections(correlation: &[f64; ORDER + 1]) -> [f64; ORDER] {
    let mut filter = [0.0; ORDER];
    let mut reflections = [0.0; ORDER];
    let mut error = correlation[0];
    for step in 0..ORDER {
        let expected: f64 = (0..step)
            .map(|tap| filter[tap] * correlation[step - tap])
            .sum();
        let reflection = -(correlation[step + 1] + expected) / error;
        let before = filter;
        for tap in 0..step {
            filter[tap] += reflection * before[step - 1 - tap];
        }
        filter[step] = reflection;
        reflections[step] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    reflections
}
