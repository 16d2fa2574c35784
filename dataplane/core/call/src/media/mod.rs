//! The media path of a leg, 20 ms at a time.

mod audience;
mod capture;
mod deck;
mod decode;
mod early;
mod encode;
mod frames;
mod handshakes;
mod hearing;
mod leg;
mod line;
mod observers;
mod playout;
mod shield;
mod tape;
mod voices;
mod waiting;
mod way;

use std::time::Duration;

pub(crate) use audience::Audience;
pub use capture::TurnAudio;
pub(crate) use deck::{By, Deck, Piece};
pub use deck::{CannotRecord, RecordingState};
pub(crate) use early::Early;
pub(crate) use frames::Frames;
pub(crate) use leg::Leg;
pub use leg::Packets;
pub(crate) use line::Line;
pub(crate) use observers::Observers;
pub use playout::Clip;
pub(crate) use playout::Playout;
pub(crate) use voices::Voices;
pub(crate) use waiting::WaitingSound;
pub use way::{Outgoing, Port};

/// Samples in a frame: 20 ms at 8 kHz.
pub(crate) const FRAME_SAMPLES: usize = callplane_audio::FRAME_SAMPLES;

/// One frame of linear samples: 20 ms at 8 kHz.
pub type Frame = [i16; FRAME_SAMPLES];

/// Samples in a frame at the 16 kHz of recognisers.
pub(crate) const WIDE_SAMPLES: usize = 2 * FRAME_SAMPLES;

/// One frame for the recogniser.
pub(crate) type WideFrame = [i16; WIDE_SAMPLES];

/// Samples at 8 kHz of the longest packet that is sent: 60 ms.
pub(crate) const MAX_PACKET_SAMPLES: usize = 3 * FRAME_SAMPLES;

/// How long `samples` of a frame take.
pub(crate) fn time_of(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 125)
}
