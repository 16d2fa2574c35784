#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod loopback;
mod ports;
mod sipp;
