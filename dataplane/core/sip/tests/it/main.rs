#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod agents;
mod challenge;
mod counters;
mod faults;
mod limits;
mod link;
mod never_panics;
mod raw;
mod streams;
mod torture;
mod trace;
mod vectors;
