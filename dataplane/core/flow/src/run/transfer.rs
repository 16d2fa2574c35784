//! A person is brought into the call.

use std::fmt;
use std::time::Duration;

use callplane_types::{E164, Instant};

use super::{Action, Run, State};
use crate::graph::Waiting;
use crate::program::{Cause, TransferTo};
use crate::template::Template;

/// Whom to bring into the call, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The number to ring.
    pub to: E164,
    /// What to say to the person who answers, before both are joined. It can hold what the caller
    /// said, so `Debug` does not show it.
    pub whisper: Option<String>,
    /// How long to ring.
    pub ring: Duration,
    /// What the caller hears until both are joined.
    pub waiting: Waiting,
}

/// How a transfer ended while the caller was still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferEnd {
    /// The person hung up after both were joined.
    Left,
    /// Both were never joined: busy, no answer in time, refused, or no line to ring on.
    NotReached,
}

impl Run {
    /// Announces the transfer, if there are words for it, else begins it.
    pub(super) fn transfer(&mut self, text: Option<&Template>, to: &TransferTo) {
        match text {
            Some(text) => self.state = State::Announcing(self.say(text, false)),
            None => self.ring(to),
        }
    }

    /// The transfer was announced.
    pub(super) fn announced(&mut self) {
        let program = std::sync::Arc::clone(&self.program);
        match program.nodes.get(&self.node).and_then(|it| it.transfer()) {
            Some(to) => self.ring(to),
            None => self.fault(),
        }
    }

    fn ring(&mut self, to: &TransferTo) {
        let TransferTo {
            to,
            whisper,
            ring,
            waiting,
        } = to;
        let whisper = whisper.as_ref().map(|text| text.render(&self.variables));
        self.state = State::Transferring;
        self.actions.push_back(Action::Transfer(Transfer {
            to: to.clone(),
            // Variables without a value may leave nothing to say.
            whisper: whisper.filter(|text| !text.trim().is_empty()),
            ring: *ring,
            waiting: *waiting,
        }));
    }

    pub(super) fn transferred(&mut self, now: Instant, end: TransferEnd) {
        self.leave(
            now,
            match end {
                TransferEnd::Left => Cause::Done,
                TransferEnd::NotReached => Cause::NotReached,
            },
        );
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            to,
            whisper: _,
            ring,
            waiting,
        } = self;
        f.debug_struct("Transfer")
            .field("to", to)
            .field("ring", ring)
            .field("waiting", waiting)
            .finish_non_exhaustive()
    }
}
