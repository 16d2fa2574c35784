//! Handshakes with a peer that is `dimpl` alone, in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod fingerprint;
mod garbage;
mod handshake;
mod peer;
