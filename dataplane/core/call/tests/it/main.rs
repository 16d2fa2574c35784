//! Calls between a node and a phone in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod allocation;
mod answer;
mod calls;
mod hold;
mod phone;
mod strangers;
