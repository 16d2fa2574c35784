//! Documents that other programs wrote, hostile ones, and how text is cut.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod files;
mod hostile;
mod passages;
