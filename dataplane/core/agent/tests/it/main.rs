//! Conversations in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod conversation;
mod floor;
mod knowledge;
mod model;
mod talk;
mod tools;
mod transfer;
