//! Everything that the custom resource definitions promise, checked without a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod definitions;
mod examples;
mod generated;
mod rules;
mod server;
