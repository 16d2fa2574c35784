//! Between the sampling rates of codecs and synthesizers: a polyphase FIR filter, linear phase.
//!
//! Pass band to 0.425 of the lower rate, stop band from half of it at -60 dB. [`Upsampler`] and
//! [`Downsampler`] are the fixed case of 8 and 16 kHz that every telephone call has.
//!
//! [`Upsampler`]: crate::Upsampler
//! [`Downsampler`]: crate::Downsampler

use crate::fir::{convolve, low_pass, scale};

/// Taps for each sample of the lower rate.
const TAPS: usize = 48;
/// The -6 dB point, as a part of the lower rate.
const CUTOFF: f64 = 0.4625;
/// Of the Kaiser window, for 60 dB.
const BETA: f64 = 5.653;
/// Input handled in one go: 20 ms at 16 kHz.
const BLOCK: usize = 320;

/// Samples a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleRate {
    /// 8 kHz: G.711.
    Narrowband,
    /// 16 kHz: G.722, Opus here, recognisers.
    Wideband,
    /// 22.05 kHz, half of a compact disc: small synthesizers.
    HalfCompactDisc,
    /// 24 kHz: many synthesizers.
    SuperWideband,
    /// 44.1 kHz: compact discs, and synthesizers that were trained with such.
    CompactDisc,
    /// 48 kHz: browsers, recordings.
    Fullband,
}

impl SampleRate {
    /// Every rate, the lowest first.
    pub const ALL: [Self; 6] = [
        Self::Narrowband,
        Self::Wideband,
        Self::HalfCompactDisc,
        Self::SuperWideband,
        Self::CompactDisc,
        Self::Fullband,
    ];

    /// Nothing of a rate that no codec and no synthesizer has.
    #[must_use]
    pub fn of_hertz(hertz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.hertz() == hertz)
    }

    /// Samples a second.
    #[must_use]
    pub const fn hertz(self) -> u32 {
        match self {
            Self::Narrowband => 8000,
            Self::Wideband => 16_000,
            Self::HalfCompactDisc => 22_050,
            Self::SuperWideband => 24_000,
            Self::CompactDisc => 44_100,
            Self::Fullband => 48_000,
        }
    }
}

/// From one sampling rate to another, 24 samples of the lower one late.
#[derive(Debug, Clone)]
pub struct RateConverter {
    /// Of each sample between two of the input, one after the other.
    taps: Box<[i16]>,
    /// Taps of one of them.
    length: usize,
    /// Samples made for each `down` that come in, without a common factor.
    up: usize,
    down: usize,
    /// What is still needed, then the block being worked on.
    line: Box<[i16]>,
    filled: usize,
    /// Where the next sample is, in the line, in parts of `up`.
    position: usize,
}

impl RateConverter {
    /// Designs the filter; nothing else here allocates.
    #[must_use]
    pub fn new(from: SampleRate, to: SampleRate) -> Self {
        let (from, to) = (from.hertz() as usize, to.hertz() as usize);
        let common = greatest_common_divisor(from, to);
        let (up, down) = (to / common, from / common);
        let length = TAPS * up.max(down) / up;
        let cutoff = CUTOFF * from.min(to) as f64 / from as f64;
        let taps = (0..up).flat_map(|phase| design(length, phase as f64 / up as f64, cutoff));
        Self {
            taps: taps.collect(),
            length,
            up,
            down,
            line: vec![0; length + BLOCK].into(),
            filled: length - 1,
            position: 0,
        }
    }

    /// Appends to `output` what `input` makes; what is needed for the next sample waits for the next
    /// call.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        for block in input.chunks(BLOCK) {
            let end = self.filled + block.len();
            self.line[self.filled..end].copy_from_slice(block);
            while let Some(samples) = self.next(end) {
                let phase = self.position % self.up * self.length;
                output.push(convolve(&self.taps[phase..phase + self.length], samples));
                self.position += self.down;
            }
            let done = (self.position / self.up).min(end);
            self.line.copy_within(done..end, 0);
            self.filled = end - done;
            self.position -= done * self.up;
        }
    }

    /// Forgets the signal so far.
    pub fn reset(&mut self) {
        self.line.fill(0);
        self.filled = self.length - 1;
        self.position = 0;
    }

    /// The samples that the next one is made of, if all are there.
    fn next(&self, end: usize) -> Option<&[i16]> {
        let start = self.position / self.up;
        self.line[..end].get(start..start + self.length)
    }
}

/// Taps for a sample at a `fraction` of the way between two.
fn design(length: usize, fraction: f64, cutoff: f64) -> Vec<i16> {
    let half = length as f64 / 2.0;
    let taps: Vec<f64> = (0..length)
        .map(|tap| low_pass(tap as f64 - (half - 1.0) - fraction, half, cutoff, BETA))
        .collect();
    let scale = scale(&taps, 1.0);
    taps.iter()
        .map(|tap| (tap * scale).round() as i16)
        .collect()
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
