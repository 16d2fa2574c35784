//! The sixteen keys.

use std::fmt;

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// A key of a telephone: `0` to `9`, `*`, `#`, `A` to `D`; events 0 to 15 of RFC 4733.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit(u8);

/// Why something is no [`Digit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone key: 0 to 9, *, # or A to D")]
pub struct InvalidDigit;

impl Digit {
    /// The key of an event code.
    #[must_use]
    pub const fn from_event(code: u8) -> Option<Self> {
        match code {
            0..=15 => Some(Self(code)),
            _ => None,
        }
    }

    /// The event code.
    #[must_use]
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The key's sign.
    #[must_use]
    pub const fn as_char(self) -> char {
        KEYS[self.0 as usize] as char
    }
}

impl TryFrom<char> for Digit {
    type Error = InvalidDigit;

    fn try_from(sign: char) -> Result<Self, Self::Error> {
        let sign = sign.to_ascii_uppercase();
        KEYS.iter()
            .position(|key| char::from(*key) == sign)
            .map(|code| Self(code as u8))
            .ok_or(InvalidDigit)
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}
