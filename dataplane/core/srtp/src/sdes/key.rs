//! The text of a key.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::display::Base64Display;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::lifetime::Lifetime;
use crate::keying::KeyingMaterial;
use crate::profile::Profile;

/// Writes the padding that a key of GCM needs, and does without it when reading.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Base64 that no profile has a key for.
const MAX_TEXT: usize = 88;

/// A key as SDP has it: `inline:<key and salt>[|lifetime]` (RFC 4568 section 6.1).
///
/// **`Display` writes the key**, for the SDP that goes to the far end; `Debug` does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdesKey {
    material: KeyingMaterial,
    lifetime: Option<Lifetime>,
}

impl SdesKey {
    /// A key without a limit but that of the profile.
    #[must_use]
    pub const fn new(material: KeyingMaterial) -> Self {
        Self {
            material,
            lifetime: None,
        }
    }

    /// Reads the key of a suite.
    ///
    /// # Errors
    /// It is not one key of the profile's length, or it has a master key identifier.
    pub fn parse(profile: Profile, text: &str) -> Result<Self, CryptoError> {
        if text.contains(';') {
            return Err(CryptoError::SeveralKeys);
        }
        let (method, info) = text.split_once(':').ok_or(CryptoError::Malformed)?;
        if !method.eq_ignore_ascii_case("inline") {
            return Err(CryptoError::Method);
        }
        let mut parts = info.split('|');
        let material = decode(profile, parts.next().unwrap_or_default())?;
        let mut lifetime = None;
        for (place, part) in parts.enumerate() {
            match (place, part.contains(':')) {
                (0 | 1, true) => return Err(CryptoError::Identifier),
                (0, false) => lifetime = Some(part.parse()?),
                (_, _) => return Err(CryptoError::Malformed),
            }
        }
        Ok(Self { material, lifetime })
    }

    /// What to protect or to open packets with.
    #[must_use]
    pub const fn material(&self) -> &KeyingMaterial {
        &self.material
    }

    /// How many packets its owner sends under it, if fewer than the profile allows.
    #[must_use]
    pub const fn lifetime(&self) -> Option<Lifetime> {
        self.lifetime
    }
}

impl fmt::Display for SdesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = Base64Display::new(self.material.key_and_salt(), &BASE64);
        write!(f, "inline:{key}")?;
        match self.lifetime {
            Some(lifetime) => write!(f, "|{lifetime}"),
            None => Ok(()),
        }
    }
}

fn decode(profile: Profile, text: &str) -> Result<KeyingMaterial, CryptoError> {
    let mut octets = Zeroizing::new([0; MAX_TEXT / 4 * 3]);
    if text.len() > MAX_TEXT {
        return Err(CryptoError::Base64);
    }
    let length = BASE64
        .decode_slice(text, octets.as_mut_slice())
        .map_err(|_| CryptoError::Base64)?;
    Ok(KeyingMaterial::new(profile, &octets[..length])?)
}
