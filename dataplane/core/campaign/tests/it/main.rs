//! Calling windows against the calendar, and against data that nobody here wrote.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod conformance;
mod window;
