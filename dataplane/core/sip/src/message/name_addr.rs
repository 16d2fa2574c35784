//! `"Display" <uri>;params`: the value of From, To, Contact, Route and their like.

use std::fmt;

use bytes::Bytes;

use super::lex;
use super::params::Params;
use super::uri::Uri;

/// An address with an optional display name and header parameters (RFC 3261 section 20.10).
#[derive(Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name, quotes and escapes resolved.
    pub display: Option<Bytes>,
    /// The address.
    pub uri: Uri,
    /// Parameters of the header, not of the URI.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    #[must_use]
    pub fn new(uri: Uri) -> Self {
        Self {
            display: None,
            uri,
            params: Params::default(),
        }
    }

    /// Reads one address; `None` when it is malformed.
    #[must_use]
    pub fn parse(value: &Bytes) -> Option<Self> {
        let text = lex::trim(value);
        let Some(open) = find_bracket(text)? else {
            // Without brackets every parameter belongs to the header (RFC 3261 section 20).
            let semicolon = text.iter().position(|&b| b == b';').unwrap_or(text.len());
            let uri = lex::slice_of(value, lex::trim(&text[..semicolon]));
            return Some(Self {
                display: None,
                uri: Uri::parse(&uri)?,
                params: Params::parse(&lex::slice_of(value, &text[semicolon..]))?,
            });
        };
        let display = lex::trim(&text[..open]);
        let inside = &text[open + 1..];
        let close = inside.iter().position(|&b| b == b'>')?;
        let uri = lex::slice_of(value, lex::trim(&inside[..close]));
        let balanced = !display.contains(&b'"')
            || (display.len() >= 2 && display.starts_with(b"\"") && display.ends_with(b"\""));
        balanced.then_some(())?;
        Some(Self {
            display: (!display.is_empty()).then(|| Bytes::from(lex::unquote(display))),
            uri: Uri::parse(&uri)?,
            params: Params::parse(&lex::slice_of(value, &inside[close + 1..]))?,
        })
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&Bytes> {
        self.params.value("tag")
    }

    /// Writes display name and address, without parameters.
    pub(crate) fn write_address(&self, out: &mut Vec<u8>) {
        if let Some(display) = &self.display {
            out.extend_from_slice(&lex::quote(display));
            out.push(b' ');
        }
        out.push(b'<');
        self.uri.write(out, true);
        out.push(b'>');
    }
}

/// Where `<` opens outside a quoted string; `None` in the outer option for an open quote.
fn find_bracket(text: &[u8]) -> Option<Option<usize>> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, &b) in text.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => return Some(Some(at)),
            _ => {}
        }
    }
    (!quoted).then_some(None)
}

impl fmt::Debug for NameAddr {
    /// The host only: names and numbers are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{:?}>", self.uri)
    }
}
