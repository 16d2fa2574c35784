//! What the caller says, kept for the recogniser: from a little before the onset to the end of the
//! turn.

use std::collections::VecDeque;
use std::time::Duration;

use callplane_audio::{Downsampler, Upsampler};

use super::{FRAME_SAMPLES, Frame, WIDE_SAMPLES, WideFrame, time_of};

/// Frames kept from before the onset: a voice detector wakes late, and the first consonant is what
/// tells "two" from "through".
const PRE_ROLL_FRAMES: usize = 15;

/// Frames of the longest turn kept: 20 s and the pre-roll. What comes after is not recognised.
const MAX_FRAMES: usize = 20 * 50 + PRE_ROLL_FRAMES;

/// Frames that a turn grows by: half a second, so that a short answer takes little.
const GROWTH_FRAMES: usize = 25;

/// What the caller said in a turn, with as much in it as the line carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnAudio {
    /// Samples at 8 kHz.
    Narrow(Vec<i16>),
    /// Samples at 16 kHz, of a wideband codec.
    Wide(Vec<i16>),
}

impl TurnAudio {
    /// As recognisers take it: 16 kHz. What the line did not carry is not there, and to leave that out takes some
    /// milliseconds for a long turn: nothing for a media thread.
    #[must_use]
    pub fn into_wideband(self) -> Vec<i16> {
        match self {
            Self::Narrow(samples) => {
                let mut wide = Vec::with_capacity(2 * samples.len());
                Upsampler::default().process(&samples, &mut wide);
                wide
            }
            Self::Wide(samples) => samples,
        }
    }

    /// How long it is.
    #[must_use]
    pub fn duration(&self) -> Duration {
        match self {
            Self::Narrow(samples) => time_of(samples.len()),
            Self::Wide(samples) => time_of(samples.len()) / 2,
        }
    }
}

/// What is kept of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Band {
    Narrow,
    Wide,
}

impl Band {
    const fn frame_samples(self) -> usize {
        match self {
            Self::Narrow => FRAME_SAMPLES,
            Self::Wide => WIDE_SAMPLES,
        }
    }

    /// Samples of the other band as samples of this one.
    fn convert(self, samples: &[i16]) -> Vec<i16> {
        let mut converted = Vec::new();
        match self {
            Self::Narrow => Downsampler::default().process(samples, &mut converted),
            Self::Wide => Upsampler::default().process(samples, &mut converted),
        }
        converted
    }
}

/// The last frames, and the turn that is being captured.
#[derive(Debug)]
pub(crate) struct Capture {
    band: Band,
    before: VecDeque<i16>,
    turn: Option<Vec<i16>>,
}

impl Capture {
    pub(crate) fn new() -> Self {
        Self {
            band: Band::Narrow,
            before: VecDeque::with_capacity(PRE_ROLL_FRAMES * FRAME_SAMPLES),
            turn: None,
        }
    }

    /// One decoded frame of the caller, and the same at 16 kHz where there may be more in it.
    pub(crate) fn push(&mut self, narrow: &Frame, wide: Option<&WideFrame>) {
        match wide {
            None => self.keep(Band::Narrow, narrow),
            Some(wide) => self.keep(Band::Wide, wide),
        }
    }

    fn keep(&mut self, band: Band, frame: &[i16]) {
        if band != self.band {
            self.change(band);
        }
        if self.before.len() == PRE_ROLL_FRAMES * band.frame_samples() {
            self.before.drain(..frame.len());
        }
        self.before.extend(frame);
        if let Some(turn) = self.turn.as_mut()
            && turn.len() < MAX_FRAMES * band.frame_samples()
        {
            if turn.capacity() - turn.len() < frame.len() {
                turn.reserve_exact(GROWTH_FRAMES * band.frame_samples());
            }
            turn.extend_from_slice(frame);
        }
    }

    /// Another codec was agreed on.
    fn change(&mut self, band: Band) {
        self.band = band;
        self.before = band.convert(self.before.make_contiguous()).into();
        self.before
            .reserve_exact(PRE_ROLL_FRAMES * band.frame_samples() - self.before.len());
        self.turn = self.turn.take().map(|turn| band.convert(&turn));
    }

