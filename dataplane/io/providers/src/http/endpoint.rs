//! Where a provider is, and the key for it.

use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderValue;

/// Why there is no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// The URL is none.
    #[error("write the base URL of the model as in https://api.openai.com/v1")]
    Url,
    /// The key has characters that no header may have.
    #[error("the key of the model has characters that no key has: look for line ends in it")]
    Key,
    /// TLS could not be set up.
    #[error("TLS cannot be set up: are there root certificates on this machine?")]
    Client,
}

/// A base URL and the key for it. `Debug` shows no key.
#[derive(Clone)]
pub struct Endpoint {
    base: Url,
    authorization: Option<HeaderValue>,
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
        let authorization = key.map(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
                .map_err(|_| InvalidEndpoint::Key)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            base,
            authorization: authorization.transpose()?,
        })
    }

    pub(super) fn at(&self, path: &str) -> Url {
        self.base
            .join(path)
            .expect("the paths of protocols are relative, and the base is of HTTP")
    }

    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The host, where it is an address.
    pub(super) fn literal_address(&self) -> Option<IpAddr> {
        let host = self.base.host_str()?;
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }
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
