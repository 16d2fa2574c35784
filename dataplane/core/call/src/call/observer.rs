//! Supervisors join a running call, to listen or to talk, and leave it.

use callplane_agent as agent;
use callplane_types::{Instant, LegId, ObserverMode};

use super::{Call, Phase};
use crate::facts::{EventKind, Measured, ObserverFacts};
use crate::media::Frame;

/// Observers of one call that its record tells of; who comes after them is in no leg, though in the events.
const MAX_RECORDED: usize = 100;

/// Somebody who wants to join the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observer {
    /// The leg, which names them from here on: never used twice.
    pub leg: LegId,
    /// What they are to do.
    pub mode: ObserverMode,
    /// What is spoken with, as the record names it.
    pub codec: &'static str,
}

/// Why a call takes no observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotObserve {
    /// Nobody talks yet.
    #[error("the call was not answered yet: join it when it was")]
    NotConnected,
    /// Over.
    #[error("the call is over")]
    Over,
    /// As many as may are in it.
    #[error("as many supervisors as may are in the call: one of them has to leave")]
    Full,
}

impl Call {
    /// Keeps a place for an observer, who hears and is heard from [`Call::observer_joined`] on. A place that
    /// nobody comes to within the time of [`Guards::acknowledgement`](crate::Guards::acknowledgement) is free
    /// again; the end of the call frees all. [`Call::has_observer`] tells.
    ///
    /// # Errors
    /// [`CannotObserve`] says why there is none.
    pub fn observe(&mut self, now: Instant, observer: Observer) -> Result<(), CannotObserve> {
        match self.phase {
            Phase::Talking { .. } => {}
            Phase::Answering { .. } | Phase::Inviting { .. } => {
                return Err(CannotObserve::NotConnected);
            }
            Phase::Closing { .. } | Phase::Over => return Err(CannotObserve::Over),
        }
        let Observer { leg, mode, codec } = observer;
        let until = now + self.guards.acknowledgement;
        if !self.observers.enter(leg, mode, until) {
            return Err(CannotObserve::Full);
        }
        if self.observations.len() < MAX_RECORDED {
            self.observations.push(ObserverFacts {
                leg,
                mode,
                entered_at: self.timeline.wall(now),
                joined_at: None,
                left_at: None,
                codec,
                quality: None,
            });
        }
        Ok(())
    }

    /// An observer and this side can hear each other. The agent yields to the first who talks.
    pub fn observer_joined(&mut self, now: Instant, leg: LegId) {
        let Some(mode) = self.observers.arrive(leg) else {
            return;
        };
        self.timeline.event(now, EventKind::ObserverJoined { mode });
        let at = self.timeline.wall(now);
        if let Some(facts) = self.observation(leg) {
            facts.joined_at = Some(at);
        }
        if mode == ObserverMode::Talk {
            self.tell_agent(now, agent::Input::FloorTaken);
        }
    }

    /// An observer is gone. The agent goes on when nobody talks in its place any more.
    pub fn observer_left(&mut self, now: Instant, leg: LegId) {
        let was = self.observers.leave(leg);
        let at = self.timeline.wall(now);
        if let Some(facts) = self.observation(leg) {
            facts.left_at.get_or_insert(at);
        }
        let Some(mode) = was else {
            return;
        };
        self.timeline.event(now, EventKind::ObserverLeft { mode });
        if mode == ObserverMode::Talk && !self.observers.have_floor() {
            self.tell_agent(now, agent::Input::FloorReturned);
        }
    }

    /// Whether an observer has its place in the call.
    #[must_use]
    pub fn has_observer(&self, leg: LegId) -> bool {
        self.observers.has(leg)
    }

    /// The 20 ms of an observer for the next [`Call::tick`]: one frame of each before every tick.
    pub fn hear_observer(&mut self, leg: LegId, frame: &Frame) {
        self.observers.hand_in(leg, frame);
    }

    /// The 20 ms for an observer that the last [`Call::tick`] made; nothing for one that is gone.
    #[must_use]
    pub fn tell_observer(&self, leg: LegId) -> Option<&Frame> {
        self.observers.hears(leg)
    }

    /// How the media of an observer has been so far, for the record.
    pub fn observer_measured(&mut self, leg: LegId, measured: Measured) {
        if let Some(facts) = self.observation(leg) {
            facts.measured(measured);
        }
    }

    /// Frees places that nobody came to.
    pub(super) fn check_observers(&mut self, now: Instant) {
        while let Some(leg) = self.observers.overdue(now) {
            self.observer_left(now, leg);
        }
    }

    /// The call is over, and so it is for them.
    pub(super) fn leave_observers(&mut self, now: Instant) {
        while let Some(leg) = self.observers.first() {
            self.observer_left(now, leg);
        }
    }

    fn observation(&mut self, leg: LegId) -> Option<&mut ObserverFacts> {
        let mut all = self.observations.iter_mut();
        all.find(|facts| facts.leg == leg)
    }
}
