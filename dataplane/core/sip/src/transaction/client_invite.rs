//! INVITE, client side: RFC 3261 section 17.1.1 with the Accepted state of RFC 6026.

use std::time::Duration;

use bytes::Bytes;

use super::effect::Effects;
use super::timer::Timer;
use crate::config::Timers;
use crate::message::StatusCode;

#[derive(Debug)]
pub(super) struct ClientInvite {
    state: State,
    request: Bytes,
    /// The ACK of a failure, kept for its repetitions.
    ack: Option<Bytes>,
    reliable: bool,
    interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

impl ClientInvite {
    pub(super) fn start(
        request: Bytes,
        reliable: bool,
        timers: &Timers,
        effects: &mut Effects,
    ) -> Self {
        effects.send(&request);
        effects.set(Timer::B, timers.t1 * 64);
        if !reliable {
            effects.set(Timer::A, timers.t1);
        }
        Self {
            state: State::Calling,
            request,
            ack: None,
            reliable,
            interval: timers.t1,
        }
    }

    /// Takes a response; true when the user of the transaction shall see it. `ack` acknowledges a
    /// failure.
    pub(super) fn response(
        &mut self,
        status: StatusCode,
        ack: Option<Bytes>,
        timers: &Timers,
        effects: &mut Effects,
    ) -> bool {
        match self.state {
            State::Calling | State::Proceeding => {
                effects.clear(Timer::A);
                effects.clear(Timer::B);
                if status.is_provisional() {
                    self.state = State::Proceeding;
                } else if status.is_success() {
                    self.state = State::Accepted;
                    effects.set(Timer::M, timers.t1 * 64);
                } else {
                    self.state = State::Completed;
                    self.ack = ack;
                    if let Some(ack) = &self.ack {
                        effects.send(ack);
                    }
                    effects.linger(Timer::D, timers.t1 * 64, self.reliable);
                }
                true
            }
            State::Accepted => status.is_success(),
            State::Completed => {
                if let (false, false, Some(ack)) =
                    (status.is_provisional(), status.is_success(), &self.ack)
                {
                    effects.resend(ack);
                }
                false
            }
        }
    }

    pub(super) fn timer(&mut self, timer: Timer, effects: &mut Effects) {
        match (timer, self.state) {
            (Timer::A, State::Calling) => {
                effects.resend(&self.request);
                self.interval *= 2;
                effects.set(Timer::A, self.interval);
            }
            (Timer::B, State::Calling) => effects.timed_out(),
            (Timer::D | Timer::M, _) => effects.terminated(),
            _ => {}
        }
    }

    /// Whether a final response came.
    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.state, State::Completed | State::Accepted)
    }
}
