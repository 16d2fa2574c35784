//! A media node in this process, with a real PostgreSQL and SIPp as the telephone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod campaign;
mod faults;
mod folder;
mod hand;
mod inbound;
mod killed;
mod metrics;
mod quota;
mod signalling;
mod speech;
mod world;
