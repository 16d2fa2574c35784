//! Between 8 and 16 kHz: a polyphase FIR filter, linear phase, 3 ms delay.
//!
//! Pass band to 3.4 kHz, stop band from 4.0 kHz at -60 dB: a Kaiser window over 96 taps at 16 kHz.

use std::sync::LazyLock;

use crate::fir::{convolve, low_pass, quantize};

const TAPS: usize = 96;
const PHASE_TAPS: usize = TAPS / 2;
/// The -6 dB point at a sampling rate of 16 kHz.
const CUTOFF_HZ: f64 = 3700.0;
/// Of the Kaiser window, for 60 dB.
const BETA: f64 = 5.653;
/// Input handled in one go: one frame of the wider band.
const BLOCK: usize = 320;

/// Unity gain in the pass band at 16 kHz, in the order of the samples they are multiplied with.
static PROTOTYPE: LazyLock<[i16; TAPS]> = LazyLock::new(|| design(1.0));
/// The same with gain 2, split in the two phases that make the two output samples of one input
/// sample: inserting zeros halves the level.
static PHASES: LazyLock<[[i16; PHASE_TAPS]; 2]> = LazyLock::new(|| {
    let taps = design(2.0);
    // The taps are symmetric, so that reversing is needless: even ones meet the newer sample.
    [1, 0].map(|phase| std::array::from_fn(|index| taps[2 * index + phase]))
});

fn design(gain: f64) -> [i16; TAPS] {
    let half = TAPS as f64 / 2.0;
    let cutoff = CUTOFF_HZ / 16_000.0;
    let taps = std::array::from_fn(|index| low_pass(index as f64 - half + 0.5, half, cutoff, BETA));
    quantize(taps, gain)
}

/// 8 kHz to 16 kHz.
#[derive(Debug, Clone)]
pub struct Upsampler {
    /// The last samples of the input so far, then the block being worked on.
    line: [i16; PHASE_TAPS - 1 + BLOCK],
}

impl Default for Upsampler {
    fn default() -> Self {
        Self {
            line: [0; PHASE_TAPS - 1 + BLOCK],
        }
    }
}

impl Upsampler {
    /// Appends two samples to `output` for each of `input`.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let phases = &*PHASES;
        for block in input.chunks(BLOCK) {
            let end = PHASE_TAPS - 1 + block.len();
            self.line[PHASE_TAPS - 1..end].copy_from_slice(block);
            let start = output.len();
            output.resize(start + 2 * block.len(), 0);
            let pairs = output[start..].chunks_exact_mut(2);
            for (pair, samples) in pairs.zip(self.line[..end].windows(PHASE_TAPS)) {
                pair[0] = convolve(&phases[0], samples);
                pair[1] = convolve(&phases[1], samples);
            }
            self.line.copy_within(block.len()..end, 0);
        }
    }

    /// Forgets the signal so far.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// 16 kHz to 8 kHz.
#[derive(Debug, Clone)]
pub struct Downsampler {
    line: [i16; TAPS - 1 + BLOCK],
    /// The next output sample is due after one more input sample.
    odd: bool,
}

impl Default for Downsampler {
    fn default() -> Self {
        Self {
            line: [0; TAPS - 1 + BLOCK],
            odd: false,
        }
    }
}

impl Downsampler {
    /// Appends one sample to `output` for each two of `input`; an odd one waits for the next call.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let taps = &*PROTOTYPE;
        for block in input.chunks(BLOCK) {
            let end = TAPS - 1 + block.len();
            self.line[TAPS - 1..end].copy_from_slice(block);
            let first = usize::from(!self.odd);
            for samples in self.line[..end].windows(TAPS).skip(first).step_by(2) {
                output.push(convolve(taps, samples));
            }
            self.odd ^= block.len() % 2 == 1;
            self.line.copy_within(block.len()..end, 0);
        }
    }

    /// Forgets the signal so far.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
