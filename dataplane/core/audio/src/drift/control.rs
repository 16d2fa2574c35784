use std::time::Duration;

use crate::FRAME_TIME;

/// Clocks of telephones differ by 200 parts in a million at most; the rest is for catching up.
const FARTHEST_PPM: f64 = 300.0;
/// Parts in a million for each millisecond that too much waits: an error fades within a minute. What
/// the network does to single packets must not be heard as a change of pitch.
const PROPORTIONAL: f64 = 24.0;
/// For each millisecond and second, so that the clocks' difference leaves no lasting error: a quarter
/// of the square of the above makes it come home without swinging.
const INTEGRAL: f64 = PROPORTIONAL * PROPORTIONAL / 4000.0;
/// The part of a difference that a frame's measure counts for, as packets come unevenly: they fade
/// within two seconds.
const SMOOTHING: f64 = 0.01;

/// Finds the ratio that keeps what waits between two legs at one amount.
#[derive(Debug, Clone)]
pub struct DriftControl {
    /// In milliseconds.
    target: f64,
    /// Smoothed, in milliseconds more than the target.
    excess: f64,
    /// What the difference of the clocks is thought to be, in parts in a million.
    drift: f64,
}

impl DriftControl {
    /// Aims at `target`, as [`Self::update`] takes it.
    #[must_use]
    pub fn new(target: Duration) -> Self {
        Self {
            target: target.as_secs_f64() * 1000.0,
            excess: 0.0,
            drift: 0.0,
        }
    }

    /// Aims at another amount from now on; what is known of the clocks stays.
    pub fn retarget(&mut self, target: Duration) {
        self.target = target.as_secs_f64() * 1000.0;
    }

    /// Returns for [`DriftResampler::set_ppm`](super::DriftResampler::set_ppm) how many more samples in
    /// a million are to be made, -300 to 300. To be called each 20 ms.
    ///
    /// `waiting` is what waits between the legs **and the time since the last of it came**: without
    /// that, the amount would go in steps of a frame, between which no drift is seen.
    pub fn update(&mut self, waiting: Duration) -> f64 {
        let excess = waiting.as_secs_f64() * 1000.0 - self.target;
        self.excess += SMOOTHING * (excess - self.excess);
        let step = INTEGRAL * self.excess * FRAME_TIME.as_secs_f64();
        self.drift = (self.drift + step).clamp(-FARTHEST_PPM, FARTHEST_PPM);
        let faster = PROPORTIONAL * self.excess + self.drift;
        -faster.clamp(-FARTHEST_PPM, FARTHEST_PPM)
    }
}
