//! Bytes to messages: start line, headers, framing, then the headers no message can do without.

use bytes::Bytes;

use super::header::{HeaderName, Headers};
use super::lex;
use super::method::Method;
use super::name_addr::NameAddr;
use super::status::StatusCode;
use super::uri::Uri;
use super::via::Via;
use super::{CSeq, Core, Message, Request, Response};

/// The largest message taken, headers and body together; also the largest UDP payload there is.
pub const MAX_MESSAGE_BYTES: usize = 65_535;
/// The most header lines of a message.
pub const MAX_HEADERS: usize = 256;
/// The largest header line, folded lines together.
pub const MAX_HEADER_BYTES: usize = 8_192;

/// Why bytes are no message, with what could be read of it.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// What is wrong, for a log and for the reason phrase of the answer.
    pub reason: &'static str,
    /// The answer it deserves, when it is a request that may be answered at all.
    pub answer: Option<Box<MalformedRequest>>,
}

/// What an answer to a malformed request needs.
#[derive(Clone, Debug)]
pub struct MalformedRequest {
    /// 400, 505 or 513.
    pub status: StatusCode,
    /// The headers up to the fault.
    pub headers: Headers,
}

pub(super) enum StartLine {
    Request(Method, Uri),
    Response(StatusCode, Bytes),
    /// Unusable; a request of that kind is answerable, a response never.
    Bad(Option<StatusCode>, &'static str),
}

/// What stands before the empty line.
pub(super) struct Head {
    pub(super) start: StartLine,
    pub(super) headers: Headers,
    /// The first fault among the header lines.
    pub(super) fault: Option<&'static str>,
}

impl Message {
    /// Reads one datagram: the body runs to `Content-Length`, or to the end of the datagram when
    /// there is none (RFC 3261 section 18.3); what follows is ignored.
    ///
    /// # Errors
    ///
    /// [`Malformed`], with the answer to send when it is a request.
    pub fn parse_datagram(datagram: &Bytes) -> Result<Self, Malformed> {
        let start = datagram
            .iter()
            .position(|b| !matches!(b, b'\r' | b'\n'))
            .unwrap_or(datagram.len());
        let text = datagram.slice(start..);
        let Some(end) = find_head_end(&text) else {
            let head = Head::parse(&text);
            return Err(head.malformed(StatusCode::BAD_REQUEST, "no empty line after the headers"));
        };
        let head = Head::parse(&text.slice(..end));
        let rest = text.slice(end + 4..);
        let body = match head.content_length() {
            Err(reason) => return Err(head.malformed(StatusCode::BAD_REQUEST, reason)),
            Ok(Some(length)) if length > rest.len() => {
                let reason = "Content-Length exceeds the datagram";
                return Err(head.malformed(StatusCode::BAD_REQUEST, reason));
            }
            Ok(Some(length)) => rest.slice(..length),
            Ok(None) => rest,
        };
        head.into_message(body)
    }
}

/// Where the empty line that ends the headers begins.
pub(super) fn find_head_end(text: &[u8]) -> Option<usize> {
    text.windows(4).position(|window| window == b"\r\n\r\n")
}

// === impl Head ===

impl Head {
    pub(super) fn parse(text: &Bytes) -> Self {
        let line_end = find_line_end(text, 0);
        let start = parse_start_line(&text.slice(..line_end));
        let mut head = Self {
            start,
            headers: Headers::default(),
            fault: None,
        };
        let mut at = (line_end + 2).min(text.len());
        while at < text.len() && head.fault.is_none() {
            let mut end = find_line_end(text, at);
            let mut folded = false;
            while matches!(text.get(end + 2), Some(b' ' | b'\t')) {
                folded = true;
                end = find_line_end(text, end + 2);
            }
            head.fault = head.push_line(&text.slice(at..end), folded).err();
            at = (end + 2).min(text.len());
        }
        head
    }

