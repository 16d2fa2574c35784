//! Keys pressed on a telephone, heard in the audio (ITU-T Q.23, Q.24), for peers that do not send
//! them as events (RFC 4733).
//!
//! Every 5 ms the last 30 ms are looked at, under a Hann window. Two of the eight frequencies must
//! make up nearly all of the sound, near enough to their nominal values, neither much louder than the
//! other and without overtones; four such looks in a row are a key. Voices seldom get two right.

mod detector;
mod goertzel;
mod window;

pub use detector::{DtmfDetector, DtmfEvent};
