//! The server side: challenges and credentials.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use callplane_types::Instant;

use super::digest::{Algorithm, Digest};
use super::fields::Fields;
use super::nonce::{NonceBook, Validity, constant_time_eq};
use crate::message::{HeaderName, Request, lex};

/// What a 401 asks for.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The protection space, shown to users of some phones.
    pub realm: String,
    /// One `WWW-Authenticate` each, the preferred first. Peers that know only MD5 may take the
    /// first they see, so a trunk that speaks nothing else wants only that.
    pub algorithms: Vec<Algorithm>,
}

/// Digest credentials of an INVITE, made with a nonce of ours.
///
/// Their `uri` is not compared with the Request-URI, which proxies rewrite; that a nonce counts
/// once, for one peer, is what keeps them from being used for another call.
#[derive(Clone)]
pub struct Credentials {
    algorithm: Algorithm,
    username: Vec<u8>,
    realm: Vec<u8>,
    method: Vec<u8>,
    uri: Vec<u8>,
    nonce: Vec<u8>,
    qop: Option<(Vec<u8>, Vec<u8>)>,
    response: Vec<u8>,
    stale: bool,
}

impl Challenge {
    /// MD5 only, which every trunk speaks.
    #[must_use]
    pub fn md5(realm: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            algorithms: vec![Algorithm::Md5],
        }
    }

    /// The values of the `WWW-Authenticate` headers for one nonce.
    pub(crate) fn headers(&self, nonce: &str, stale: bool) -> Vec<Vec<u8>> {
        let realm = lex::quote(self.realm.as_bytes());
        let stale = if stale { ", stale=true" } else { "" };
        let header = |algorithm: &Algorithm| {
            let mut value = b"Digest realm=".to_vec();
            value.extend_from_slice(&realm);
            let rest = format!(
                ", nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
                algorithm.as_str()
            );
            value.extend_from_slice(rest.as_bytes());
            value
        };
        self.algorithms.iter().map(header).collect()
    }
}

impl Credentials {
    /// Who it claims to be.
    #[must_use]
    pub fn username(&self) -> &[u8] {
        &self.username
    }

    /// The realm of the challenge it answers.
    #[must_use]
    pub fn realm(&self) -> &[u8] {
        &self.realm
    }

    /// Whether the nonce is ours but too old or already used: right or not, challenge again.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        self.stale
    }

    /// Whether these are the credentials of that user in that realm, and fresh.
    #[must_use]
    pub fn verify(&self, realm: &str, username: &str, password: &str) -> bool {
        let qop = self.qop.as_ref();
        let digest = Digest {
            algorithm: self.algorithm,
            username: &self.username,
            realm: &self.realm,
            method: &self.method,
            uri: &self.uri,
            nonce: &self.nonce,
            qop: qop.map(|(nc, cnonce)| (nc.as_slice(), cnonce.as_slice())),
        };
        let expected = digest.response(password.as_bytes());
        let response = self.response.to_ascii_lowercase();
        !self.stale
            && self.realm == realm.as_bytes()
            && self.username == username.as_bytes()
            && constant_time_eq(expected.as_bytes(), &response)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("algorithm", &self.algorithm)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

/// The first usable digest credentials of a request whose nonce was made here for this peer.
pub(crate) fn read_credentials(
    request: &Request,
    nonces: &mut NonceBook,
    now: Instant,
    peer: IpAddr,
) -> Option<Credentials> {
    request
        .headers
        .all(&HeaderName::Authorization)
        .find_map(|value| read_one(value, request, nonces, now, peer))
}

fn read_one(
    value: &Bytes,
    request: &Request,
    nonces: &mut NonceBook,
    now: Instant,
    peer: IpAddr,
) -> Option<Credentials> {
    let fields = Fields::parse(value)?;
    let field = |name| fields.get(name).map(<[u8]>::to_vec);
    let algorithm = match fields.get("algorithm") {
        Some(text) => Algorithm::parse(text)?,
        None => Algorithm::Md5,
    };
    let (qop, count) = match fields.get("qop") {
        None => (None, 1),
        Some(qop) if qop.eq_ignore_ascii_case(b"auth") => {
            let nc = field("nc")?;
            let count = u64::from_str_radix(std::str::from_utf8(&nc).ok()?, 16).ok()?;
            (Some((nc, field("cnonce")?)), count)
        }
        Some(_) => return None,
    };
    let nonce = field("nonce")?;
    let validity = nonces.redeem(now, peer, &nonce, count);
    if validity == Validity::Foreign {
        return None;
    }
    Some(Credentials {
        algorithm,
        username: field("username")?,
        realm: field("realm")?,
        method: request.method.as_bytes().to_vec(),
        uri: field("uri")?,
        nonce,
        qop,
        response: field("response")?,
        stale: validity == Validity::Stale,
    })
}
