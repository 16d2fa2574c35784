//! Starting, stopping and pausing the recording of a call.

use callplane_flow::RecordingAction;
use callplane_types::Instant;

use super::Call;
use crate::facts::{EventKind, Recorded};
use crate::media::{By, CannotRecord, Piece, RecordingState};
use crate::output::Output;

impl Call {
    /// Does what a person wants done to the recording, and says how it stands then. What is so already is
    /// left so.
    ///
    /// # Errors
    /// [`CannotRecord`] says why it stays as it is.
    pub fn record(
        &mut self,
        now: Instant,
        action: RecordingAction,
    ) -> Result<RecordingState, CannotRecord> {
        let before = self.voices.deck().state();
        self.voices.deck().act(now, By::Person, action)?;
        self.recording_changed(now, before);
        Ok(self.voices.deck().state())
    }

    pub(super) fn record_for_flow(&mut self, now: Instant, action: RecordingAction) {
        let before = self.voices.deck().state();
        // The flow begins to act when the call has begun, and may do everything.
        let _ = self.voices.deck().act(now, By::Flow, action);
        self.recording_changed(now, before);
    }

    /// Both sides can hear each other.
    pub(super) fn begin_recording(&mut self, now: Instant) {
        self.voices.deck().begin(now);
        self.recording_changed(now, RecordingState::Off);
    }

    fn recording_changed(&mut self, now: Instant, before: RecordingState) {
        use RecordingState::{Off, Paused, Running, Stopped};
        let after = self.voices.deck().state();
        let mut event = |kind| self.timeline.event(now, kind);
        if matches!((before, after), (Off | Stopped, Running | Paused)) {
            event(EventKind::RecordingStarted);
        }
        match (before, after) {
            (Off | Running | Stopped, Paused) => event(EventKind::RecordingPaused),
            (Paused, Running) => event(EventKind::RecordingResumed),
            (Running | Paused, Stopped) => event(EventKind::RecordingStopped),
            _ => {}
        }
        self.hand_out_recorded();
    }

    pub(super) fn hand_out_recorded(&mut self) {
        while let Some(piece) = self.voices.deck().next_piece() {
            self.outputs.push_back(match piece {
                Piece::Octets(octets) => Output::Recorded(octets),
                Piece::Silence(time) => Output::NotRecorded(time),
            });
        }
    }

    /// The call is over; what the record says of its recording.
    pub(super) fn finish_recording(&mut self, now: Instant) -> Option<Recorded> {
        self.voices.deck().finish(now);
        self.hand_out_recorded();
        let (started, gaps) = self.voices.deck().taken()?;
        Some(Recorded {
            started_at: self.timeline.wall(started),
            gaps,
        })
    }
}
