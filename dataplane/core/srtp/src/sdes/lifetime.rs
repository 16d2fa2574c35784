//! How many packets a key is for.

use std::fmt;
use std::num::NonZeroU64;

use super::error::CryptoError;
use super::number;

const MAX: u64 = 1 << 48;

/// The number of packets that a master key may protect, 1 to 2^48 (RFC 4568 section 6.1). It binds
/// the end whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(NonZeroU64);

impl Lifetime {
    /// In packets.
    #[must_use]
    pub const fn packets(self) -> NonZeroU64 {
        self.0
    }
}

impl TryFrom<u64> for Lifetime {
    type Error = CryptoError;

    fn try_from(packets: u64) -> Result<Self, Self::Error> {
        match NonZeroU64::new(packets) {
            Some(packets) if packets.get() <= MAX => Ok(Self(packets)),
            Some(_) | None => Err(CryptoError::Lifetime),
        }
    }
}

impl std::str::FromStr for Lifetime {
    type Err = CryptoError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let packets = match text.strip_prefix("2^") {
            Some(exponent) => number(exponent, 2).and_then(|n| 1u64.checked_shl(n as u32)),
            None => number(text, 15),
        };
        packets.ok_or(CryptoError::Lifetime)?.try_into()
    }
}

/// As a power of two where it is one.
impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_power_of_two() {
            true => write!(f, "2^{}", self.0.trailing_zeros()),
            false => self.0.fmt(f),
        }
    }
}
