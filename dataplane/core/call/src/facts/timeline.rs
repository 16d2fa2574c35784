//! The facts while they come in: steady time in, wall time out.

use callplane_agent::Message as Said;
use callplane_flow::graph::NodeKind;
use callplane_types::{CallStatus, Instant, Pii, WallTime};

use super::{CallEvent, EventKind, Message, Segment};

/// Most events kept of one call: a caller who holds a key down cannot fill the disk.
const MAX_EVENTS: usize = 1_000;
/// Most messages and segments kept of one call.
const MAX_ENTRIES: usize = 5_000;

/// What happened so far. **The status never leaves a final state, and its changes are in the
/// events.**
#[derive(Debug)]
pub(crate) struct Timeline {
    origin: (Instant, WallTime),
    status: CallStatus,
    pub(crate) ringing_at: Option<WallTime>,
    pub(crate) answered_at: Option<WallTime>,
    pub(crate) connected_at: Option<WallTime>,
    pub(crate) events: Vec<CallEvent>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) messages: Vec<Message>,
}

impl Timeline {
    /// A call that was initiated at `now`, which is `wall` on the clock.
    pub(crate) fn new(now: Instant, wall: WallTime) -> Self {
        let mut timeline = Self {
            origin: (now, wall),
            status: CallStatus::Initiated,
            ringing_at: None,
            answered_at: None,
            connected_at: None,
            events: Vec::new(),
            segments: Vec::new(),
            messages: Vec::new(),
        };
        timeline.event(
            now,
            EventKind::Status {
                from: None,
                to: CallStatus::Initiated,
            },
        );
        timeline
    }

    /// When the call was initiated.
    pub(crate) fn initiated_at(&self) -> WallTime {
        self.origin.1
    }

    /// Steady time as wall time. A clock that is set during the call does not bend its record.
    pub(crate) fn wall(&self, now: Instant) -> WallTime {
        let (origin, wall) = self.origin;
        wall + (now - origin)
    }

    pub(crate) fn status(&self) -> CallStatus {
        self.status
    }

    pub(crate) fn set_status(&mut self, now: Instant, to: CallStatus) {
        if self.status.is_final() || self.status == to {
            return;
        }
        let at = self.wall(now);
        match to {
            CallStatus::Ringing => self.ringing_at = Some(at),
            CallStatus::InProgress => self.answered_at = Some(at),
            _ => {}
        }
        let from = Some(self.status);
        self.status = to;
        self.event(now, EventKind::Status { from, to });
    }

    /// The answer never reached the other side: the call was not answered.
    pub(crate) fn retract_answer(&mut self) {
        if self.status != CallStatus::InProgress {
            return;
        }
        self.answered_at = None;
        self.status = match self.ringing_at {
            Some(_) => CallStatus::Ringing,
            None => CallStatus::Initiated,
        };
        let answered = |kind: &EventKind| {
            matches!(
                kind,
                EventKind::Status {
                    to: CallStatus::InProgress,
                    ..
                }
            )
        };
        self.events.retain(|event| !answered(&event.kind));
    }

    pub(crate) fn event(&mut self, now: Instant, kind: EventKind) {
        // The end is always kept.
        let ends = matches!(kind, EventKind::Status { .. });
        if ends || self.events.len() < MAX_EVENTS {
            let at = self.wall(now);
            self.events.push(CallEvent { at, kind });
        }
    }

    /// The flow entered a node; the one before ends.
    pub(crate) fn entered(&mut self, now: Instant, node: String, kind: NodeKind) {
        let at = self.wall(now);
        self.close_segment(now);
        if self.segments.len() < MAX_ENTRIES {
            self.segments.push(Segment {
                node,
                kind,
                started_at: at,
                ended_at: at,
            });
        }
    }

    pub(crate) fn close_segment(&mut self, now: Instant) {
        let at = self.wall(now);
        if let Some(last) = self.segments.last_mut()
            && last.ended_at == last.started_at
        {
            last.ended_at = at;
        }
    }

    /// Gives the message as it is kept.
    pub(crate) fn said(&mut self, said: Said) -> Option<&Message> {
        let Said {
            speaker,
            text,
            at,
            intended,
            latency,
            confidence,
            citations,
        } = said;
        if self.messages.len() >= MAX_ENTRIES {
            return None;
        }
        let at = self.wall(at);
        self.messages.push(Message {
            speaker,
            text: Pii::new(text),
            intended: intended.map(Pii::new),
            at,
            latency,
            confidence,
            citations,
        });
        self.messages.last()
    }
}
