//! SDP (RFC 8866) and offer/answer (RFC 3264) for telephone calls.
//!
//! [`SessionDescription`] reads what phones and carriers really send: bare LF, missing `t=`, unknown
//! lines, text that is not UTF-8. [`Session`] is our side of one dialog: it answers offers, makes
//! them, and holds the rules that need memory, which are the `o=` version, the order of the media
//! lines and payload types that may not change their meaning.
//!
//! Only G.711 audio and telephone events (RFC 4733) are negotiated; every other media line is
//! refused with port 0, as RFC 3264 section 6 wants. SRTP, ICE and bundling are left to later
//! crates: a line whose profile is not `RTP/AVP` or `RTP/AVPF` is refused.

#![forbid(unsafe_code)]

mod codec;
mod description;
mod direction;
mod error;
mod media;
mod negotiate;
mod parse;
mod session;
mod write;

pub use codec::{Codec, RtpMap};
pub use description::{Attribute, Host, Origin, SessionDescription};
pub use direction::Direction;
pub use error::{NegotiationError, ParseError};
pub use media::MediaDescription;
pub use negotiate::{Negotiated, PayloadTypes};
pub use session::{LocalMedia, Session};
