//! Callers who are joined by other means than SIP, and whose audio comes as frames.

use callplane_types::{CallStatus, Instant};

use super::{Call, Phase};
use crate::facts::Measured;
use crate::hangup::{Hangup, HangupCause};
use crate::input::Left;
use crate::media::{Frame, Frames, Line};
use crate::output::Output;

impl Call {
    /// The 20 ms of the caller for the next [`Call::tick`], and when something last came of them at all.
    pub fn hear(&mut self, frame: &Frame, last_heard: Option<Instant>) {
        if let Some(Line::Frames(frames)) = self.line.as_mut() {
            frames.hand_in(frame);
            if let Some(at) = last_heard {
                frames.heard(at);
            }
        }
    }

    /// The 20 ms of the agent that the last [`Call::tick`] made.
    #[must_use]
    pub fn say(&self) -> &Frame {
        self.voices.agent()
    }

    /// How the media has been so far, for the record.
    pub fn measured(&mut self, measured: Measured) {
        if let Some(Line::Frames(frames)) = self.line.as_mut() {
            frames.measured(measured);
        }
    }

    /// Their offer is answered already; the agent begins when both sides can hear each other.
    pub(super) fn open_joined(&mut self, now: Instant, codec: &'static str) {
        self.phase = Phase::Answering {
            until: now + self.guards.acknowledgement,
        };
        self.line = Some(Line::Frames(Box::new(Frames::new(codec))));
        self.timeline.set_status(now, CallStatus::InProgress);
        self.outputs.push_back(Output::Answered);
    }

    pub(super) fn joined(&mut self, now: Instant) {
        self.connect(now);
    }

    pub(super) fn left(&mut self, now: Instant, why: Left) {
        if matches!(self.phase, Phase::Answering { .. }) {
            // The answer led to nothing.
            self.timeline.retract_answer();
        }
        let hangup = match why {
            Left::HungUp => Hangup {
                cause: HangupCause::NormalClearing,
                party: self.remote_party(),
            },
            Left::Lost => Hangup::system(HangupCause::MediaTimeout),
            Left::Failed => Hangup::system(HangupCause::NetworkOutOfOrder),
        };
        self.finish(now, hangup, CallStatus::Failed);
    }
}
