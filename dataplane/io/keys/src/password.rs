//! Passwords of people: `platform.users.password_hash`.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use bcrypt::HashParts;

use crate::random;

/// What a hash may cost at most, in KiB: an imported row must not make a login take all memory.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Passes at most.
const MAX_PASSES: u32 = 16;
/// Of bcrypt: 2^14 rounds take about a second.
const MAX_BCRYPT_COST: u32 = 14;
/// Octets of salt.
const SALT_LEN: usize = 16;

/// Hashes passwords with argon2id and verifies them, those of bcrypt too, which other platforms wrote.
///
/// **Takes tens of milliseconds of a core and 19 MiB**: on a thread for blocking work, and only as
/// many at a time as there is memory for.
#[derive(Debug, Clone)]
pub struct Passwords {
    params: Params,
}

/// What a login attempt is worth.
#[derive(Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password, or nobody has one.
    Wrong,
    /// The password.
    Right,
    /// The password, and its hash is of a former kind: store this one instead.
    RightButOld(String),
}

/// A password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashPasswordError {
    /// Over [`Passwords::MAX_LEN`].
    #[error("a password has at most {} octets", Passwords::MAX_LEN)]
    TooLong,
    /// Empty.
    #[error("a password is not empty")]
    Empty,
    /// No random octets, or no memory.
    #[error("the password could not be hashed")]
    Failed,
}

impl Default for Passwords {
    /// 19 MiB and two passes, the least that OWASP asks for (Password Storage Cheat Sheet).
    fn default() -> Self {
        Self {
            params: Params::default(),
        }
    }
}

impl Passwords {
    /// Octets of a password at most.
    pub const MAX_LEN: usize = 1024;

    /// The cheapest, for tests.
    #[must_use]
    pub fn cheap() -> Self {
        let params = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, 1, None);
        Self {
            params: params.unwrap_or_default(),
        }
    }

    /// The hash to store: a PHC string, `$argon2id$v=19$...`.
    ///
    /// # Errors
    /// [`HashPasswordError`].
    pub fn hash(&self, password: &str) -> Result<String, HashPasswordError> {
        if password.is_empty() {
            return Err(HashPasswordError::Empty);
        }
        if password.len() > Self::MAX_LEN {
            return Err(HashPasswordError::TooLong);
        }
        let mut salt = [0; SALT_LEN];
        random::fill(&mut salt).map_err(|_| HashPasswordError::Failed)?;
        self.argon2()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|_| HashPasswordError::Failed)
    }

    /// Whether `password` is the one whose hash is `stored`. For somebody who is not there or has no
    /// password, pass `None`: it takes as long, so that time does not tell who exists.
    #[must_use]
    pub fn verify(&self, password: &str, stored: Option<&str>) -> Verdict {
        if password.is_empty() || password.len() > Self::MAX_LEN {
            return Verdict::Wrong;
        }
        let Some(stored) = stored else {
            let _ = self.hash(password);
            return Verdict::Wrong;
        };
        if stored.starts_with("$2") {
            return if is_bcrypt_of(password, stored) {
                self.renewed(password)
            } else {
                Verdict::Wrong
            };
        }
        let Some((hash, params)) = argon2_hash(stored) else {
            return Verdict::Wrong;
        };
        match self.argon2().verify_password(password.as_bytes(), &hash) {
            Err(_) => Verdict::Wrong,
            Ok(()) if self.is_current(&hash, &params) => Verdict::Right,
            Ok(()) => self.renewed(password),
        }
    }

    fn renewed(&self, password: &str) -> Verdict {
        self.hash(password)
            .map_or(Verdict::Right, Verdict::RightButOld)
    }

    fn is_current(&self, hash: &PasswordHash, params: &Params) -> bool {
        hash.algorithm == Algorithm::Argon2id.ident()
            && (params.m_cost(), params.t_cost(), params.p_cost())
                == (
                    self.params.m_cost(),
                    self.params.t_cost(),
                    self.params.p_cost(),
                )
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }
}

/// A hash that argon2 can verify at a price that may be paid.
fn argon2_hash(stored: &str) -> Option<(PasswordHash, Params)> {
    let hash = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let affordable = params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES;
    affordable.then_some((hash, params))
}

/// As those platforms verified it: bcrypt reads the first 72 octets of a password.
fn is_bcrypt_of(password: &str, stored: &str) -> bool {
    let affordable = stored
        .parse::<HashParts>()
        .is_ok_and(|parts| parts.get_cost() <= MAX_BCRYPT_COST);
    affordable && bcrypt::verify(password, stored).unwrap_or(false)
}

impl std::fmt::Debug for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wrong => "Wrong",
            Self::Right => "Right",
            Self::RightButOld(_) => "RightButOld(<hash>)",
        })
    }
}
