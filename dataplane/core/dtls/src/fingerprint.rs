//! What a description says of a certificate (RFC 8122 section 5).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// A hash function that is good enough; MD5 and SHA-1 are not (RFC 8122 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashFunction {
    /// `sha-256`, what everybody has.
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

/// The hash of a certificate: `sha-256 4A:AD:...`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    function: HashFunction,
    octets: Vec<u8>,
}

/// Text that is no fingerprint of a hash function that is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no fingerprint of SHA-256, SHA-384 or SHA-512")]
pub struct FingerprintError;

/// The certificates that a description vouches for. **It has at least one fingerprint**, and all are of the
/// strongest function that the description has (RFC 8122 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched(Vec<Fingerprint>);

impl HashFunction {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    const fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        }
    }
}

impl Fingerprint {
    /// That of a certificate in DER.
    #[must_use]
    pub fn of(function: HashFunction, certificate: &[u8]) -> Self {
        Self {
            function,
            octets: digest(function.algorithm(), certificate).as_ref().to_vec(),
        }
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads the value of `a=fingerprint`; letters may be small or large.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let (name, value) = text.trim().split_once(' ').ok_or(FingerprintError)?;
        let function = HashFunction::ALL
            .into_iter()
            .find(|function| name.eq_ignore_ascii_case(function.as_str()))
            .ok_or(FingerprintError)?;
        let octet = |text: &str| match text.as_bytes() {
            [a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                u8::from_str_radix(text, 16).map_err(|_| FingerprintError)
            }
            _ => Err(FingerprintError),
        };
        let octets = value.trim().split(':').map(octet);
        let octets = octets.collect::<Result<Vec<u8>, _>>()?;
        match octets.len() == function.algorithm().output_len() {
            true => Ok(Self { function, octets }),
            false => Err(FingerprintError),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.as_str())?;
        let mut separator = ' ';
        for octet in &self.octets {
            write!(f, "{separator}{octet:02X}")?;
            separator = ':';
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

// === impl Vouched ===

impl Vouched {
    /// Nothing if no fingerprint is there.
    #[must_use]
    pub fn new(fingerprints: impl IntoIterator<Item = Fingerprint>) -> Option<Self> {
        let mut all: Vec<Fingerprint> = fingerprints.into_iter().collect();
        let strongest = all.iter().map(|one| one.function).max()?;
        all.retain(|one| one.function == strongest);
        Some(Self(all))
    }

    /// Whether the certificate, in DER, is one of them.
    #[must_use]
    pub fn includes(&self, certificate: &[u8]) -> bool {
        let is_of = |one: &Fingerprint| *one == Fingerprint::of(one.function, certificate);
        self.0.iter().any(is_of)
    }
}
