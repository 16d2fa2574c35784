//! The question that waits for its answer.

use std::time::Duration;

use callplane_flow::Speech;
use callplane_types::Instant;

/// What counts as an answer by voice, and how long may pass without one.
#[derive(Debug)]
pub(crate) struct Listening {
    /// `None`: speech is no answer.
    pub(crate) speech: Option<Speech>,
    /// `None`: the caller may take any time.
    pub(crate) timeout: Option<Duration>,
    /// Set while it is the caller's turn and nothing comes.
    deadline: Option<Instant>,
}

impl Listening {
    pub(crate) fn new(speech: Option<Speech>, timeout: Option<Duration>) -> Self {
        Self {
            speech,
            timeout,
            deadline: None,
        }
    }

    /// Whether the caller was silent for too long. The time counts anew whenever it was not the
    /// caller's turn to speak (`waiting` false).
    pub(crate) fn timed_out(&mut self, now: Instant, waiting: bool) -> bool {
        let Some(timeout) = self.timeout.filter(|_| waiting) else {
            self.deadline = None;
            return false;
        };
        now >= *self.deadline.get_or_insert(now + timeout)
    }
}
