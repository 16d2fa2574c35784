//! Personal data that must not slip into a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Wraps names, transcripts and the like: `Debug` shows only that something is there.
///
/// There is no `Display`; whoever needs the value says so with [`Pii::expose`].
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value: for storage and for the person it belongs to, never for a log.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<personal data>")
    }
}
