//! The client side: answering a challenge.

use std::fmt;

use super::digest::{Algorithm, Digest};
use super::fields::Fields;
use crate::message::{HeaderName, Method, Response, lex};

/// What an outbound call answers a challenge with.
#[derive(Clone)]
pub struct Login {
    /// The user of the trunk.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

/// The header that answers the strongest challenge of a 401 or 407 that this crate speaks, and
/// whether the challenge called our last answer stale.
pub(crate) fn answer_challenge(
    response: &Response,
    login: &Login,
    method: &Method,
    uri: &[u8],
    cnonce: &str,
) -> Option<(HeaderName, Vec<u8>, bool)> {
    let (ask, reply) = match response.status.code() {
        401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
        407 => (
            HeaderName::ProxyAuthenticate,
            HeaderName::ProxyAuthorization,
        ),
        _ => return None,
    };
    let (algorithm, fields) = strongest(response, &ask)?;
    let (realm, nonce) = (fields.get("realm")?, fields.get("nonce")?);
    let offers_auth = fields.get("qop").is_some_and(|offered| {
        offered
            .split(|&b| b == b',')
            .any(|one| lex::trim(one).eq_ignore_ascii_case(b"auth"))
    });
    let only_other_qop = fields.get("qop").is_some() && !offers_auth;
    if only_other_qop {
        return None;
    }
    let nc = b"00000001";
    let digest = Digest {
        algorithm,
        username: login.username.as_bytes(),
        realm,
        method: method.as_bytes(),
        uri,
        nonce,
        qop: offers_auth.then_some((nc.as_slice(), cnonce.as_bytes())),
    };
    let response = digest.response(login.password.as_bytes());
    let mut value = b"Digest username=".to_vec();
    let mut quoted = |name: &str, text: &[u8]| {
        value.extend_from_slice(name.as_bytes());
        value.extend_from_slice(&lex::quote(text));
    };
    quoted("", login.username.as_bytes());
    quoted(", realm=", realm);
    quoted(", nonce=", nonce);
    quoted(", uri=", uri);
    quoted(", response=", response.as_bytes());
    if let Some(opaque) = fields.get("opaque") {
        quoted(", opaque=", opaque);
    }
    value.extend_from_slice(format!(", algorithm={}", algorithm.as_str()).as_bytes());
    if offers_auth {
        let tail = format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
        value.extend_from_slice(tail.as_bytes());
    }
    let stale = fields
        .get("stale")
        .is_some_and(|stale| stale.eq_ignore_ascii_case(b"true"));
    Some((reply, value, stale))
}

fn strongest(response: &Response, ask: &HeaderName) -> Option<(Algorithm, Fields)> {
    let mut best: Option<(Algorithm, Fields)> = None;
    for value in response.headers.all(ask) {
        let Some(fields) = Fields::parse(value) else {
            continue;
        };
        let algorithm = match fields.get("algorithm") {
            Some(text) => Algorithm::parse(text),
            None => Some(Algorithm::Md5),
        };
        match algorithm {
            Some(Algorithm::Sha256) => return Some((Algorithm::Sha256, fields)),
            Some(Algorithm::Md5) if best.is_none() => best = Some((Algorithm::Md5, fields)),
            _ => {}
        }
    }
    best
}
