//! A media node in this process, with a real PostgreSQL and SIPp as the telephone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod campaign;
mod dtls;
mod encrypted;
mod erasure;
mod faults;
mod folder;
mod foreign_server;
mod full_disk;
mod hand;
mod inbound;
mod junk;
mod killed;
mod knowledge;
mod metrics;
mod models;
mod network;
mod observe;
mod opus;
mod overload;
mod page;
mod phones;
mod placed;
mod quality;
mod quota;
mod rebinding;
mod recording;
mod relay;
mod retrieval;
mod secure;
mod signalling;
mod slow_storage;
mod speech;
mod tcp_browser;
mod tools;
mod trace;
mod transfer;
mod turn;
mod uploads;
mod vanished;
mod voices;
mod webrtc;
mod world;
