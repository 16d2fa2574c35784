//! The whole attribute.

use std::fmt;

use super::error::CryptoError;
use super::key::SdesKey;
use super::{number, parameter};
use crate::profile::Profile;

const TAG_DIGITS: usize = 9;

/// The number that an answer names the attribute of the offer by, up to nine digits (RFC 4568
/// section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CryptoTag(u32);

/// The value of an `a=crypto:` line (RFC 4568 section 4): `1 AES_CM_128_HMAC_SHA1_80 inline:...`.
///
/// Session parameters do not outlive parsing: those that are accepted ask for nothing that we do
/// not do anyway. **`Display` writes the key**, for the SDP that goes to the far end; `Debug` does
/// not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CryptoAttribute {
    tag: CryptoTag,
    key: SdesKey,
}

// === impl CryptoTag ===

impl TryFrom<u32> for CryptoTag {
    type Error = CryptoError;

    fn try_from(tag: u32) -> Result<Self, Self::Error> {
        match tag {
            0..=999_999_999 => Ok(Self(tag)),
            _ => Err(CryptoError::Tag),
        }
    }
}

impl std::str::FromStr for CryptoTag {
    type Err = CryptoError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tag = number(text, TAG_DIGITS).ok_or(CryptoError::Tag)?;
        u32::try_from(tag).map_err(|_| CryptoError::Tag)?.try_into()
    }
}

impl fmt::Display for CryptoTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl CryptoAttribute ===

impl CryptoAttribute {
    /// An attribute to offer, or to answer the one with the same tag and profile.
    #[must_use]
    pub const fn new(tag: CryptoTag, key: SdesKey) -> Self {
        Self { tag, key }
    }

    /// Tells the attributes of one medium apart.
    #[must_use]
    pub const fn tag(&self) -> CryptoTag {
        self.tag
    }

    /// The suite.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.key.material().profile()
    }

    /// What the end that wrote the attribute protects with.
    #[must_use]
    pub const fn key(&self) -> &SdesKey {
        &self.key
    }
}

impl std::str::FromStr for CryptoAttribute {
    type Err = CryptoError;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let mut words = value.split([' ', '\t']).filter(|word| !word.is_empty());
        let mut word = || words.next().ok_or(CryptoError::Malformed);
        let tag = word()?.parse()?;
        let profile = word()?.parse()?;
        let key = SdesKey::parse(profile, word()?)?;
        words.try_for_each(parameter::check)?;
        Ok(Self { tag, key })
    }
}

impl fmt::Display for CryptoAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tag, self.profile(), self.key)
    }
}
