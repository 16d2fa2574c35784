//! Requests of ours, kept in parts because ACK and CANCEL repeat some of them.

use bytes::Bytes;

use crate::config::Config;
use crate::input::Transport;
use crate::message::write::Writer;
use crate::message::{HeaderName, MAGIC_COOKIE, Method, Uri};

/// The methods this agent understands; also the value of `Allow`.
pub(crate) const ALLOW: &[u8] = b"INVITE, ACK, CANCEL, BYE, OPTIONS, INFO";

/// A request before it becomes bytes.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) transport: Transport,
    pub(crate) branch: Bytes,
    /// Value of From, with its tag.
    pub(crate) from: Bytes,
    /// Value of To, with its tag inside a dialog.
    pub(crate) to: Bytes,
    pub(crate) call_id: Bytes,
    pub(crate) cseq: u32,
    /// Values of Route, in order.
    pub(crate) routes: Vec<Bytes>,
    /// `Authorization` or `Proxy-Authorization`.
    pub(crate) authorization: Option<(HeaderName, Vec<u8>)>,
    /// Headers of the caller.
    pub(crate) extra: Vec<(String, String)>,
    pub(crate) sdp: Bytes,
}

/// A branch nobody else has.
pub(crate) fn branch(word: &str) -> Bytes {
    let mut branch = MAGIC_COOKIE.to_vec();
    branch.extend_from_slice(word.as_bytes());
    Bytes::from(branch)
}

impl Outgoing {
    pub(crate) fn encode(&self, config: &Config) -> Bytes {
        let mut writer = Writer::request(&self.method, &self.uri);
        let address = config.address;
        let transport = self.transport.as_str();
        writer.header_with(&HeaderName::Via, |out| {
            let start = format!("SIP/2.0/{transport} {address};branch=");
            out.extend_from_slice(start.as_bytes());
            out.extend_from_slice(&self.branch);
            out.extend_from_slice(b";rport");
        });
        for route in &self.routes {
            writer.header(&HeaderName::Route, route);
        }
        writer
            .header(&HeaderName::MaxForwards, b"70")
            .header(&HeaderName::From, &self.from)
            .header(&HeaderName::To, &self.to)
            .header(&HeaderName::CallId, &self.call_id)
            .header_with(&HeaderName::CSeq, |out| {
                out.extend_from_slice(format!("{} ", self.cseq).as_bytes());
                out.extend_from_slice(self.method.as_bytes());
            });
        if self.method == Method::Invite {
            writer
                .header(&HeaderName::Contact, &contact(config, self.transport))
                .header(&HeaderName::Allow, ALLOW);
        }
        if let Some((name, value)) = &self.authorization {
            writer.header(name, value);
        }
        for (name, value) in &self.extra {
            writer.text_header(name.as_bytes(), value.as_bytes());
        }
        writer.text_header(b"User-Agent", config.product.as_bytes());
        writer.finish("application/sdp", &self.sdp)
    }

    /// The ACK of a failure: same branch, To with the tag of the response, no body
    /// (RFC 3261 section 17.1.1.3).
    pub(crate) fn ack_of_failure(&self, to: Bytes) -> Self {
        Self {
            method: Method::Ack,
            to,
            extra: Vec::new(),
            sdp: Bytes::new(),
            ..self.clone()
        }
    }

    /// The CANCEL of this INVITE: same branch (RFC 3261 section 9.1).
    pub(crate) fn cancel(&self) -> Self {
        Self {
            method: Method::Cancel,
            authorization: None,
            extra: Vec::new(),
            sdp: Bytes::new(),
            ..self.clone()
        }
    }
}

/// The value of our Contact.
pub(crate) fn contact(config: &Config, transport: Transport) -> Vec<u8> {
    let address = config.address;
    match transport {
        Transport::Udp => format!("<sip:{address}>").into_bytes(),
        Transport::Tcp => format!("<sip:{address};transport=tcp>").into_bytes(),
    }
}
