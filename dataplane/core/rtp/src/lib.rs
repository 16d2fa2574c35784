//! RTP and RTCP (RFC 3550): packets, jitter buffer, digits (RFC 4733), quality.
//!
//! The path of a datagram: [`classify`] it, parse a [`Packet`], ask the [`Latch`] whether its sender
//! is the one we talk to, [`Receiver::push`] it; every 20 ms [`Receiver::pop`] gives the next frame
//! and [`Sender::frame`] builds the packet that goes out. Digits come out of
//! [`Receiver::poll_digit`] at once, not after the jitter buffer. [`ControlSession`] makes and reads
//! the RTCP that goes with it, as far as the [`ControlLatch`] lets it through.
//!
//! Nothing here allocates per packet once a call is set up, and no octets from the network panic.
//! Codecs whose payload has one octet per tick of the RTP clock (G.711, G.722) are supported; Opus
//! legs come from WebRTC and bring their own buffer.

#![forbid(unsafe_code)]

mod classify;
mod control_latch;
mod delay;
pub mod dtmf;
mod jitter;
mod latch;
mod packet;
pub mod quality;
mod receiver;
pub mod rtcp;
mod sender;
mod source;

pub use classify::{Datagram, classify};
pub use control_latch::ControlLatch;
pub use latch::{Latch, Verdict};
pub use packet::{Extension, Packet, ParseError};
pub use receiver::{Arrival, Frame, Receiver, ReceiverConfig, ReceiverStats};
pub use rtcp::ControlSession;
pub use sender::{Sender, SenderConfig};

/// Ticks of the RTP clock a second, for every codec here.
pub const CLOCK_RATE: u32 = 8000;
/// Ticks in a frame of 20 ms, the beat of the media path.
pub const FRAME_SAMPLES: usize = 160;
/// One frame.
pub const FRAME_TIME: std::time::Duration = std::time::Duration::from_millis(20);

/// Ticks of the RTP clock in `time`.
pub(crate) const fn ticks(time: std::time::Duration) -> i64 {
    (time.as_micros() * CLOCK_RATE as u128 / 1_000_000) as i64
}

/// The duration of `ticks` of the RTP clock; nothing if negative.
pub(crate) const fn duration(ticks: i64) -> std::time::Duration {
    let ticks = if ticks < 0 { 0 } else { ticks as u64 };
    std::time::Duration::from_micros(ticks.saturating_mul(1_000_000) / CLOCK_RATE as u64)
}
