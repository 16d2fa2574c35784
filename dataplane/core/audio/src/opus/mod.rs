//! Opus (RFC 6716) at 16 kHz, mono, for voices.
//!
//! RTP counts 48000 ticks a second whatever the rate (RFC 7587 section 4.1): one sample here is three
//! ticks. What a peer sends may have two channels, any bandwidth and any duration up to 120 ms; the
//! decoder makes 16 kHz mono of it. The codec itself is the crate `ropus`, a port of libopus with
//! fixed-point arithmetic.
//!
//! **Unlike the rest of this crate, the codec allocates scratch memory for each packet**, some 70 times
//! to encode and 10 times to decode one; it gives all of it back before it returns.

mod config;
mod decoder;
mod encoder;
mod error;
mod packet;

pub use config::OpusConfig;
pub use decoder::OpusDecoder;
pub use encoder::OpusEncoder;
pub use error::OpusError;
pub use packet::OpusPacket;

/// Samples of the longest packet: 120 ms (RFC 6716 section 3.2.5).
pub const OPUS_MAX_SAMPLES: usize = 1920;
/// Octets of the longest packet that a frame of ours makes (RFC 6716 section 3.4).
pub const OPUS_MAX_OCTETS: usize = 1275;
