//! Whether somebody speaks.

mod detector;
mod noise;
mod tonal;
mod voicing;

pub use detector::{Activity, Vad, VadConfig};
