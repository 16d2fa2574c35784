//! Whether vocal cords swing: noise has no pitch.

use crate::FRAME_SAMPLES;

/// Every second sample is enough for a pitch.
const DECIMATION: usize = 2;
/// Longest line that is looked at: a frame and two before it.
const LINE: usize = 3 * FRAME_SAMPLES / DECIMATION;
/// What is compared with its past: 30 ms, two periods of a low voice.
const COMPARED: usize = 120;
/// Periods from 2.5 ms (400 Hz) to 20 ms (50 Hz), in samples at 4 kHz.
const LAGS: std::ops::RangeInclusive<usize> = 10..=80;
/// How alike a voiced frame is to itself a period ago, 0 to 1. Three quarters of the frames of
/// speech reach 0.6 and more, white and pink noise never 0.42.
const VOICED: f32 = 0.45;

/// Whether the end of `line` has a pitch.
pub(super) fn is_voiced(line: &[i16]) -> bool {
    let mut slow = [0.0; LINE];
    let mut count = 0;
    let (mut output, mut before) = (0.0, 0.0);
    for (place, pair) in slow.iter_mut().zip(line.chunks_exact(DECIMATION)) {
        // A high pass at 230 Hz: low noise would look alike at any lag.
        let input = f32::from(pair[0]) + f32::from(pair[1]);
        output = 0.7 * (output + input - before);
        before = input;
        *place = output;
        count += 1;
    }
    let slow = &slow[..count];
    let Some(start) = slow.len().checked_sub(COMPARED) else {
        return false;
    };
    let recent = &slow[start..];
    let energy = dot(recent, recent);
    LAGS.filter(|lag| *lag <= start).any(|lag| {
        let past = &slow[start - lag..slow.len() - lag];
        let product = dot(recent, past);
        let both = energy * dot(past, past);
        product > 0.0 && product * product >= VOICED * VOICED * both && both > 0.0
    })
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
