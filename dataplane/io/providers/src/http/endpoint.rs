//! Where a provider is, and the key for it.

use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

/// Why there is no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// The URL is none.
    #[error("write the base URL of the model as in https://api.openai.com/v1")]
    Url,
    /// The key has characters that no header may have.
    #[error("the key of the model has characters that no key has: look for line ends in it")]
    Key,
    /// No header has this name, or it means something else.
    #[error("no key can be in a header of this name: write one as in X-Api-Key")]
    KeyHeader,
    /// TLS could not be set up.
    #[error("TLS cannot be set up: are there root certificates on this machine?")]
    Client,
}

/// A base URL and the key for it. `Debug` shows no key.
#[derive(Clone)]
pub struct Endpoint {
    base: Url,
    key: Option<(HeaderName, HeaderValue)>,
}

/// How a key is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyHeader<'a> {
    /// `Authorization: Bearer KEY` (RFC 6750 section 2.1).
    #[default]
    Bearer,
    /// The key alone, in a header of this name.
    Named(&'a str),
}

impl Endpoint {
    /// Reads the URL up to the version: `https://api.openai.com/v1`, `http://127.0.0.1:11434/v1`. Servers of one's
    /// own need no key.
    ///
    /// # Errors
    /// When the URL is none of HTTP, or the key cannot stand in a header.
    pub fn new(base_url: &str, key: Option<&str>) -> Result<Self, InvalidEndpoint> {
        let base: Url = format!("{}/", base_url.trim_end_matches('/'))
            .parse()
            .ok()
            .filter(|url: &Url| matches!(url.scheme(), "http" | "https"))
            .filter(|url| url.query().is_none() && url.fragment().is_none())
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .ok_or(InvalidEndpoint::Url)?;
        let key = key.map(|key| header(KeyHeader::Bearer, key)).transpose()?;
        Ok(Self { base, key })
    }

    /// As [`Self::new`], with another way to show the key.
    ///
    /// # Errors
    /// As there, and when no header has this name.
    pub fn with_key(
        base_url: &str,
        shown: KeyHeader<'_>,
        key: Option<&str>,
    ) -> Result<Self, InvalidEndpoint> {
        let endpoint = Self::new(base_url, None)?;
        let key = key.map(|key| header(shown, key)).transpose()?;
        Ok(Self { key, ..endpoint })
    }

    pub(super) fn at(&self, path: &str) -> Url {
        self.base
            .join(path)
            .expect("the paths of protocols are relative, and the base is of HTTP")
    }

    pub(super) fn key(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.key.as_ref()
    }

    /// The host, where it is an address.
    pub(super) fn literal_address(&self) -> Option<IpAddr> {
        literal_address(&self.base)
    }
}

/// The host of a URL, where it is an address.
pub(super) fn literal_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Whether a header, in lower case, says something else: of the request itself, or on whose behalf it is.
fn is_taken(name: &str) -> bool {
    const TAKEN: [&str; 7] = [
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "accept",
        "idempotency-key",
    ];
    TAKEN.contains(&name) || name.starts_with("callplane-")
}

fn header(shown: KeyHeader<'_>, key: &str) -> Result<(HeaderName, HeaderValue), InvalidEndpoint> {
    let key = key.trim();
    let (name, text) = match shown {
        KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
        KeyHeader::Named(name) => {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            let name = name.filter(|name| !is_taken(name.as_str()));
            (name.ok_or(InvalidEndpoint::KeyHeader)?, key.to_owned())
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| InvalidEndpoint::Key)?;
    value.set_sensitive(true);
    Ok((name, value))
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Endpoint")
            .field(&self.base.as_str())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_in_no_header_that_says_something_else() {
        let with = |name| {
            let shown = KeyHeader::Named(name);
            Endpoint::with_key("https://x/v1", shown, Some("k")).map(drop)
        };
        assert_eq!(with("X-Api-Key"), Ok(()));
        for name in ["Callplane-Tenant", "Idempotency-Key", "Host", "a b", ""] {
            assert_eq!(with(name), Err(InvalidEndpoint::KeyHeader), "{name}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_addresses() {
        for (url, address) in [
            ("http://127.0.0.1:1/v1", Some("127.0.0.1")),
            ("http://2130706433/v1", Some("127.0.0.1")),
            ("http://0x7f.1/v1", Some("127.0.0.1")),
            ("http://[::1]:1/v1", Some("::1")),
            ("http://models.example/v1", None),
        ] {
            let endpoint = Endpoint::new(url, None).unwrap();
            let expected = address.map(|address| address.parse().unwrap());
            assert_eq!(endpoint.literal_address(), expected, "{url}");
        }
    }
}