    fn push_line(&mut self, line: &Bytes, folded: bool) -> Result<(), &'static str> {
        if line.len() > MAX_HEADER_BYTES {
            return Err("header line too long");
        }
        if self.headers.len() == MAX_HEADERS {
            return Err("too many header lines");
        }
        let line = if folded {
            Bytes::from(unfold(line))
        } else {
            line.clone()
        };
        if line.iter().any(|b| matches!(b, b'\r' | b'\n')) {
            return Err("line ends without CR LF");
        }
        let colon = line.iter().position(|&b| b == b':');
        let colon = colon.ok_or("header line without colon")?;
        let name = lex::slice_of(&line, lex::trim(&line[..colon]));
        let name = HeaderName::parse(&name).ok_or("header name is no token")?;
        let value = lex::slice_of(&line, lex::trim(&line[colon + 1..]));
        self.headers.push(name, value);
        Ok(())
    }

    /// The declared length of the body. All `Content-Length` lines must agree: two readers that
    /// choose differently would see different messages.
    pub(super) fn content_length(&self) -> Result<Option<usize>, &'static str> {
        let mut length = None;
        for value in self.headers.all(&HeaderName::ContentLength) {
            let this = lex::decimal(value, u64::from(u32::MAX)).ok_or("bad Content-Length")?;
            let this = usize::try_from(this).map_err(|_| "bad Content-Length")?;
            if length.is_some_and(|before| before != this) {
                return Err("Content-Length lines disagree");
            }
            length = Some(this);
        }
        Ok(length)
    }

    pub(super) fn malformed(self, status: StatusCode, reason: &'static str) -> Malformed {
        let status = match self.start {
            StartLine::Response(..) | StartLine::Request(Method::Ack, _) => None,
            StartLine::Request(..) => Some(status),
            StartLine::Bad(status, _) => status,
        };
        malformed(status, self.headers, reason)
    }

    pub(super) fn into_message(self, body: Bytes) -> Result<Message, Malformed> {
        if let Some(reason) = self.fault {
            return Err(self.malformed(StatusCode::BAD_REQUEST, reason));
        }
        let Self { start, headers, .. } = self;
        let core = Core::read(&headers);
        match (start, core) {
            (StartLine::Bad(status, reason), _) => Err(malformed(status, headers, reason)),
            (StartLine::Response(..), Err(reason)) => Err(malformed(None, headers, reason)),
            (StartLine::Response(status, reason), Ok(core)) => Ok(Message::Response(Response {
                status,
                reason,
                headers,
                core,
                body,
            })),
            (StartLine::Request(method, uri), core) => {
                let checked = core.and_then(|core| {
                    check_request(&method, &headers, &core)?;
                    Ok(core)
                });
                let answer = (method != Method::Ack).then_some(StatusCode::BAD_REQUEST);
                match checked {
                    Err(reason) => Err(malformed(answer, headers, reason)),
                    Ok(core) => Ok(Message::Request(Request {
                        method,
                        uri,
                        headers,
                        core,
                        body,
                    })),
                }
            }
        }
    }
}

/// Nothing that does not at least look like SIP is answered: no reflector for noise.
fn malformed(status: Option<StatusCode>, headers: Headers, reason: &'static str) -> Malformed {
    let looks_like_sip = headers.get(&HeaderName::Via).is_some();
    let answer = status
        .filter(|_| looks_like_sip)
        .map(|status| Box::new(MalformedRequest { status, headers }));
    Malformed { reason, answer }
}

fn check_request(method: &Method, headers: &Headers, core: &Core) -> Result<(), &'static str> {
    if core.cseq.method != *method {
        return Err("CSeq names another method");
    }
    let mut hops = headers.all(&HeaderName::MaxForwards);
    if let Some(value) = hops.next()
        && (lex::decimal(value, 255).is_none() || hops.next().is_some())
    {
        return Err("bad Max-Forwards");
    }
    for name in [
        HeaderName::Contact,
        HeaderName::Route,
        HeaderName::RecordRoute,
    ] {
        let star = name == HeaderName::Contact
            && headers
                .get(&name)
                .is_some_and(|value| value.as_ref() == b"*");
        if !star && headers.addresses(&name).is_none() {
            return Err("bad Contact, Route or Record-Route");
        }
    }
    Ok(())
}

// === impl Core ===

