//! SDP (RFC 8866) and offer/answer (RFC 3264) for telephone calls.
//!
//! [`SessionDescription`] reads what phones and carriers really send: bare LF, missing `t=`, unknown
//! lines, text that is not UTF-8. [`Session`] is our side of one dialog: it answers offers, makes
//! them, and holds the rules that need memory, which are the `o=` version, the order of the media
//! lines and payload types that may not change their meaning.
//!
//! G.711, G.722 and Opus audio and telephone events (RFC 4733) are negotiated, plain or encrypted
//! ([`MediaSecurity`]) with keys in the description (RFC 4568) or of a handshake (DTLS-SRTP, RFC 5763), over ICE
//! where the other side speaks it (RFC 8839; our side is lite) and with RTCP on the port of RTP where it asks for
//! that (RFC 5761); every other media line is refused with port 0, as RFC 3264 section 6 wants. Bundling and
//! trickled candidates are left out.

#![forbid(unsafe_code)]

mod carriage;
mod codec;
mod description;
mod direction;
mod error;
mod handshake;
mod ice;
mod media;
mod negotiate;
mod opus;
mod parse;
mod security;
mod session;
mod write;

pub use codec::{Codec, RtpMap};
pub use description::{Attribute, Host, Origin, SessionDescription};
pub use direction::Direction;
pub use error::{NegotiationError, ParseError};
pub use handshake::DtlsTerms;
pub use ice::IceTerms;
pub use media::MediaDescription;
pub use negotiate::{Negotiated, PayloadTypes, TelephoneEvents};
pub use opus::OpusParameters;
pub use security::{KeyExchange, MediaCrypto, MediaSecurity, Protection};
pub use session::{LocalMedia, Session};
