//! Telephone audio: G.711, resampling, loss concealment, voice activity, tones, WAV.
//!
//! Everything works on frames of 16-bit linear samples, keeps its state in a struct and allocates
//! only when it is made. The beat is [`FRAME_SAMPLES`]: 20 ms at 8 kHz.

#![forbid(unsafe_code)]

mod conceal;
mod fade;
pub mod g711;
mod level;
mod mix;
mod recording;
mod resample;
mod tone;
mod vad;
mod wav;

pub use conceal::Concealer;
pub use fade::{fade_in, fade_out};
pub use g711::Law;
pub use level::level_dbov;
pub use mix::{mix_into, scale};
pub use recording::{Recording, Side};
pub use resample::{Downsampler, Upsampler};
pub use tone::{Cadence, Tone, ToneGenerator};
pub use vad::{Activity, Vad, VadConfig};
pub use wav::{WAV_HEADER_LENGTH, wav_header};

/// Samples a second of a telephone call.
pub const SAMPLE_RATE: u32 = 8000;
/// Samples a second that recognisers and synthesizers use.
pub const WIDEBAND_RATE: u32 = 16_000;
/// Samples in a frame of 20 ms at [`SAMPLE_RATE`].
pub const FRAME_SAMPLES: usize = 160;
/// One frame.
pub const FRAME_TIME: std::time::Duration = std::time::Duration::from_millis(20);
