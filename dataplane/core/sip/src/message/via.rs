//! Via: the way a response takes back.

use std::net::IpAddr;

use bytes::Bytes;

use super::lex;
use super::params::Params;
use super::uri::Host;

/// One hop of a request (RFC 3261 section 20.42).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport token, as it came: `UDP`, `TCP`, ...
    pub transport: Bytes,
    /// Where the sender wants the response, unless `received` and `rport` say otherwise.
    pub host: Host,
    /// The port of the sender, where it is written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params,
}

/// What every branch of RFC 3261 begins with; others come from RFC 2543 peers.
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

impl Via {
    /// Reads one hop; white space may stand around the slashes and the colon.
    #[must_use]
    pub fn parse(value: &Bytes) -> Option<Self> {
        let text: &[u8] = value;
        let slash = text.iter().position(|&b| b == b'/')?;
        let second = slash + 1 + text[slash + 1..].iter().position(|&b| b == b'/')?;
        let protocol = lex::trim(&text[..slash]);
        let version = lex::trim(&text[slash + 1..second]);
        if !protocol.eq_ignore_ascii_case(b"SIP") || !lex::is_token(version) {
            return None;
        }
        let tail = lex::trim(&text[second + 1..]);
        let space = tail.iter().position(|b| matches!(b, b' ' | b'\t'))?;
        let transport = &tail[..space];
        if !lex::is_token(transport) {
            return None;
        }
        let sent_by = lex::trim(&tail[space..]);
        let semicolon = sent_by
            .iter()
            .position(|&b| b == b';')
            .unwrap_or(sent_by.len());
        let authority = lex::slice_of(value, lex::trim(&sent_by[..semicolon]));
        let (host, port) = Host::parse_with_port(&authority)?;
        Some(Self {
            transport: lex::slice_of(value, transport),
            host,
            port,
            params: Params::parse(&lex::slice_of(value, &sent_by[semicolon..]))?,
        })
    }

    /// The `branch` parameter.
    #[must_use]
    pub fn branch(&self) -> Option<&Bytes> {
        self.params.value("branch")
    }

    /// The branch when it names a transaction uniquely: with the cookie of RFC 3261 and more
    /// behind it.
    #[must_use]
    pub fn unique_branch(&self) -> Option<&Bytes> {
        self.branch().filter(|branch| {
            branch.len() > MAGIC_COOKIE.len()
                && branch[..MAGIC_COOKIE.len()].eq_ignore_ascii_case(MAGIC_COOKIE)
        })
    }

    /// The `received` parameter; brackets around IPv6 are optional (RFC 5118 section 4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = std::str::from_utf8(self.params.value("received")?).ok()?;
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        bare.parse().ok()
    }

    /// Whether the sender asks for symmetric responses (RFC 3581).
    #[must_use]
    pub fn wants_rport(&self) -> bool {
        self.params.get("rport").is_some()
    }
}
