//! Something that keeps an object from taking effect, as a person reads it.

use std::fmt;

use callplane_crds::{ConditionType, Reason};

/// Something that keeps an object from taking effect and that no retry cures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The condition that is False because of it: Accepted, ResolvedRefs or Programmed.
    pub condition: ConditionType,
    /// One word.
    pub reason: Reason,
    /// A sentence that names the field or object and says what to do. No telephone number, nothing
    /// of another tenant.
    pub message: String,
}

impl Problem {
    /// The object itself is wrong.
    pub(crate) fn not_accepted(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            condition: ConditionType::Accepted,
            reason,
            message: message.into(),
        }
    }

    /// A field of the object is wrong.
    pub(crate) fn invalid(field: &str, why: impl fmt::Display) -> Self {
        Self::not_accepted(Reason::Invalid, format!("{field}: {why}"))
    }

    /// Something that it names is missing or cannot be used.
    pub(crate) fn unresolved(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            condition: ConditionType::ResolvedRefs,
            reason,
            message: message.into(),
        }
    }

    /// An object of this name does not exist in the same namespace.
    pub(crate) fn missing(reason: Reason, kind: &str, name: &str) -> Self {
        Self::unresolved(
            reason,
            format!("{kind} `{name}` does not exist in this namespace; create it or name another"),
        )
    }

    /// An object that it names is not there yet, and nobody has to do anything about it.
    pub(crate) fn waits_for(kind: &str, name: &str) -> Self {
        Self::unresolved(
            Reason::WaitingForDependency,
            format!("{kind} `{name}` is not ready yet"),
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}
