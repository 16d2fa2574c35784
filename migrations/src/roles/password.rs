//! Passwords that nobody chose, and what the server may know of them.

use std::num::NonZeroU32;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::{Error, Result};

/// PostgreSQL's own default (`scram_iterations`). The password has 256 random bits: more rounds
/// would protect nothing.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");

/// 32 random bytes, written as base64url without padding.
pub(super) struct Password(String);

impl Password {
    pub(super) fn random() -> Result<Self> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// The `SCRAM-SHA-256` verifier that PostgreSQL stores (RFC 5802 section 3, RFC 7677). The text
    /// is plain ASCII, so SASLprep (RFC 4013) leaves it as it is.
    pub(super) fn scram_verifier(&self) -> Result<String> {
        Ok(self.scram_verifier_with(&random::<16>()?))
    }

    fn scram_verifier_with(&self, salt: &[u8; 16]) -> String {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ITERATIONS,
            salt,
            self.0.as_bytes(),
            &mut salted,
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let stored = digest::digest(&digest::SHA256, hmac::sign(&key, b"Client Key").as_ref());
        let server = hmac::sign(&key, b"Server Key");
        format!(
            "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
            STANDARD.encode(salt),
            STANDARD.encode(stored),
            STANDARD.encode(server),
        )
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::invalid("password", "the system gives no random bytes"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_has_the_shape_that_postgresql_stores() {
        let password = Password("pencil".to_owned());
        let verifier = password.scram_verifier_with(&[7; 16]);
        let (head, keys) = verifier.rsplit_once('$').unwrap();
        assert_eq!(head, "SCRAM-SHA-256$4096:BwcHBwcHBwcHBwcHBwcHBw==");
        let (stored, server) = keys.split_once(':').unwrap();
        assert_eq!((stored.len(), server.len()), (44, 44));
        assert!(!verifier.contains("pencil"));
    }

    #[test]
    fn two_passwords_differ() {
        assert_ne!(
            Password::random().unwrap().into_text(),
            Password::random().unwrap().into_text()
        );
    }
}
