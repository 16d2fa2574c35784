//! Answers that a healthy server would not give.

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is answered with this HTTP status; 429 asks to come back after a second.
    Status(u16),
    /// It is never answered.
    Stall,
}

/// A fault for the next requests of a verb on a kind.
#[derive(Debug, Clone)]
pub struct Fault {
    pub(super) verb: &'static str,
    pub(super) plural: &'static str,
    pub(super) outcome: Outcome,
    pub(super) times: usize,
}

impl Fault {
    /// A fault for every request until [`heal`](super::ApiServer::heal). `verb` is one of `get list
    /// watch create update patch delete`, `plural` as in a URL, such as `pods`.
    #[must_use]
    pub const fn new(verb: &'static str, plural: &'static str, outcome: Outcome) -> Self {
        Self {
            verb,
            plural,
            outcome,
            times: usize::MAX,
        }
    }

    /// For that many requests only.
    #[must_use]
    pub const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }
}
