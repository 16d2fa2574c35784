//! Telling tones from voices.
//!
//! Steady sines go on as they were: each sample follows from a few samples of 20 ms ago, two sines
//! from four of them, whatever their frequencies, levels and phases. Fitting those four weights to a
//! frame leaves next to nothing of ringback, busy, dial and DTMF tones, even after G.711. A voice
//! changes its pitch within 20 ms and has many harmonics: 99 of 100 frames of it leave more.

use crate::FRAME_SAMPLES;

/// How far back the samples are from which a frame must follow: short enough for the tones of fast
/// dialling, long enough for a voice to have moved on.
const LAG: usize = FRAME_SAMPLES;
/// Distance of the four samples. Wider tells the close frequencies of ringback apart better, but
/// must not make two of DTMF look the same: 5 suits all the tones of the tests.
const STEP: usize = 5;
const WEIGHTS: usize = 4;
/// Samples that are needed: the frame and what it follows from.
const NEEDED: usize = FRAME_SAMPLES + LAG + STEP * (WEIGHTS - 1);
/// The part of the energy a tone leaves at most; measured tones leave 0.0075.
const TONE_RESIDUE: f64 = 0.012;
/// Keeps the equations solvable when there are fewer sines than weights.
const RIDGE: f64 = 1e-5;

/// Whether the last frame of `line` is the continuation of a tone. The line must hold the frame and
/// the two before it.
pub(super) fn is_tone(line: &[i16]) -> bool {
    line.len() >= NEEDED && residue(line) < TONE_RESIDUE
}

/// The part of the last frame's energy that does not follow from 20 ms ago, 0 to 1.
fn residue(line: &[i16]) -> f64 {
    let first = line.len() - FRAME_SAMPLES;
    let mut products = [[0.0; WEIGHTS]; WEIGHTS];
    let mut with_frame = [0.0; WEIGHTS];
    let mut energy = 0.0;
    for place in first..line.len() {
        let sample = f64::from(line[place]);
        let before: [f64; WEIGHTS] =
            std::array::from_fn(|k| f64::from(line[place - LAG - k * STEP]));
        energy += sample * sample;
        for (row, a) in before.iter().enumerate() {
            for (product, b) in products[row].iter_mut().zip(before) {
                *product += a * b;
            }
            with_frame[row] += a * sample;
        }
    }
    let weights = solve(products, with_frame);
    // |y - Xw|^2, exact for any w, so that the ridge cannot make it look smaller.
    let mut left = energy;
    for row in 0..WEIGHTS {
        let fitted: f64 = (0..WEIGHTS).map(|k| products[row][k] * weights[k]).sum();
        left += weights[row] * (fitted - 2.0 * with_frame[row]);
    }
    (left / energy.max(1.0)).clamp(0.0, 1.0)
}

/// Gaussian elimination; a positive definite matrix needs no pivoting.
#[expect(
    clippy::needless_range_loop,
    reason = "rows and columns read like the formula"
)]
fn solve(mut matrix: [[f64; WEIGHTS]; WEIGHTS], mut right: [f64; WEIGHTS]) -> [f64; WEIGHTS] {
    let trace: f64 = (0..WEIGHTS).map(|k| matrix[k][k]).sum();
    for (k, row) in matrix.iter_mut().enumerate() {
        row[k] += RIDGE * trace / WEIGHTS as f64 + 1.0;
    }
    for pivot in 0..WEIGHTS {
        for row in pivot + 1..WEIGHTS {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            for column in pivot..WEIGHTS {
                matrix[row][column] -= factor * matrix[pivot][column];
            }
            right[row] -= factor * right[pivot];
        }
    }
    let mut weights = [0.0; WEIGHTS];
    for row in (0..WEIGHTS).rev() {
        let known: f64 = (row + 1..WEIGHTS)
            .map(|k| matrix[row][k] * weights[k])
            .sum();
        weights[row] = (right[row] - known) / matrix[row][row];
    }
    weights
}
