//! Two legs whose clocks differ: 100 parts in a million are 160 samples, a frame, in 200 seconds.
//!
//! What waits between the legs tells the difference: [`DriftControl`] turns it into a ratio, at which
//! [`DriftResampler`] makes slightly more or fewer samples of what comes in. So nothing is cut out or
//! put in that could be heard.

mod control;
mod resampler;

pub use control::DriftControl;
pub use resampler::DriftResampler;
