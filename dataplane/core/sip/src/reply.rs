//! Responses of ours.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::config::Config;
use crate::input::{Path, Transport};
use crate::message::write::Writer;
use crate::message::{HeaderName, Headers, MalformedRequest, NameAddr, Request, StatusCode, Via};
use crate::outgoing::{ALLOW, contact};

/// A response to one request, before it becomes bytes.
pub(crate) struct Reply<'a> {
    status: StatusCode,
    reason: &'a str,
    tag: &'a [u8],
    headers: Vec<(HeaderName, Vec<u8>)>,
    dialog: bool,
    sdp: &'a [u8],
}

impl<'a> Reply<'a> {
    /// A response whose To carries `tag`, unless the request already had one.
    pub(crate) const fn new(status: StatusCode, tag: &'a [u8]) -> Self {
        Self {
            status,
            reason: "",
            tag,
            headers: Vec::new(),
            dialog: false,
            sdp: &[],
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn reason(mut self, reason: &'a str) -> Self {
        self.reason = reason;
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Makes it one that opens or refreshes a dialog: Contact, Record-Route, Allow.
    pub(crate) const fn dialog(mut self, sdp: &'a [u8]) -> Self {
        self.dialog = true;
        self.sdp = sdp;
        self
    }

    pub(crate) fn encode(self, config: &Config, request: &Request, source: SocketAddr) -> Bytes {
        let mut writer = Writer::response(self.status, self.reason);
        let core = &request.core;
        for (index, via) in core.vias.iter().enumerate() {
            if index == 0 {
                writer.header_with(&HeaderName::Via, |out| {
                    write_top_via(&core.via, source, out);
                });
            } else {
                writer.header(&HeaderName::Via, via);
            }
        }
        copy(&mut writer, &request.headers, &HeaderName::From);
        write_to(&mut writer, &request.headers, core.to.tag(), self.tag);
        copy(&mut writer, &request.headers, &HeaderName::CallId);
        copy(&mut writer, &request.headers, &HeaderName::CSeq);
        if self.dialog {
            for route in request.headers.all(&HeaderName::RecordRoute) {
                writer.header(&HeaderName::RecordRoute, route);
            }
            let transport = via_transport(&core.via);
            writer
                .header(&HeaderName::Contact, &contact(config, transport))
                .header(&HeaderName::Allow, ALLOW);
        }
        for (name, value) in &self.headers {
            writer.header(name, value);
        }
        writer.text_header(b"Server", config.product.as_bytes());
        writer.finish("application/sdp", self.sdp)
    }
}

/// The answer to a request that could not be read, from what could be.
pub(crate) fn to_malformed(
    config: &Config,
    request: &MalformedRequest,
    reason: &str,
    tag: &[u8],
) -> Bytes {
    let mut writer = Writer::response(request.status, reason);
    let headers = &request.headers;
    for via in headers.all(&HeaderName::Via) {
        writer.header(&HeaderName::Via, via);
    }
    copy(&mut writer, headers, &HeaderName::From);
    let to = headers.get(&HeaderName::To).and_then(NameAddr::parse);
    let has_tag = to.as_ref().is_none_or(|to| to.tag().is_some());
    if has_tag {
        copy(&mut writer, headers, &HeaderName::To);
    } else {
        write_to(&mut writer, headers, None, tag);
    }
    copy(&mut writer, headers, &HeaderName::CallId);
    copy(&mut writer, headers, &HeaderName::CSeq);
    writer.text_header(b"Server", config.product.as_bytes());
    writer.finish("", &[])
}

/// Where the response to a UDP request goes: to its source with `rport` (RFC 3581), else to the
/// port of its Via at the address it came from (RFC 3261 section 18.2.2). Streams go back the way
/// they came.
pub(crate) fn path_of(via: &Via, path: Path, source: SocketAddr) -> Path {
    match path {
        Path::Tcp(_) => path,
        Path::Udp(_) if via.wants_rport() => path,
        Path::Udp(_) => Path::Udp(SocketAddr::new(source.ip(), via.port.unwrap_or(5060))),
    }
}

fn via_transport(via: &Via) -> Transport {
    if via.transport.eq_ignore_ascii_case(b"TCP") {
        Transport::Tcp
    } else {
        Transport::Udp
    }
}

fn copy(writer: &mut Writer, headers: &Headers, name: &HeaderName) {
    if let Some(value) = headers.get(name) {
        writer.header(name, value);
    }
}

fn write_to(writer: &mut Writer, headers: &Headers, has_tag: Option<&Bytes>, tag: &[u8]) {
    if let Some(value) = headers.get(&HeaderName::To) {
        writer.header_with(&HeaderName::To, |out| {
            out.extend_from_slice(value);
            if has_tag.is_none() && !tag.is_empty() {
                out.extend_from_slice(b";tag=");
                out.extend_from_slice(tag);
            }
        });
    }
}

/// The topmost Via with what the socket saw: `received`, and `rport` where it was asked for.
fn write_top_via(via: &Via, source: SocketAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(b"SIP/2.0/");
    out.extend_from_slice(&via.transport);
    out.push(b' ');
    via.host.write(out);
    if let Some(port) = via.port {
        out.extend_from_slice(format!(":{port}").as_bytes());
    }
    for (name, value) in via.params.iter() {
        if name.eq_ignore_ascii_case(b"rport") || name.eq_ignore_ascii_case(b"received") {
            continue;
        }
        out.push(b';');
        out.extend_from_slice(name);
        if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    if via.wants_rport() {
        out.extend_from_slice(format!(";rport={}", source.port()).as_bytes());
    }
    if via.wants_rport() || via.host.ip() != Some(source.ip()) {
        out.extend_from_slice(format!(";received={}", source.ip()).as_bytes());
    }
}
