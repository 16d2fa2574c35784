//! URIs of requests and addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use super::lex;
use super::params::Params;

/// Where a URI or a Via points.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name; resolving it is the caller's work.
    Name(Bytes),
    /// An address; IPv6 stands in brackets on the wire.
    Ip(IpAddr),
}

/// A URI. Only `sip` and `sips` are looked into; any other scheme is kept as it came, so that a
/// server can refuse it (416) instead of calling it malformed.
#[derive(Clone, PartialEq, Eq)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// Any other scheme, `tel:` included.
    Opaque {
        /// What stands before the colon, as it came.
        scheme: Bytes,
        /// What stands behind it.
        rest: Bytes,
    },
}

/// The parts of a SIP URI (RFC 3261 section 19.1), escapes left as they came.
#[derive(Clone, PartialEq, Eq)]
pub struct SipUri {
    /// `sips:`.
    pub secure: bool,
    /// User and password, raw.
    pub userinfo: Option<Bytes>,
    /// The host.
    pub host: Host,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// `;name=value`, raw, with its first semicolon; may be empty.
    pub params: Bytes,
    /// `?name=value`, raw, with its question mark; may be empty. Never copied into a request.
    pub headers: Bytes,
}

// === impl Host ===

impl Host {
    /// Reads a host as it stands in a URI or a Via; IPv6 needs its brackets.
    #[must_use]
    pub fn parse(text: &Bytes) -> Option<Self> {
        if let [b'[', inner @ .., b']'] = text.as_ref() {
            let inner = std::str::from_utf8(inner).ok()?;
            return inner.parse::<Ipv6Addr>().ok().map(|ip| Self::Ip(ip.into()));
        }
        let name = std::str::from_utf8(text).ok()?;
        if let Ok(ip) = name.parse::<Ipv4Addr>() {
            return Some(Self::Ip(ip.into()));
        }
        let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        (!name.is_empty() && name.bytes().all(valid)).then(|| Self::Name(text.clone()))
    }

    /// Splits `host[:port]`.
    pub(crate) fn parse_with_port(text: &Bytes) -> Option<(Self, Option<u16>)> {
        let after_bracket = text.iter().position(|&b| b == b']').unwrap_or(0);
        let colon = text[after_bracket..]
            .iter()
            .position(|&b| b == b':')
            .map(|at| at + after_bracket);
        let Some(colon) = colon else {
            return Some((Self::parse(text)?, None));
        };
        let host = lex::slice_of(text, lex::trim(&text[..colon]));
        let port = lex::decimal(lex::trim(&text[colon + 1..]), u64::from(u16::MAX))?;
        Some((Self::parse(&host)?, u16::try_from(port).ok()))
    }

    /// The address, when no name has to be resolved.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Name(name) => out.extend_from_slice(name),
            Self::Ip(IpAddr::V4(ip)) => out.extend_from_slice(ip.to_string().as_bytes()),
            Self::Ip(IpAddr::V6(ip)) => out.extend_from_slice(format!("[{ip}]").as_bytes()),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => fmt::Display::fmt(&name.escape_ascii(), f),
            Self::Ip(ip) => fmt::Display::fmt(ip, f),
        }
    }
}

// === impl Uri ===

impl Uri {
    /// Reads a URI; `None` when a SIP URI is malformed or there is no scheme.
    #[must_use]
    pub fn parse(text: &Bytes) -> Option<Self> {
        let colon = text.iter().position(|&b| b == b':')?;
        let (scheme, rest) = (text.slice(..colon), text.slice(colon + 1..));
        let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let scheme_ok = scheme.first()?.is_ascii_alphabetic() && scheme.iter().all(letter);
        let clean = |b: &u8| !matches!(b, 0..=32 | b'<' | b'>' | b'"' | 127);
        if !scheme_ok || rest.is_empty() || !rest.iter().all(clean) {
            return None;
        }
        if scheme.eq_ignore_ascii_case(b"sip") {
            SipUri::parse(false, &rest).map(Self::Sip)
        } else if scheme.eq_ignore_ascii_case(b"sips") {
            SipUri::parse(true, &rest).map(Self::Sip)
        } else {
            Some(Self::Opaque { scheme, rest })
        }
    }

    /// `sip:user@address`; the user is escaped where needed.
    #[must_use]
    pub fn sip(user: Option<&str>, address: SocketAddr) -> Self {
        Self::Sip(SipUri {
            secure: false,
            userinfo: user.map(|user| Bytes::from(escape_user(user.as_bytes()))),
            host: Host::Ip(address.ip()),
            port: Some(address.port()),
            params: Bytes::new(),
            headers: Bytes::new(),
        })
    }

