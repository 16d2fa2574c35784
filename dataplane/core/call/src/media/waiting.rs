//! What a caller hears until the other party is there.

use callplane_audio::{Cadence, Melody, Tone, ToneGenerator};
use callplane_flow::Waiting;

use super::Frame;

/// Samples a second of a frame.
const RATE: u32 = 8_000;

/// A sound that goes on as long as somebody waits.
#[derive(Debug)]
pub(crate) enum WaitingSound {
    Ringback(ToneGenerator),
    Music(Melody),
    Silence,
}

impl WaitingSound {
    /// `language` (BCP 47) says whose ringing it is: that of North America, or that of most other networks.
    pub(crate) fn new(waiting: Waiting, language: &str) -> Self {
        let region = language.rsplit('-').next().unwrap_or_default();
        let (tone, cadence) = match region {
            "US" | "CA" => (Tone::RINGBACK_US, Cadence::RINGBACK_US),
            _ => (Tone::RINGBACK_EU, Cadence::RINGBACK_EU),
        };
        match waiting {
            Waiting::Ringback => Self::Ringback(ToneGenerator::new(tone, cadence, RATE)),
            Waiting::Music => Self::Music(Melody::new(RATE)),
            Waiting::Silence => Self::Silence,
        }
    }

    /// The next 20 ms.
    pub(crate) fn fill(&mut self, frame: &mut Frame) {
        match self {
            Self::Ringback(tone) => tone.fill(frame),
            Self::Music(melody) => melody.fill(frame),
            Self::Silence => frame.fill(0),
        }
    }
}
