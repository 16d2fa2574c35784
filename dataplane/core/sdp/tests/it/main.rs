//! Facts about session descriptions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod conformance;
mod dtls;
mod negotiation;
mod opus;
mod parsing;
mod security;
mod session;
