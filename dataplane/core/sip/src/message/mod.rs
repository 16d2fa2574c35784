//! Messages as bytes: reading them from datagrams and streams, and writing them.
//!
//! Headers keep the bytes they came with; typed views are made of them where a rule needs one.
//! Nothing has to be UTF-8, names this crate does not know stay in the list, URIs of unknown
//! schemes stay opaque. What a [`Request`] or [`Response`] holds has passed the checks without
//! which no answer could be made: one From, To, Call-ID and CSeq each, a Via, agreeing lengths.

mod header;
pub(crate) mod lex;
mod method;
mod name_addr;
mod params;
mod parse;
mod status;
mod stream;
mod uri;
mod via;
pub(crate) mod write;

use std::fmt;

use bytes::Bytes;

pub use header::{Header, HeaderName, Headers};
pub use method::Method;
pub use name_addr::NameAddr;
pub use params::Params;
pub use parse::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_MESSAGE_BYTES, Malformed, MalformedRequest};
pub use status::StatusCode;
pub use stream::{Framed, StreamReader};
pub use uri::{Host, SipUri, Uri};
pub use via::Via;

pub(crate) use via::MAGIC_COOKIE;

/// A message that came in.
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request that came in.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// Every header, the typed ones included.
    pub headers: Headers,
    /// The headers that no request can do without.
    pub core: Core,
    /// The body, of the length the framing gave it.
    pub body: Bytes,
}

/// A response that came in.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The reason phrase, in any encoding; may be empty.
    pub reason: Bytes,
    /// Every header, the typed ones included.
    pub headers: Headers,
    /// The headers that no response can do without.
    pub core: Core,
    /// The body.
    pub body: Bytes,
}

/// The headers that every message has, read.
#[derive(Clone)]
pub struct Core {
    /// The topmost hop.
    pub via: Via,
    /// Every hop, raw, the topmost first.
    pub vias: Vec<Bytes>,
    /// Who asks.
    pub from: NameAddr,
    /// Who is asked.
    pub to: NameAddr,
    /// The call.
    pub call_id: Bytes,
    /// Place and method of the request.
    pub cseq: CSeq,
}

/// The place of a request in its dialog.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method of the request, also in a response to it.
    pub method: Method,
}

impl fmt::Debug for Request {
    /// Method and header names: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    /// Status and header names: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("method", &self.core.cseq.method)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("cseq", &self.cseq)
            .finish_non_exhaustive()
    }
}
