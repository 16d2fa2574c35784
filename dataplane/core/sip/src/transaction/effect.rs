//! What a transaction wants done.

use std::time::Duration;

use bytes::Bytes;

use super::timer::Timer;

/// The effects of one step of a machine, in order.
#[derive(Debug, Default)]
pub(super) struct Effects(pub(super) Vec<Effect>);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Send(Bytes),
    /// The same as something sent before.
    Resend(Bytes),
    Set(Timer, Duration),
    Clear(Timer),
    /// The peer stayed silent; the transaction is over.
    TimedOut,
    /// The transaction is over.
    Terminated,
}

impl Effects {
    pub(super) fn send(&mut self, bytes: &Bytes) {
        self.0.push(Effect::Send(bytes.clone()));
    }

    pub(super) fn resend(&mut self, bytes: &Bytes) {
        self.0.push(Effect::Resend(bytes.clone()));
    }

    pub(super) fn set(&mut self, timer: Timer, after: Duration) {
        self.0.push(Effect::Set(timer, after));
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.0.push(Effect::Clear(timer));
    }

    pub(super) fn timed_out(&mut self) {
        self.0.push(Effect::TimedOut);
    }

    pub(super) fn terminated(&mut self) {
        self.0.push(Effect::Terminated);
    }

    /// Ends now on a stream, where nothing comes twice; later over UDP.
    pub(super) fn linger(&mut self, timer: Timer, after: Duration, reliable: bool) {
        if reliable {
            self.terminated();
        } else {
            self.set(timer, after);
        }
    }
}
