//! Any other request, server side: RFC 3261 section 17.2.2.

use bytes::Bytes;

use super::effect::Effects;
use super::timer::Timer;
use crate::config::Timers;
use crate::message::StatusCode;

#[derive(Debug)]
pub(super) struct ServerRequest {
    response: Option<Bytes>,
    answered: bool,
    reliable: bool,
}

impl ServerRequest {
    pub(super) const fn new(reliable: bool) -> Self {
        Self {
            response: None,
            answered: false,
            reliable,
        }
    }

    /// The same request again.
    pub(super) fn request(&self, effects: &mut Effects) {
        if let Some(response) = &self.response {
            effects.resend(response);
        }
    }

    pub(super) fn respond(
        &mut self,
        status: StatusCode,
        response: Bytes,
        timers: &Timers,
        effects: &mut Effects,
    ) {
        if self.answered {
            return;
        }
        effects.send(&response);
        self.response = Some(response);
        if !status.is_provisional() {
            self.answered = true;
            effects.linger(Timer::J, timers.t1 * 64, self.reliable);
        }
    }

    pub(super) fn timer(&mut self, timer: Timer, effects: &mut Effects) {
        if timer == Timer::J {
            effects.terminated();
        }
    }
}
