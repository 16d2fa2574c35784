//! Conditions of a status (KEP-1623): one list, each type once, times that move only when a status
//! does.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// Conditions in the making, starting from those that the object has now.
#[derive(Debug, Clone)]
pub struct Conditions {
    before: Vec<Condition>,
    now: Vec<Condition>,
    generation: Option<i64>,
    at: Timestamp,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// `True`.
    Yes,
    /// `False`.
    No,
    /// `Unknown`: not looked at yet, or it could not be found out.
    Unknown,
}

impl Holds {
    /// As Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "True",
            Self::No => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Conditions {
    /// Starts from the conditions `before`, for an object of that `metadata.generation`.
    #[must_use]
    pub fn new(before: &[Condition], generation: Option<i64>, at: Timestamp) -> Self {
        Self {
            before: before.to_vec(),
            now: Vec::new(),
            generation,
            at,
        }
    }

    /// Sets a condition. `reason` is `PascalCase`; `message` says what to do where something is to be
    /// done.
    pub fn set(&mut self, type_: &str, holds: impl Into<Holds>, reason: &str, message: &str) {
        let status = holds.into().as_str();
        let last_transition_time = self
            .before
            .iter()
            .find(|before| before.type_ == type_ && before.status == status)
            .map_or_else(
                || Time(self.at),
                |before| before.last_transition_time.clone(),
            );
        self.now.retain(|condition| condition.type_ != type_);
        self.now.push(Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: self.generation,
            last_transition_time,
        });
    }

    /// Keeps a condition as it was, for what this pass did not come to; `Unknown` if there was none.
    pub fn keep(&mut self, type_: &str, reason: &str, message: &str) {
        match self.before.iter().find(|before| before.type_ == type_) {
            Some(before) => {
                let before = before.clone();
                self.now.retain(|condition| condition.type_ != type_);
                self.now.push(before);
            }
            None => self.set(type_, Holds::Unknown, reason, message),
        }
    }

    /// Sets the three conditions that sum up the others, as kstatus reads them: `Ready` always,
    /// `Reconciling` and `Stalled` only while they hold.
    pub fn summarize(&mut self, summary: &Summary) {
        match summary {
            Summary::Ready => self.set("Ready", true, "Ready", "Everything is as specified."),
            Summary::Progressing { reason, message } => {
                self.set("Ready", false, reason, message);
                self.set("Reconciling", true, reason, message);
            }
            Summary::Stalled { reason, message } => {
                self.set("Ready", false, reason, message);
                self.set("Stalled", true, reason, message);
            }
        }
    }

    /// The first of `types` that is not `True` in this pass, in their order.
    #[must_use]
    pub fn first_unmet(&self, types: &[&str]) -> Option<&Condition> {
        types.iter().find_map(|type_| {
            self.now
                .iter()
                .find(|condition| condition.type_ == *type_ && condition.status != "True")
        })
    }

    /// Whether a condition set in this pass is `True`.
    #[must_use]
    pub fn is_true(&self, type_: &str) -> bool {
        self.now
            .iter()
            .any(|condition| condition.type_ == type_ && condition.status == "True")
    }

    /// The list for the status: what this pass set, and nothing else.
    #[must_use]
    pub fn into_vec(self) -> Vec<Condition> {
        self.now
    }
}

/// The sum of the other conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Summary {
    /// Everything is as specified.
    Ready,
    /// We are on it; no one has to do anything.
    Progressing {
        /// `PascalCase`.
        reason: String,
        /// What we wait for.
        message: String,
    },
    /// It will not go on without somebody doing something.
    Stalled {
        /// `PascalCase`.
        reason: String,
        /// What to do.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let mut first = Conditions::new(&[], Some(1), early);
        first.set("SchemaReady", true, "Migrated", "");
        first.set("MediaReady", false, "Starting", "");
        let before = first.into_vec();
        let mut second = Conditions::new(&before, Some(2), late);
        second.set("SchemaReady", true, "Migrated", "again");
        second.set("MediaReady", true, "Available", "");
        let now = second.into_vec();
        assert_eq!(now[0].last_transition_time, Time(early));
        assert_eq!(now[0].observed_generation, Some(2));
        assert_eq!(now[1].last_transition_time, Time(late));
    }

    #[test]
    fn a_summary_leaves_no_contradiction_behind() {
        let mut stalled = Conditions::new(&[], Some(1), Timestamp::UNIX_EPOCH);
        stalled.summarize(&Summary::Stalled {
            reason: "NamespaceConflict".into(),
            message: "m".into(),
        });
        let before = stalled.into_vec();
        assert_eq!(before.len(), 2);
        let mut ready = Conditions::new(&before, Some(1), Timestamp::UNIX_EPOCH);
        ready.summarize(&Summary::Ready);
        let types: Vec<_> = ready.into_vec().into_iter().map(|c| c.type_).collect();
        assert_eq!(types, ["Ready"]);
    }
}
