//! The runner against the fake API server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod election;
mod ownership;
mod running;
mod watches;
mod widget;
