//! INVITE, server side: RFC 3261 section 17.2.1 with the Accepted state of RFC 6026.

use std::time::Duration;

use bytes::Bytes;

use super::effect::Effects;
use super::timer::Timer;
use crate::config::Timers;
use crate::message::StatusCode;

#[derive(Debug)]
pub(super) struct ServerInvite {
    state: State,
    /// The latest response; 2xx are repeated by the user of the transaction, not by it.
    response: Option<Bytes>,
    reliable: bool,
    interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
}

impl ServerInvite {
    pub(super) const fn new(reliable: bool, timers: &Timers) -> Self {
        Self {
            state: State::Proceeding,
            response: None,
            reliable,
            interval: timers.t1,
        }
    }

    /// The same INVITE again.
    pub(super) fn request(&self, effects: &mut Effects) {
        if let (State::Proceeding | State::Completed, Some(response)) = (self.state, &self.response)
        {
            effects.resend(response);
        }
    }

    /// An ACK that belongs to this transaction; true when it is for the user: the ACK of a 2xx
    /// from a peer whose ACK repeats the branch.
    pub(super) fn ack(&mut self, timers: &Timers, effects: &mut Effects) -> bool {
        if self.state == State::Completed {
            self.state = State::Confirmed;
            effects.clear(Timer::G);
            effects.clear(Timer::H);
            effects.linger(Timer::I, timers.t4, self.reliable);
        }
        self.state == State::Accepted
    }

    /// Sends a response of the user; one after the final answer is dropped.
    pub(super) fn respond(
        &mut self,
        status: StatusCode,
        response: Bytes,
        timers: &Timers,
        effects: &mut Effects,
    ) {
        if self.state != State::Proceeding {
            return;
        }
        effects.send(&response);
        self.response = Some(response);
        if status.is_provisional() {
            return;
        }
        if status.is_success() {
            self.state = State::Accepted;
            effects.set(Timer::L, timers.t1 * 64);
            return;
        }
        self.state = State::Completed;
        effects.set(Timer::H, timers.t1 * 64);
        if !self.reliable {
            effects.set(Timer::G, timers.t1);
        }
    }

    pub(super) fn timer(&mut self, timer: Timer, timers: &Timers, effects: &mut Effects) {
        match (timer, self.state, &self.response) {
            (Timer::G, State::Completed, Some(response)) => {
                effects.resend(response);
                self.interval = (self.interval * 2).min(timers.t2);
                effects.set(Timer::G, self.interval);
            }
            (Timer::H, State::Completed, _) => effects.timed_out(),
            (Timer::I | Timer::L, _, _) => effects.terminated(),
            _ => {}
        }
    }
}
