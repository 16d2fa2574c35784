//! What the agent is saying: one clip at a time, cut into frames, with the clock of what was sent.

use std::sync::Arc;

use callplane_agent::{Apology, UtteranceId};
use callplane_audio::{Cadence, Downsampler, SAMPLE_RATE, Tone, ToneGenerator};

use super::{FRAME_SAMPLES, Frame};

/// Speech ready to be sent: 8 kHz mono, shared so that a prompt is held once for all calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clip {
    samples: Arc<[i16]>,
    /// Nobody speaks in it.
    tone: bool,
}

impl Clip {
    /// Takes 8 kHz samples.
    #[must_use]
    pub fn new(samples: impl Into<Arc<[i16]>>) -> Self {
        Self {
            samples: samples.into(),
            tone: false,
        }
    }

    /// What it takes of 16 kHz samples, as synthesisers make them.
    #[must_use]
    pub fn narrow(samples: &[i16]) -> Vec<i16> {
        let mut narrow = Vec::with_capacity(samples.len() / 2 + 1);
        Downsampler::default().process(samples, &mut narrow);
        narrow
    }

    /// Two beeps: something went wrong, and there is no voice to say so.
    #[must_use]
    pub fn sorry_tone() -> Self {
        let mut samples = vec![0; SAMPLE_RATE as usize];
        let cadence = Cadence {
            on_ms: 300,
            off_ms: 200,
        };
        ToneGenerator::new(Tone::BEEP, cadence, SAMPLE_RATE).fill(&mut samples);
        Self {
            samples: samples.into(),
            tone: true,
        }
    }

    /// Length in samples of 125 us.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples.len() as u64
    }

    /// What the agent may claim to have said with it.
    pub(crate) fn as_apology(&self) -> Apology {
        match self.tone {
            true => Apology::Tone,
            false => Apology::Spoken {
                samples: self.samples(),
            },
        }
    }
}

/// How far the current clip has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) utterance: UtteranceId,
    /// Samples sent, which is what the caller hears one network delay later.
    pub(crate) played: u64,
    pub(crate) done: bool,
}

impl From<Progress> for callplane_agent::Input {
    fn from(progress: Progress) -> Self {
        Self::Played {
            utterance: progress.utterance,
            samples: progress.played,
            done: progress.done,
        }
    }
}

/// The clip being sent. **A frame is either all silence or begins with a sample of the clip.**
#[derive(Debug, Default)]
pub(crate) struct Playout {
    current: Option<(UtteranceId, Clip, usize)>,
}

impl Playout {
    /// Starts a clip, dropping whatever was left of the one before.
    pub(crate) fn play(&mut self, utterance: UtteranceId, clip: Clip) {
        self.current = Some((utterance, clip, 0));
    }

    /// Stops at the frame border.
    pub(crate) fn stop(&mut self) {
        self.current = None;
    }

    pub(crate) const fn is_playing(&self) -> bool {
        self.current.is_some()
    }

    /// Fills the next 20 ms; `None` when there is nothing to say and `frame` was left alone.
    pub(crate) fn next(&mut self, frame: &mut Frame) -> Option<Progress> {
        let (utterance, Clip { samples, .. }, position) = self.current.as_mut()?;
        let rest = &samples[*position..];
        let taken = rest.len().min(FRAME_SAMPLES);
        frame[..taken].copy_from_slice(&rest[..taken]);
        frame[taken..].fill(0);
        *position += taken;
        let progress = Progress {
            utterance: *utterance,
            played: *position as u64,
            done: *position == samples.len(),
        };
        if progress.done {
            self.current = None;
        }
        Some(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_sent_whole_and_its_last_frame_padded() {
        let mut playout = Playout::default();
        playout.play(UtteranceId(1), Clip::new(vec![7; FRAME_SAMPLES + 40]));
        let mut frame = [1; FRAME_SAMPLES];
        let first = playout.next(&mut frame).unwrap();
        assert_eq!((first.played, first.done), (160, false));
        let second = playout.next(&mut frame).unwrap();
        assert_eq!((second.played, second.done), (200, true));
        assert_eq!((frame[39], frame[40]), (7, 0));
        assert_eq!(playout.next(&mut frame), None);
    }

    #[test]
    fn an_empty_clip_is_done_with_its_first_frame() {
        let mut playout = Playout::default();
        playout.play(UtteranceId(1), Clip::new(Vec::new()));
        let progress = playout.next(&mut [0; FRAME_SAMPLES]).unwrap();
        assert!(progress.done && progress.played == 0);
    }
}