impl Core {
    fn read(headers: &Headers) -> Result<Self, &'static str> {
        let vias = headers.list(&HeaderName::Via).ok_or("bad Via")?;
        let top = vias.first().ok_or("no Via")?;
        let via = Via::parse(top).ok_or("bad Via")?;
        let from = NameAddr::parse(single(headers, &HeaderName::From)?).ok_or("bad From")?;
        let to = NameAddr::parse(single(headers, &HeaderName::To)?).ok_or("bad To")?;
        let call_id = single(headers, &HeaderName::CallId)?.clone();
        // A word of RFC 3261 section 25.1 has no control characters; databases refuse some of them.
        let printable = |b: &u8| *b > b' ' && *b != 0x7F;
        if call_id.is_empty() || !call_id.iter().all(printable) {
            return Err("bad Call-ID");
        }
        let cseq = CSeq::parse(single(headers, &HeaderName::CSeq)?).ok_or("bad CSeq")?;
        Ok(Self {
            via,
            vias,
            from,
            to,
            call_id,
            cseq,
        })
    }
}

/// The value of a header that every message has exactly once.
fn single<'a>(headers: &'a Headers, name: &'a HeaderName) -> Result<&'a Bytes, &'static str> {
    let mut values = headers.all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err("From, To, Call-ID or CSeq missing"),
        (Some(_), Some(_)) => Err("From, To, Call-ID or CSeq twice"),
    }
}

impl CSeq {
    /// Reads `number method`; numbers stay below 2^31 (RFC 3261 section 8.1.1.5).
    fn parse(value: &Bytes) -> Option<Self> {
        let space = value.iter().position(|b| matches!(b, b' ' | b'\t'))?;
        let number = lex::decimal(&value[..space], (1 << 31) - 1)?;
        let method = lex::slice_of(value, lex::trim(&value[space..]));
        Some(Self {
            number: u32::try_from(number).ok()?,
            method: Method::parse(&method)?,
        })
    }
}

// === start line ===

fn parse_start_line(line: &Bytes) -> StartLine {
    const VERSION: &[u8] = b"SIP/2.0";
    let bad = |reason| StartLine::Bad(Some(StatusCode::BAD_REQUEST), reason);
    let is_version = |word: &[u8]| word.eq_ignore_ascii_case(VERSION);
    if line.len() > VERSION.len() && is_version(&line[..VERSION.len()]) {
        return match parse_status_line(&line.slice(VERSION.len()..)) {
            Some((status, reason)) => StartLine::Response(status, reason),
            None => StartLine::Bad(None, "bad status line"),
        };
    }
    let mut words = line.split(|&b| b == b' ');
    let (Some(method), Some(uri), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return bad("bad request line");
    };
    if !is_version(version) {
        let other = version.len() > 4 && version[..4].eq_ignore_ascii_case(b"SIP/");
        return if other {
            StartLine::Bad(
                Some(StatusCode::VERSION_NOT_SUPPORTED),
                "unknown SIP version",
            )
        } else {
            bad("bad request line")
        };
    }
    let Some(method) = Method::parse(&lex::slice_of(line, method)) else {
        return bad("method is no token");
    };
    match Uri::parse(&lex::slice_of(line, uri)) {
        Some(uri) => StartLine::Request(method, uri),
        None => bad("bad Request-URI"),
    }
}

/// ` 200 OK`; the reason may be empty and in any encoding.
fn parse_status_line(rest: &Bytes) -> Option<(StatusCode, Bytes)> {
    let [b' ', a, b, c, tail @ ..] = rest.as_ref() else {
        return None;
    };
    let code = lex::decimal(&[*a, *b, *c], 699)?;
    let status = StatusCode::new(u16::try_from(code).ok()?)?;
    match tail {
        [] => Some((status, Bytes::new())),
        [b' ', reason @ ..] => Some((status, lex::slice_of(rest, reason))),
        _ => None,
    }
}

/// The position of the next CR LF, or the end.
fn find_line_end(text: &[u8], from: usize) -> usize {
    let from = from.min(text.len());
    text[from..]
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .map_or(text.len(), |at| from + at)
}

/// A folded line as one: every CR LF becomes white space (RFC 3261 section 7.3.1).
fn unfold(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        if let [b'\r', b'\n', after @ ..] = rest {
            out.push(b' ');
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}
