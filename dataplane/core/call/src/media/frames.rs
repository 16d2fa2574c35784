//! Media that somebody else carries, as frames: a browser's, whose packets never come here.

use callplane_types::Instant;

use super::{FRAME_SAMPLES, Frame};
use crate::facts::{Measured, Quality};

/// The line to a caller whose audio is handed in as frames.
#[derive(Debug)]
pub(crate) struct Frames {
    codec: &'static str,
    /// Until the next tick.
    caller: Frame,
    last_heard: Option<Instant>,
    measured: Option<Measured>,
}

impl Frames {
    pub(crate) fn new(codec: &'static str) -> Self {
        Self {
            codec,
            caller: [0; FRAME_SAMPLES],
            last_heard: None,
            measured: None,
        }
    }

    pub(crate) fn codec(&self) -> &'static str {
        self.codec
    }

    pub(crate) fn hand_in(&mut self, frame: &Frame) {
        self.caller = *frame;
    }

    /// The caller was there at `at`.
    pub(crate) fn heard(&mut self, at: Instant) {
        self.last_heard = Some(at);
    }

    pub(crate) fn measured(&mut self, measured: Measured) {
        self.measured = (measured.received.packets > 0).then_some(measured);
    }

    pub(crate) fn take(&mut self, frame: &mut Frame) {
        *frame = std::mem::replace(&mut self.caller, [0; FRAME_SAMPLES]);
    }

    pub(crate) fn last_heard(&self) -> Option<Instant> {
        self.last_heard
    }

    pub(crate) fn quality(&self) -> Option<Quality> {
        self.measured
            .map(|measured| Quality::new(self.codec, measured))
    }
}