    /// Begins a turn with the frame pushed last and those before it.
    pub(crate) fn begin(&mut self) {
        let growth = GROWTH_FRAMES * self.band.frame_samples();
        let mut turn = Vec::with_capacity(self.before.len() + growth);
        turn.extend(&self.before);
        self.turn = Some(turn);
    }

    /// Forgets the turn.
    pub(crate) fn discard(&mut self) {
        self.turn = None;
    }

    /// Takes the turn; empty when none was begun.
    pub(crate) fn take(&mut self) -> TurnAudio {
        let turn = self.turn.take().unwrap_or_default();
        match self.band {
            Band::Narrow => TurnAudio::Narrow(turn),
            Band::Wide => TurnAudio::Wide(turn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(value: i16) -> Frame {
        [value; FRAME_SAMPLES]
    }

    fn wide(value: i16) -> WideFrame {
        [value; WIDE_SAMPLES]
    }

    #[test]
    fn a_turn_holds_the_frames_before_its_onset_in_order() {
        let mut capture = Capture::new();
        for value in 0..20 {
            capture.push(&narrow(value), None);
        }
        capture.begin();
        capture.push(&narrow(20), None);
        let expected: Vec<i16> = (5..=20).flat_map(narrow).collect();
        assert_eq!(capture.take(), TurnAudio::Narrow(expected));
        assert_eq!(capture.take(), TurnAudio::Narrow(Vec::new()));
    }

    #[test]
    fn a_wideband_line_is_kept_as_it_is() {
        let mut capture = Capture::new();
        for value in 0..20 {
            capture.push(&narrow(0), Some(&wide(value)));
        }
        capture.begin();
        let turn = capture.take();
        assert_eq!(turn.duration(), Duration::from_millis(300));
        assert_eq!(
            turn.into_wideband(),
            (5..20).flat_map(wide).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_turn_in_which_the_codec_changes_is_of_one_rate_and_all_there() {
        let mut capture = Capture::new();
        for value in 0..20 {
            capture.push(&narrow(100 * value), None);
        }
        capture.begin();
        for _ in 0..10 {
            capture.push(&narrow(0), Some(&wide(2_000)));
        }
        let TurnAudio::Wide(turn) = capture.take() else {
            panic!("something is wide in it")
        };
        assert_eq!(turn.len(), 25 * WIDE_SAMPLES);
        let near = |sample: i16, expected: i16| sample.abs_diff(expected) < 20;
        assert!(near(turn[14 * WIDE_SAMPLES + 200], 1_900));
        for _ in 0..10 {
            capture.push(&narrow(1_000), None);
        }
        capture.begin();
        let TurnAudio::Narrow(turn) = capture.take() else {
            panic!("the line has no more")
        };
        assert_eq!(turn.len(), 15 * FRAME_SAMPLES);
        assert!(near(turn[4 * FRAME_SAMPLES], 2_000));
        assert!(near(turn[5 * FRAME_SAMPLES + 100], 1_000));
    }

    #[test]
    fn what_is_widened_afterwards_is_what_a_frame_at_a_time_would_be() {
        let mut capture = Capture::new();
        capture.begin();
        let (mut up, mut expected) = (Upsampler::default(), Vec::new());
        for number in 0..100u32 {
            let frame = std::array::from_fn(|at| {
                let at = f64::from(number) * FRAME_SAMPLES as f64 + at as f64;
                ((at * at / 40_000.0).sin() * 9_000.0) as i16
            });
            capture.push(&frame, None);
            up.process(&frame, &mut expected);
        }
        let turn = capture.take();
        assert_eq!(turn.duration(), Duration::from_secs(2));
        assert_eq!(turn.into_wideband(), expected);
    }

    #[test]
    fn an_endless_turn_stops_growing() {
        let mut capture = Capture::new();
        capture.begin();
        for _ in 0..2_000 {
            capture.push(&narrow(1), None);
        }
        let seconds = capture.take().duration().as_secs_f64();
        assert!((seconds - 20.3).abs() < 0.01, "{seconds}");
    }
}