    /// The user of a SIP URI or the number of a `tel` URI, escapes resolved, without password and
    /// parameters; `None` where there is none or it is no UTF-8.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        let raw = match self {
            Self::Sip(uri) => {
                let userinfo = uri.userinfo.as_ref()?;
                userinfo.split(|&b| b == b':').next()?
            }
            Self::Opaque { scheme, rest } if scheme.eq_ignore_ascii_case(b"tel") => {
                rest.split(|&b| b == b';').next()?
            }
            Self::Opaque { .. } => return None,
        };
        String::from_utf8(unescape(raw)).ok()
    }

    /// The SIP parts.
    #[must_use]
    pub const fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Opaque { .. } => None,
        }
    }

    /// The URI as it stands in a message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, true);
        out
    }

    /// Writes the URI; a Request-URI carries no `?headers` (RFC 3261 section 19.1.1).
    pub(crate) fn write(&self, out: &mut Vec<u8>, with_headers: bool) {
        match self {
            Self::Opaque { scheme, rest } => {
                out.extend_from_slice(scheme);
                out.push(b':');
                out.extend_from_slice(rest);
            }
            Self::Sip(uri) => {
                out.extend_from_slice(if uri.secure { b"sips:" } else { b"sip:" });
                if let Some(userinfo) = &uri.userinfo {
                    out.extend_from_slice(userinfo);
                    out.push(b'@');
                }
                uri.host.write(out);
                if let Some(port) = uri.port {
                    out.extend_from_slice(format!(":{port}").as_bytes());
                }
                out.extend_from_slice(&uri.params);
                if with_headers {
                    out.extend_from_slice(&uri.headers);
                }
            }
        }
    }
}

impl fmt::Debug for Uri {
    /// Scheme and host only: the user is often a telephone number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => write!(f, "sip:..@{:?}", uri.host),
            Self::Opaque { scheme, .. } => write!(f, "{}:..", scheme.escape_ascii()),
        }
    }
}

// === impl SipUri ===

impl SipUri {
    fn parse(secure: bool, rest: &Bytes) -> Option<Self> {
        let (userinfo, hostpart) = match rest.iter().position(|&b| b == b'@') {
            Some(0) => return None,
            Some(at) => (Some(rest.slice(..at)), rest.slice(at + 1..)),
            None => (None, rest.clone()),
        };
        let question = hostpart.iter().position(|&b| b == b'?');
        let (before, headers) = match question {
            Some(at) => (hostpart.slice(..at), hostpart.slice(at..)),
            None => (hostpart, Bytes::new()),
        };
        let semicolon = before.iter().position(|&b| b == b';');
        let (authority, params) = match semicolon {
            Some(at) => (before.slice(..at), before.slice(at..)),
            None => (before, Bytes::new()),
        };
        let (host, port) = Host::parse_with_port(&authority)?;
        Params::parse(&params)?;
        Some(Self {
            secure,
            userinfo,
            host,
            port,
            params,
            headers,
        })
    }

    /// The value of a URI parameter; `Some(None)` for a flag such as `lr`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<Bytes>> {
        let params = Params::parse(&self.params)?;
        params.get(name).map(Option::<&Bytes>::cloned)
    }

    /// The port, or what the transport defaults to.
    #[must_use]
    pub const fn port_or_default(&self) -> u16 {
        match self.port {
            Some(port) => port,
            None if self.secure => 5061,
            None => 5060,
        }
    }
}

impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sip:..@{:?}", self.host)
    }
}

fn unescape(raw: &[u8]) -> Vec<u8> {
    let hex = |at: usize| -> Option<u8> {
        let digit = char::from(*raw.get(at)?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&b) = raw.get(at) {
        if let (b'%', Some(high), Some(low)) = (b, hex(at + 1), hex(at + 2)) {
            out.push(high << 4 | low);
            at += 3;
        } else {
            out.push(b);
            at += 1;
        }
    }
    out
}

fn escape_user(user: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(user.len());
    for &b in user {
        let plain = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'-' | b'_'
                    | b'.'
                    | b'!'
                    | b'~'
                    | b'*'
                    | b'\''
                    | b'('
                    | b')'
                    | b'&'
                    | b'='
                    | b'+'
                    | b'$'
                    | b','
            );
        if plain {
            out.push(b);
        } else {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        }
    }
    out
}
