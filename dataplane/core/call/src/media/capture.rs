//! What the caller says, kept for the recogniser: from a little before the onset to the end of the
//! turn.

use super::{WIDE_SAMPLES, WideFrame};

/// Frames kept from before the onset: a voice detector wakes late, and the first consonant is what
/// tells "two" from "through".
const PRE_ROLL_FRAMES: usize = 15;

/// Longest turn kept, in samples: 20 s and the pre-roll. What comes after is not recognised.
const MAX_SAMPLES: usize = 20 * 16_000 + PRE_ROLL_FRAMES * WIDE_SAMPLES;

/// Ring of the last frames and the turn that is being captured.
#[derive(Debug)]
pub(crate) struct Capture {
    ring: [WideFrame; PRE_ROLL_FRAMES],
    next: usize,
    turn: Option<Vec<i16>>,
}

impl Capture {
    pub(crate) fn new() -> Self {
        Self {
            ring: [[0; WIDE_SAMPLES]; PRE_ROLL_FRAMES],
            next: 0,
            turn: None,
        }
    }

    /// One decoded frame of the caller.
    pub(crate) fn push(&mut self, frame: &WideFrame) {
        self.ring[self.next] = *frame;
        self.next = (self.next + 1) % PRE_ROLL_FRAMES;
        if let Some(turn) = self.turn.as_mut()
            && turn.len() < MAX_SAMPLES
        {
            turn.extend_from_slice(frame);
        }
    }

    /// Begins a turn with the frame pushed last and those before it.
    pub(crate) fn begin(&mut self) {
        let mut turn = Vec::with_capacity(4 * 16_000);
        let (newer, older) = self.ring.split_at(self.next);
        for frame in older.iter().chain(newer) {
            turn.extend_from_slice(frame);
        }
        self.turn = Some(turn);
    }

    /// Forgets the turn.
    pub(crate) fn discard(&mut self) {
        self.turn = None;
    }

    /// Takes the turn; empty when none was begun.
    pub(crate) fn take(&mut self) -> Vec<i16> {
        self.turn.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_holds_the_frames_before_its_onset_in_order() {
        let mut capture = Capture::new();
        for value in 0..20 {
            capture.push(&[value; WIDE_SAMPLES]);
        }
        capture.begin();
        capture.push(&[20; WIDE_SAMPLES]);
        let turn = capture.take();
        let frames: Vec<i16> = turn.iter().step_by(WIDE_SAMPLES).copied().collect();
        assert_eq!(frames, (5..=20).collect::<Vec<i16>>());
        assert!(capture.take().is_empty());
    }

    #[test]
    fn an_endless_turn_stops_growing() {
        let mut capture = Capture::new();
        capture.begin();
        for _ in 0..2_000 {
            capture.push(&[1; WIDE_SAMPLES]);
        }
        assert_eq!(capture.take().len(), MAX_SAMPLES);
    }
}
