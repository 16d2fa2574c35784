use std::sync::LazyLock;

use crate::fir::{convolve, low_pass, quantize};

/// Samples that one is made of: pass band to 0.44 of the sampling rate, 3.5 kHz of 8 and 7 of 16.
const TAPS: usize = 32;
/// Places between two samples at which taps are designed; between two of them the line is straight.
const DESIGNED: usize = 64;
/// Places that have taps of their own: the next one is a 2048th of a sample off at most, which is heard 60 dB
/// below the signal.
const PLACES: usize = 1024;
/// Of the Kaiser window, for 60 dB.
const BETA: f64 = 5.653;
/// Input handled in one go: 20 ms at 16 kHz.
const BLOCK: usize = 320;
/// One sample, as a position is counted.
const ONE: u64 = 1 << 32;
/// The ratio is bounded: half a percent is a twelfth of a semitone.
const FARTHEST_PPM: f64 = 5000.0;

/// By place, from that of the sample before to that of the one after.
static TABLE: LazyLock<Box<[[i16; TAPS]]>> = LazyLock::new(|| {
    const EACH: usize = PLACES / DESIGNED;
    let half = TAPS as f64 / 2.0;
    let designed: [[f64; TAPS]; DESIGNED + 1] = std::array::from_fn(|place| {
        let fraction = place as f64 / DESIGNED as f64;
        std::array::from_fn(|tap| low_pass(tap as f64 - (half - 1.0) - fraction, half, 0.5, BETA))
    });
    let taps = |place: usize| {
        let (before, after) = (place / EACH, place.div_ceil(EACH));
        let part = (place % EACH) as f64 / EACH as f64;
        std::array::from_fn(|tap| {
            let (before, after) = (designed[before][tap], designed[after][tap]);
            before + part * (after - before)
        })
    };
    (0..=PLACES)
        .map(|place| quantize(taps(place), 1.0))
        .collect()
});

/// Makes slightly more or fewer samples than come in, at any sampling rate; 16 samples late.
#[derive(Debug, Clone)]
pub struct DriftResampler {
    /// What is still needed, then the block being worked on.
    line: [i16; TAPS + BLOCK],
    filled: usize,
    /// Where the next sample is, in the line, with 32 bits of fraction.
    position: u64,
    /// From one sample made to the next.
    step: u64,
}

impl Default for DriftResampler {
    fn default() -> Self {
        Self {
            line: [0; TAPS + BLOCK],
            filled: TAPS - 1,
            position: 0,
            step: ONE,
        }
    }
}

impl DriftResampler {
    /// Makes `ppm` more samples in a million than come in, from now on; fewer if negative. At most
    /// half a percent.
    pub fn set_ppm(&mut self, ppm: f64) {
        let ratio = 1.0 + ppm.clamp(-FARTHEST_PPM, FARTHEST_PPM) * 1e-6;
        self.step = (ONE as f64 / ratio).round() as u64;
    }

    /// Appends to `output` what `input` makes: of 160 samples mostly 160, at times one more or less.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let table = &**TABLE;
        for block in input.chunks(BLOCK) {
            let end = self.filled + block.len();
            self.line[self.filled..end].copy_from_slice(block);
            while self.run(table, end, output) {}
            let done = ((self.position / ONE) as usize).min(end);
            self.line.copy_within(done..end, 0);
            self.filled = end - done;
            self.position -= done as u64 * ONE;
        }
    }

    /// Appends as much silence to `output` as [`Self::process`] makes of `length` samples, and takes them for
    /// silence: where nobody hears the signal, its time goes on alike.
    pub fn rest(&mut self, length: usize, output: &mut Vec<i16>) {
        let end = self.filled + length;
        // Each sample is made as soon as the last of its taps has a sample.
        let stop = (end + 1).saturating_sub(TAPS) as u64 * ONE;
        let count = stop.saturating_sub(self.position).div_ceil(self.step);
        output.resize(output.len() + count as usize, 0);
        self.position += count * self.step;
        let done = ((self.position / ONE) as usize).min(end);
        self.filled = end - done;
        self.position -= done as u64 * ONE;
        self.line[..self.filled].fill(0);
    }

    /// Forgets the signal so far and keeps the ratio.
    pub fn reset(&mut self) {
        *self = Self {
            step: self.step,
            ..Self::default()
        };
    }

    /// Makes the samples that follow at one place, as far as all they are made of is there: the ratio is so
    /// near to one that they are many. False if there is none.
    fn run(&mut self, table: &[[i16; TAPS]], end: usize, output: &mut Vec<i16>) -> bool {
        let (start, place) = sample_and_place(self.position);
        let is_here = |number: usize| {
            let position = self.position + number as u64 * self.step;
            sample_and_place(position) == (start + number, place)
        };
        let windows = (end + 1).saturating_sub(start + TAPS);
        let count = (0..windows).take_while(|number| is_here(*number)).count();
        if count == 0 {
            return false;
        }
        let first = output.len();
        output.resize(first + count, 0);
        let taps = &table[place];
        let samples = self.line[start..start + count + TAPS - 1].windows(TAPS);
        for (made, samples) in output[first..].iter_mut().zip(samples) {
            *made = convolve(taps, samples);
        }
        self.position += count as u64 * self.step;
        true
    }
}

/// The sample before a position, and the place nearest to it.
fn sample_and_place(position: u64) -> (usize, usize) {
    const PLACE: u64 = ONE / PLACES as u64;
    let fraction = position % ONE;
    (
        (position / ONE) as usize,
        ((fraction + PLACE / 2) / PLACE) as usize,
    )
}
