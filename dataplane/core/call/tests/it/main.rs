//! Calls between a node and a phone in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod allocation;
mod answer;
mod calls;
mod dtls;
mod far;
mod hold;
mod ice;
mod joined;
mod keys;
mod listening;
mod noise;
mod observe;
mod opus;
mod other;
mod packet_times;
mod phone;
mod secure;
mod strangers;
mod transfer;
mod wideband;
