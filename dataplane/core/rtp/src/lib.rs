//! RTP and RTCP (RFC 3550): packets, jitter buffer, digits (RFC 4733), quality.
//!
//! The path of a datagram: [`classify`] it, parse a [`Packet`], ask the [`Latch`] whether its sender
//! is the one we talk to, [`Receiver::push`] it; every 20 ms [`Receiver::pop`] gives the next frame
//! and [`Sender::frame`] builds the packet that goes out. Digits come out of
//! [`Receiver::poll_digit`] at once, not after the jitter buffer. [`ControlSession`] makes and reads
//! the RTCP that goes with it, as far as the [`ControlLatch`] lets it through.
//!
//! Nothing here allocates per packet once a call is set up, and no octets from the network panic.
//! Two kinds of codecs are supported: those whose payload has one octet per tick of a clock of 8000
//! (G.711, G.722), and those whose packets are decoded whole, with a clock of 48000 (Opus).

#![forbid(unsafe_code)]

mod classify;
mod clock;
mod control_latch;
mod delay;
mod depth;
pub mod dtmf;
mod jitter;
mod latch;
mod mask;
mod packet;
mod packets;
pub mod quality;
mod receiver;
pub mod rtcp;
mod sender;
mod source;

pub use classify::{Datagram, classify};
pub use clock::{Clock, Format};
pub use control_latch::ControlLatch;
pub use latch::{Latch, Verdict};
pub use mask::{mask_rtcp, mask_rtp};
pub use packet::{Extension, Packet, ParseError};
pub use packets::PacketInfo;
pub use receiver::{Arrival, Frame, Receiver, ReceiverConfig, ReceiverStats};
pub use rtcp::{ControlSession, FarEnd};
pub use sender::{Sender, SenderConfig};

/// Ticks of the RTP clock of G.711 and G.722 a second, in which all buffers count.
pub const CLOCK_RATE: u32 = 8000;
/// Of these ticks in a frame of 20 ms, the beat of the media path.
pub const FRAME_SAMPLES: usize = 160;
/// One frame.
pub const FRAME_TIME: std::time::Duration = std::time::Duration::from_millis(20);

/// What part `some` is of `all`, 0 to 1; of nothing it is nothing.
pub(crate) fn part(some: u64, all: u64) -> f64 {
    match all {
        0 => 0.0,
        all => some.min(all) as f64 / all as f64,
    }
}

/// Ticks in `time`.
pub(crate) const fn ticks(time: std::time::Duration) -> i64 {
    Clock::Khz8.ticks(time)
}

/// The duration of `ticks`; nothing if negative.
pub(crate) const fn duration(ticks: i64) -> std::time::Duration {
    Clock::Khz8.duration(ticks)
}
