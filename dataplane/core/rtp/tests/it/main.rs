//! Facts about RTP, in virtual time with seeded networks.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod allocation;
mod control_latch;
mod digits;
mod latch;
mod mask;
mod network;
mod packet;
mod packets;
mod quality;
mod receiver;
mod rtcp;
mod sender;
