//! Tokens of sessions, of mails and of APIs: random, and stored as hashes only.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{Result, random};

/// Octets of randomness of a token: nobody finds it by trying, so a fast hash is enough.
const TOKEN_LEN: usize = 32;
/// Of a pepper at least.
const MIN_PEPPER_LEN: usize = 32;

/// Makes a token: 256 random bits as 43 letters, digits, `-` and `_`. Shown once, stored as its hash.
///
/// # Errors
/// [`crate::Error::NoRandomness`].
pub fn new_token() -> Result<Zeroizing<String>> {
    let mut octets = Zeroizing::new([0; TOKEN_LEN]);
    random::fill(octets.as_mut_slice())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(octets.as_slice())))
}

/// The hash of a token, as the database has it.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The octets, for a query parameter.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In a time that does not depend on where they differ.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(<hash>)")
    }
}

/// Hashes tokens: SHA-256, or HMAC-SHA-256 with a pepper that the database does not know.
#[derive(Clone, Default)]
pub struct Tokens {
    /// Newest first.
    peppers: Vec<hmac::Key>,
}

/// A text holds no peppers. Tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pepper is {MIN_PEPPER_LEN} octets or more in base64, one a line, the newest first")]
pub struct ParsePepperError;

impl Tokens {
    /// Without pepper: SHA-256.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the peppers of a file: base64, one a line, the newest first. Empty lines and lines that begin
    /// with `#` count for nothing; a file without peppers is a mistake.
    ///
    /// # Errors
    /// [`ParsePepperError`].
    pub fn with_peppers(text: &str) -> Result<Self, ParsePepperError> {
        let peppers: Vec<hmac::Key> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let octets = Zeroizing::new(STANDARD.decode(line).map_err(|_| ParsePepperError)?);
                if octets.len() < MIN_PEPPER_LEN {
                    return Err(ParsePepperError);
                }
                Ok(hmac::Key::new(hmac::HMAC_SHA256, &octets))
            })
            .collect::<Result<_, _>>()?;
        if peppers.is_empty() {
            return Err(ParsePepperError);
        }
        Ok(Self { peppers })
    }

    /// The hash to store for a new token.
    #[must_use]
    pub fn hash(&self, token: &str) -> TokenHash {
        match self.peppers.first() {
            Some(pepper) => peppered(pepper, token),
            None => plain(token),
        }
    }

    /// The hashes that a token may be stored as: of each pepper, the newest first, and without one,
    /// from before there were any. For a look-up by hash.
    #[must_use]
    pub fn candidates(&self, token: &str) -> Vec<TokenHash> {
        self.peppers
            .iter()
            .map(|pepper| peppered(pepper, token))
            .chain([plain(token)])
            .collect()
    }

    /// Whether `stored` is the hash of `token`, in a time that does not depend on where they differ.
    #[must_use]
    pub fn verify(&self, token: &str, stored: &[u8]) -> bool {
        // All of them, whichever it is.
        let equal = |candidate: &&TokenHash| verify_slices_are_equal(&candidate.0, stored).is_ok();
        self.candidates(token).iter().filter(equal).count() > 0
    }
}

fn plain(token: &str) -> TokenHash {
    to_hash(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

fn peppered(pepper: &hmac::Key, token: &str) -> TokenHash {
    to_hash(hmac::sign(pepper, token.as_bytes()).as_ref())
}

fn to_hash(octets: &[u8]) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(octets);
    TokenHash(hash)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({} peppers)", self.peppers.len())
    }
}
