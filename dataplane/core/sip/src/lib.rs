//! SIP (RFC 3261) without sockets or clocks: messages, transactions, dialogs, a user agent.
//!
//! [`UserAgent`] is the whole of it for a caller: put an [`Input`] and the time in, take every
//! [`Output`] out, come back at [`UserAgent::next_timeout`]. It answers and places calls over UDP
//! and TCP, retransmits, acknowledges, challenges and answers challenges, and never holds more
//! than its [`Limits`]. It opens no socket, reads no clock, and its randomness comes from one
//! seed, so two agents can talk in virtual time over a link that loses what a test wants lost.
//!
//! ```
//! use callplane_sip::{Config, Input, Instant, Output, UserAgent};
//!
//! let mut agent = UserAgent::new(Config::new("192.0.2.1:5060".parse()?), [7; 32]);
//! let options = b"OPTIONS sip:192.0.2.1 SIP/2.0\r\n\
//!     Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx1\r\n\
//!     From: <sip:a@192.0.2.9>;tag=1\r\nTo: <sip:192.0.2.1>\r\n\
//!     Call-ID: c1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
//! agent.handle(Instant::ZERO, Input::Datagram {
//!     source: "192.0.2.9:5060".parse()?,
//!     bytes: options.as_slice().into(),
//! });
//! let Some(Output::Transmit { bytes, .. }) = agent.poll() else { panic!("no answer") };
//! assert!(bytes.starts_with(b"SIP/2.0 200 OK\r\n"));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! What it leaves out: REGISTER, PRACK, REFER and subscriptions (405 or 420), TLS and WebSocket,
//! name resolution (a next hop is an address). Session descriptions pass through as bytes.

#![forbid(unsafe_code)]

mod auth;
mod config;
mod counters;
mod dialog;
mod event;
mod input;
mod link;
mod mask;
mod message;
mod outgoing;
mod random;
mod reply;
mod trace;
mod transaction;
mod ua;

pub use auth::{Algorithm, Challenge, Credentials, Digest, Login};
pub use callplane_types::Instant;
pub use config::{Config, Limits, Timers};
pub use counters::{ByClass, ByMethod, Counters};
pub use event::{Ending, Event, IncomingInvite};
pub use input::{Command, ConnectionId, Input, Output, Path, SessionId, Transport};
pub use mask::mask;
pub use message::{
    CSeq, Core, Framed, Header, HeaderName, Headers, Host, MAX_HEADER_BYTES, MAX_HEADERS,
    MAX_MESSAGE_BYTES, Malformed, MalformedRequest, Message, Method, NameAddr, Params, Request,
    Response, SipUri, StatusCode, StreamReader, Uri, Via,
};
pub use trace::{Heading, Ladder, Step, Traced};
pub use ua::{InviteRequest, NextHop, Refused, UserAgent};
