//! The media path of a leg, 20 ms at a time.

mod capture;
mod leg;
mod playout;
mod tape;

use std::time::Duration;

pub use leg::Packets;
pub(crate) use leg::{Leg, LegSeed};
pub use playout::Clip;

/// Samples in a frame: 20 ms at 8 kHz.
pub(crate) const FRAME_SAMPLES: usize = callplane_audio::FRAME_SAMPLES;

/// One frame of linear samples.
pub(crate) type Frame = [i16; FRAME_SAMPLES];

/// How long `samples` at 8 kHz take.
pub(crate) fn time_of(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 125)
}

/// 8 kHz samples as the 16 kHz that recognisers want.
#[must_use]
pub fn wideband(samples: &[i16]) -> Vec<i16> {
    let mut wide = Vec::with_capacity(samples.len() * 2);
    callplane_audio::Upsampler::default().process(samples, &mut wide);
    wide
}
