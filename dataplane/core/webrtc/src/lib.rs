//! A WebRTC call with a browser: offer and answer, ICE-lite, DTLS-SRTP and Opus as one state machine.
//!
//! [`Peer`] is the server's end of one call: made from an offer ([RFC 8829]), it gives the answer, is
//! handed datagrams and time, and every 20 ms exchanges a frame of the caller for one of the agent.
//! [`Demux`] finds the peer of a datagram where many share one UDP port ([RFC 8445]), [`Fragment`] reads
//! what trickles in later ([RFC 8840]), [`Deframer`] the datagrams of browsers that come by TCP ([RFC 4571]). The protocols are those of the crate `str0m`; here is what a
//! voice agent makes of them:
//!
//! - one audio line, Opus before G.711; other media is refused, a data channel is accepted and not read;
//! - ICE-lite: the server has an address that the browser reaches, so it answers checks and sends none;
//! - consent ([RFC 7675]) is what the browser's checks say; without one for 30 s the call is over;
//! - audio comes out of a jitter buffer as frames of 20 ms at 8 kHz, the rate of a call.
//!
//! Left out: sockets, tokens and HTTP, which belong to whoever drives it; video; being the offerer.
//!
//! [RFC 8829]: https://www.rfc-editor.org/rfc/rfc8829
//! [RFC 8445]: https://www.rfc-editor.org/rfc/rfc8445
//! [RFC 8840]: https://www.rfc-editor.org/rfc/rfc8840
//! [RFC 4571]: https://www.rfc-editor.org/rfc/rfc4571
//! [RFC 7675]: https://www.rfc-editor.org/rfc/rfc7675

#![forbid(unsafe_code)]

mod demux;
mod fragment;
mod framing;
mod identity;
mod offer;
mod peer;
mod playout;
mod reoffer;
mod speaker;
pub mod stun;
mod transport;
mod voice;

pub use callplane_ice::Credentials;
pub use demux::{Demux, Dropped, Owners};
pub use fragment::{Fragment, FragmentError};
pub use framing::{Deframer, FrameTooLong, MAX_FRAMED, frame_header};
pub use identity::Identity;
pub use offer::{AudioUse, MAX_OFFER, OfferError};
pub use peer::{Closed, Output, Peer, PeerConfig};
pub use playout::Heard;
pub use reoffer::Reoffer;
pub use transport::{Transport, TransportAddress};
pub use voice::Voice;

/// Samples in a frame: 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = callplane_audio::FRAME_SAMPLES;
/// One frame of linear samples.
pub type Frame = [i16; FRAME_SAMPLES];
