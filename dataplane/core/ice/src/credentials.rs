//! What checks must show.

use std::fmt;

/// What checks of the other side must show: the user name fragment and the password of our description.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `a=ice-ufrag`: 4 to 256 letters, digits, `+` or `/` (RFC 8839 section 5.4).
    pub ufrag: String,
    /// `a=ice-pwd`: 22 to 256 of them.
    pub password: String,
}

impl Credentials {
    /// Signs of a fragment: 48 bits, so that two among a million calls are the same rarely, and RFC 8445
    /// section 5.3 wants 24.
    const UFRAG: usize = 8;
    /// Signs of a password: 144 bits where RFC 8445 section 5.3 wants 128.
    const PASSWORD: usize = 24;

    /// Makes them of 32 random octets.
    #[must_use]
    pub fn from_random(octets: [u8; 32]) -> Self {
        const SIGNS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let sign = |octet: &u8| char::from(SIGNS[usize::from(octet & 63)]);
        let (ufrag, password) = octets.split_at(Self::UFRAG);
        Self {
            ufrag: ufrag.iter().map(sign).collect(),
            password: password[..Self::PASSWORD].iter().map(sign).collect(),
        }
    }

    /// Those of a description; nothing if they are shorter or longer than RFC 8839 section 5.4 lets them be, or hold
    /// other signs.
    #[must_use]
    pub fn read(ufrag: &str, password: &str) -> Option<Self> {
        let is_sign = |octet: u8| octet.is_ascii_alphanumeric() || b"+/".contains(&octet);
        let is_good = |text: &str, shortest: usize| {
            (shortest..=256).contains(&text.len()) && text.bytes().all(is_sign)
        };
        (is_good(ufrag, 4) && is_good(password, 22)).then(|| Self {
            ufrag: ufrag.to_owned(),
            password: password.to_owned(),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, <password>)", self.ufrag)
    }
}
