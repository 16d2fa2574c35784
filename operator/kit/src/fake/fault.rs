//! Answers that a healthy server would not give.

use super::request::Call;

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
    pub(super) spared: Option<&'static str>,
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
            spared: None,
        }
    }

    /// For that many requests only.
    #[must_use]
    pub const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Not for requests with exactly this field selector. With 403 and `metadata.name=NAME` it is how a
    /// role with `resourceNames: [NAME]` answers a list or a watch.
    #[must_use]
    pub const fn sparing(mut self, field_selector: &'static str) -> Self {
        self.spared = Some(field_selector);
        self
    }

    pub(super) fn fits(&self, call: &Call) -> bool {
        let is_spared =
            self.spared.is_some() && call.parameter("fieldSelector").as_deref() == self.spared;
        self.times > 0 && self.verb == call.verb && self.plural == call.key.plural && !is_spared
    }
}
