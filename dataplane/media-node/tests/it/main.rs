//! A media node in this process, with a real PostgreSQL and SIPp as the telephone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod campaign;
mod encrypted;
mod erasure;
mod faults;
mod folder;
mod hand;
mod inbound;
mod killed;
mod metrics;
mod models;
mod observe;
mod opus;
mod overload;
mod page;
mod provider_server;
mod quality;
mod quota;
mod recording;
mod relay;
mod secure;
mod signalling;
mod speech;
mod tcp_browser;
mod trace;
mod transfer;
mod turn;
mod uploads;
mod webrtc;
mod world;
