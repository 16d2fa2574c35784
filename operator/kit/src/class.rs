//! What to do after an error.

use std::time::Duration;

/// Decides when an object that failed is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The object itself is wrong: only a change of it helps. Looked at again at the next resync.
    Terminal,
    /// Something it refers to is missing or not ready: a watch wakes us when that changes. Looked
    /// at again at the next resync.
    WaitForChange,
    /// It may work the next time: exponential backoff per object, 1 s to 5 min, full jitter.
    Transient,
    /// The other side said when to come back. Not counted as a failure of the object.
    Throttled(Duration),
}

/// The class of an error of the Kubernetes API.
///
/// 400 and 422 mean that what we sent is wrong and will stay so; 429 is a request to wait; the rest
/// (conflicts, 5xx, a broken connection, a fence that closed) is worth a new try.
#[must_use]
pub fn class_of(error: &kube::Error) -> Class {
    let kube::Error::Api(status) = error else {
        return Class::Transient;
    };
    match status.code {
        400 | 422 => Class::Terminal,
        429 => {
            let seconds = status
                .details
                .as_ref()
                .map_or(1, |details| details.retry_after_seconds.max(1));
            Class::Throttled(Duration::from_secs(u64::from(seconds)))
        }
        _ => Class::Transient,
    }
}

/// An error and its causes in one line.
#[must_use]
pub fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Transparent errors and those that print their cause would say it twice.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
