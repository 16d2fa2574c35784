//! API keys of tenants: `platform.api_keys`.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::{Result, new_token};

/// Letters of [`new_token`].
const SECRET_LEN: usize = 43;
/// Letters of the end that people may see.
const HINT_LEN: usize = 4;

/// What a key opens: `platform.api_key_env`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyEnvironment {
    /// The real thing.
    Live,
    /// For trying.
    Test,
}

impl ApiKeyEnvironment {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// How keys of it begin: `platform.api_keys.key_prefix`.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }
}

/// An API key in the clear, as its owner sees it once: the prefix and a token. **Store its hash
/// ([`Tokens::hash`](crate::Tokens::hash) of [`ApiKey::expose`]), prefix and hint, never the key.**
#[derive(Clone)]
pub struct ApiKey {
    environment: ApiKeyEnvironment,
    text: Zeroizing<String>,
}

/// A text has not the shape of an API key: it need not be looked up. Tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no API key; one begins with sk_live_ or sk_test_ and has {SECRET_LEN} characters after it"
)]
pub struct ParseApiKeyError;

impl ApiKey {
    /// Makes a key.
    ///
    /// # Errors
    /// [`crate::Error::NoRandomness`].
    pub fn generate(environment: ApiKeyEnvironment) -> Result<Self> {
        let prefix = environment.prefix();
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + SECRET_LEN));
        text.push_str(prefix);
        text.push_str(&new_token()?);
        Ok(Self { environment, text })
    }

    /// The key: for its owner and for the hash, never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What it opens.
    #[must_use]
    pub const fn environment(&self) -> ApiKeyEnvironment {
        self.environment
    }

    /// Its last characters, by which people tell their keys apart.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.text[self.text.len() - HINT_LEN..]
    }
}

impl FromStr for ApiKey {
    type Err = ParseApiKeyError;

    fn from_str(text: &str) -> Result<Self, ParseApiKeyError> {
        let environment = [ApiKeyEnvironment::Live, ApiKeyEnvironment::Test]
            .into_iter()
            .find(|environment| text.starts_with(environment.prefix()))
            .ok_or(ParseApiKeyError)?;
        let secret = &text[environment.prefix().len()..];
        let is_token = secret.len() == SECRET_LEN
            && secret
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
        if !is_token {
            return Err(ParseApiKeyError);
        }
        Ok(Self {
            environment,
            text: Zeroizing::new(text.to_owned()),
        })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}<secret>)", self.environment.prefix())
    }
}
