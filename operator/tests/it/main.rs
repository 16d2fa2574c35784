//! Controllers against an API server in memory and a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod admin;
mod alerts;
mod backup;
mod compatibility;
mod erasure;
mod import;
mod keys;
mod login;
mod maintenance;
mod media_pool;
mod projection;
mod release;
mod render;
mod rollout;
mod tenant;
mod world;
