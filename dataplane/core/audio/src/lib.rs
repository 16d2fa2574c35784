//! Telephone audio: G.711, G.722, Opus, comfort noise, resampling, drift, loss concealment, voice
//! activity, keys, tones, WAV, Ogg.
//!
//! Everything works on frames of 16-bit linear samples, keeps its state in a struct and allocates
//! only when it is made, but for Opus and Ogg. The beat is [`FRAME_SAMPLES`]: 20 ms at 8 kHz.

#![forbid(unsafe_code)]

mod comfort_noise;
mod conceal;
mod drift;
mod dtmf;
mod fade;
mod fir;
pub mod g711;
mod g722;
mod level;
mod melody;
mod mix;
mod ogg_opus;
mod opus;
mod rate;
mod recording;
mod resample;
mod tone;
mod vad;
mod wav;

pub use comfort_noise::{ComfortNoise, NoiseDescription};
pub use conceal::Concealer;
pub use drift::{DriftControl, DriftResampler};
pub use dtmf::{DtmfDetector, DtmfEvent};
pub use fade::{fade_in, fade_out};
pub use g711::Law;
pub use g722::{G722Decoder, G722Encoder, G722Mode};
pub use level::level_dbov;
pub use melody::Melody;
pub use mix::{mix_into, scale};
pub use ogg_opus::{OGG_OPUS_HEADER_LENGTH, OggOpusWriter, last_ogg_page};
pub use opus::{
    OPUS_MAX_OCTETS, OPUS_MAX_SAMPLES, OpusConfig, OpusDecoder, OpusEncoder, OpusError, OpusPacket,
};
pub use rate::{RateConverter, SampleRate};
pub use recording::{Recording, Side};
pub use resample::{Downsampler, Upsampler};
pub use tone::{Cadence, Tone, ToneGenerator};
pub use vad::{Activity, Vad, VadConfig};
pub use wav::{WAV_HEADER_LENGTH, Wav, WavError, wav_header};

/// Samples a second of a telephone call.
pub const SAMPLE_RATE: u32 = 8000;
/// Samples a second that recognisers and synthesizers use.
pub const WIDEBAND_RATE: u32 = 16_000;
/// Samples in a frame of 20 ms at [`SAMPLE_RATE`].
pub const FRAME_SAMPLES: usize = 160;
/// One frame.
pub const FRAME_TIME: std::time::Duration = std::time::Duration::from_millis(20);
