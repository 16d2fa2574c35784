//! Tones: what a telephone network plays when no human speaks.

use std::f32::consts::TAU;

/// The level of a full-scale sine (ITU-T G.711, mu-law).
const FULL_SCALE_DBM0: f32 = 3.17;

/// One or two sines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// Frequencies in hertz; 0 for none.
    pub frequencies: [f32; 2],
    /// Level of each in dBm0; a full-scale sine is +3.17.
    pub level_dbm0: f32,
}

/// When a tone sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// Milliseconds of sound.
    pub on_ms: u32,
    /// Milliseconds of silence after it; 0 for a steady tone.
    pub off_ms: u32,
}

impl Cadence {
    /// Without pauses.
    pub const STEADY: Self = Self {
        on_ms: 1000,
        off_ms: 0,
    };
    /// Of ringing in North America.
    pub const RINGBACK_US: Self = Self {
        on_ms: 2000,
        off_ms: 4000,
    };
    /// Of ringing in most of Europe.
    pub const RINGBACK_EU: Self = Self {
        on_ms: 1000,
        off_ms: 4000,
    };
    /// Of a busy line in North America and Europe.
    pub const BUSY: Self = Self {
        on_ms: 500,
        off_ms: 500,
    };
}

impl Tone {
    /// Ringing in North America.
    pub const RINGBACK_US: Self = Self::dual(440.0, 480.0, -19.0);
    /// Ringing in most of Europe.
    pub const RINGBACK_EU: Self = Self::single(425.0, -10.0);
    /// Busy in North America.
    pub const BUSY_US: Self = Self::dual(480.0, 620.0, -24.0);
    /// The beep before a recording, and our sign that something went wrong.
    pub const BEEP: Self = Self::single(1000.0, -12.0);

    /// One sine.
    #[must_use]
    pub const fn single(frequency: f32, level_dbm0: f32) -> Self {
        Self::dual(frequency, 0.0, level_dbm0)
    }

    /// Two sines of the same level.
    #[must_use]
    pub const fn dual(low: f32, high: f32, level_dbm0: f32) -> Self {
        Self {
            frequencies: [low, high],
            level_dbm0,
        }
    }

    /// The tone of a key (ITU-T Q.23) by its event code, 0 to 15 for `0`-`9`, `*`, `#`, `A`-`D`.
    #[must_use]
    pub const fn key(event: u8) -> Option<Self> {
        const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
        const HIGH: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
        let (row, column) = match event {
            0 => (3, 1),
            1..=9 => ((event as usize - 1) / 3, (event as usize - 1) % 3),
            10 => (3, 0),
            11 => (3, 2),
            12..=15 => (event as usize - 12, 3),
            _ => return None,
        };
        Some(Self::dual(LOW[row], HIGH[column], -9.0))
    }
}

/// Makes a tone, frame by frame without a seam.
#[derive(Debug, Clone)]
pub struct ToneGenerator {
    tone: Tone,
    amplitude: f32,
    rate: f32,
    on: u64,
    period: u64,
    phases: [f32; 2],
    position: u64,
}

impl ToneGenerator {
    /// At `rate` samples a second.
    #[must_use]
    pub fn new(tone: Tone, cadence: Cadence, rate: u32) -> Self {
        let samples = |ms: u32| u64::from(ms) * u64::from(rate) / 1000;
        Self {
            tone,
            amplitude: 32_767.0 * 10f32.powf((tone.level_dbm0 - FULL_SCALE_DBM0) / 20.0),
            rate: rate as f32,
            on: samples(cadence.on_ms),
            period: samples(cadence.on_ms + cadence.off_ms).max(1),
            phases: [0.0; 2],
            position: 0,
        }
    }

    /// Replaces all of `samples` with what comes next.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            let sounds = self.position % self.period < self.on;
            let sines: f32 = self
                .phases
                .iter()
                .zip(self.tone.frequencies)
                .filter(|(_, frequency)| *frequency > 0.0)
                .map(|(phase, _)| (phase * TAU).sin())
                .sum();
            *sample = match sounds {
                true => (sines * self.amplitude).round() as i16,
                false => 0,
            };
            for (phase, frequency) in self.phases.iter_mut().zip(self.tone.frequencies) {
                *phase = (*phase + frequency / self.rate).fract();
            }
            self.position += 1;
        }
    }
}
