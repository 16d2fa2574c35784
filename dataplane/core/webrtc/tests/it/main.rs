//! A browser's end made of str0m, in virtual time; STUN of RFC 5769; offers that are wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod browser;
mod call;
mod corrupted;
mod demux;
mod framing;
mod handshake;
mod memory;
mod offers;
mod stun;
