//! Which cipher, which authentication, and how long their keys are.

use std::fmt;

/// A protection profile (RFC 3711, RFC 7714), under the name it has as a crypto suite of SDP.
///
/// Those with SHA-1 encrypt with AES in counter mode; **SRTCP has a tag of 80 bits in both**
/// (RFC 4568 section 6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `AES_CM_128_HMAC_SHA1_80`, what every implementation has.
    AesCm128HmacSha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`: four octets of tag on SRTP.
    AesCm128HmacSha1Tag32,
    /// `AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `AEAD_AES_256_GCM`.
    AeadAes256Gcm,
}

/// A crypto suite that is not spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unsupported SRTP crypto suite")]
pub struct UnsupportedSuite;

impl Profile {
    /// Every profile, strongest first.
    pub const ALL: [Self; 4] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::AesCm128HmacSha1Tag80,
        Self::AesCm128HmacSha1Tag32,
    ];

    /// The name in SDP (RFC 4568 section 6.2, RFC 7714 section 14.2).
    #[must_use]
    pub const fn suite(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of a master key.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::AesCm128HmacSha1Tag80 | Self::AesCm128HmacSha1Tag32 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Octets of a master salt.
    #[must_use]
    pub const fn salt_length(self) -> usize {
        match self {
            Self::AesCm128HmacSha1Tag80 | Self::AesCm128HmacSha1Tag32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Octets of a master key and its salt: as many random ones make a fresh key.
    #[must_use]
    pub const fn keying_length(self) -> usize {
        self.key_length() + self.salt_length()
    }

    /// Octets that protection adds to an RTP packet.
    #[must_use]
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AesCm128HmacSha1Tag80 => 10,
            Self::AesCm128HmacSha1Tag32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Octets that protection adds to an RTCP packet: the tag, and the word with the index.
    #[must_use]
    pub const fn rtcp_overhead(self) -> usize {
        match self {
            Self::AesCm128HmacSha1Tag80 | Self::AesCm128HmacSha1Tag32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 20,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.suite())
    }
}

impl std::str::FromStr for Profile {
    type Err = UnsupportedSuite;

    fn from_str(suite: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.suite().eq_ignore_ascii_case(suite))
            .ok_or(UnsupportedSuite)
    }
}
