//! The digest computation itself.

use std::fmt::Write as _;

use aws_lc_rs::digest as sha;
use md5::{Digest as _, Md5};

/// A hash of RFC 8760.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// What every trunk speaks.
    Md5,
    /// What RFC 8760 prefers.
    Sha256,
}

/// Everything a digest response is computed from (RFC 7616 section 3.4.1).
#[derive(Clone, Copy, Debug)]
pub struct Digest<'a> {
    /// The hash.
    pub algorithm: Algorithm,
    /// Whose password.
    pub username: &'a [u8],
    /// For what.
    pub realm: &'a [u8],
    /// The request method.
    pub method: &'a [u8],
    /// The `uri` field, as it came.
    pub uri: &'a [u8],
    /// The server's nonce.
    pub nonce: &'a [u8],
    /// `nc` and `cnonce` under `qop=auth`; `None` for RFC 2069 style responses.
    pub qop: Option<(&'a [u8], &'a [u8])>,
}

impl Algorithm {
    /// The token in a challenge.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        [Self::Md5, Self::Sha256]
            .into_iter()
            .find(|algorithm| algorithm.as_str().as_bytes().eq_ignore_ascii_case(text))
    }

    fn hex(self, parts: &[&[u8]]) -> String {
        let text = parts.join(&b':');
        match self {
            Self::Md5 => hex(&Md5::digest(&text)),
            Self::Sha256 => hex(sha::digest(&sha::SHA256, &text).as_ref()),
        }
    }
}

impl Digest<'_> {
    /// The response for that password, in lower-case hexadecimal.
    #[must_use]
    pub fn response(&self, password: &[u8]) -> String {
        let hash = |parts: &[&[u8]]| self.algorithm.hex(parts);
        let secret = hash(&[self.username, self.realm, password]);
        let request = hash(&[self.method, self.uri]);
        let (secret, request) = (secret.as_bytes(), request.as_bytes());
        match self.qop {
            Some((nc, cnonce)) => hash(&[secret, self.nonce, nc, cnonce, b"auth", request]),
            None => hash(&[secret, self.nonce, request]),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{b:02x}");
    }
    out
}
