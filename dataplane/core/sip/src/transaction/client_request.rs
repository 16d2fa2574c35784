//! Any other request, client side: RFC 3261 section 17.1.2.

use std::time::Duration;

use bytes::Bytes;

use super::effect::Effects;
use super::timer::Timer;
use crate::config::Timers;
use crate::message::StatusCode;

#[derive(Debug)]
pub(super) struct ClientRequest {
    state: State,
    request: Bytes,
    reliable: bool,
    interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
}

impl ClientRequest {
    pub(super) fn start(
        request: Bytes,
        reliable: bool,
        timers: &Timers,
        effects: &mut Effects,
    ) -> Self {
        effects.send(&request);
        effects.set(Timer::F, timers.t1 * 64);
        if !reliable {
            effects.set(Timer::E, timers.t1);
        }
        Self {
            state: State::Trying,
            request,
            reliable,
            interval: timers.t1,
        }
    }

    /// Takes a response; true when the user of the transaction shall see it.
    pub(super) fn response(
        &mut self,
        status: StatusCode,
        timers: &Timers,
        effects: &mut Effects,
    ) -> bool {
        if self.state == State::Completed {
            return false;
        }
        if status.is_provisional() {
            self.state = State::Proceeding;
        } else {
            self.state = State::Completed;
            effects.clear(Timer::E);
            effects.clear(Timer::F);
            effects.linger(Timer::K, timers.t4, self.reliable);
        }
        true
    }

    pub(super) fn timer(&mut self, timer: Timer, timers: &Timers, effects: &mut Effects) {
        match (timer, self.state) {
            (Timer::E, State::Trying | State::Proceeding) => {
                effects.resend(&self.request);
                // Proceeding repeats at T2 at once (section 17.1.2.2).
                self.interval = match self.state {
                    State::Proceeding => timers.t2,
                    _ => (self.interval * 2).min(timers.t2),
                };
                effects.set(Timer::E, self.interval);
            }
            (Timer::F, State::Trying | State::Proceeding) => effects.timed_out(),
            (Timer::K, _) => effects.terminated(),
            _ => {}
        }
    }

    /// Whether a final response came.
    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.state, State::Completed)
    }
}
