//! Tests that need a cluster are ignored by a plain `cargo test`, which says so; `make test` runs them all inside
//! the network namespace of a local cluster.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod architecture;
mod booking;
mod campaign;
mod cluster;
mod created;
mod faults;
mod first_call;
mod flows;
mod import;
mod killed;
mod metrics;
mod phones;
mod quota;
mod refused;
mod scratch;
mod speech;
mod tenant;
mod wire;
