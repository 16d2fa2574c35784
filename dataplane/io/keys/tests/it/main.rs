#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
//! Sealing, rings, wrapping and hashes, from outside.

mod call_tokens;
mod hashes;
mod local;
mod rotation;
mod sealing;
mod stream;
mod transit;
mod vault;
