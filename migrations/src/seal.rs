//! Sealing of secrets that must be readable again, such as trunk passwords (data model, class E2).
//!
//! AES-256-GCM with a random nonce. The context (`trunk:<uid>`) is authenticated with the text, so
//! a sealed value moved to another row does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::{Error, Result};

/// A tenant's data key: 32 random bytes that live in a Kubernetes Secret, never in the database.
pub struct Key(RandomizedNonceKey);

impl Key {
    /// Length of a key in bytes.
    pub const LEN: usize = 32;

    /// Uses `bytes` as the key.
    pub fn new(bytes: &[u8; Self::LEN]) -> Result<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes)
            .map(Self)
            .map_err(|_| Error::invalid("data key", "AES-256-GCM does not take it"))
    }

    /// Seals `text`: nonce, ciphertext, tag.
    pub fn seal(&self, context: &str, text: &[u8]) -> Result<Vec<u8>> {
        let mut sealed = text.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(context), &mut sealed)
            .map_err(|_| Error::invalid("secret", "it cannot be sealed"))?;
        let mut message = nonce.as_ref().to_vec();
        message.append(&mut sealed);
        Ok(message)
    }

    /// Opens what [`Key::seal`] made for the same context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let wrong = || {
            Error::invalid(
                "secret",
                "it was sealed with another key or for another row",
            )
        };
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut text = text.to_vec();
        let length = self
            .0
            .open_in_place(nonce, Aad::from(context), &mut text)
            .map_err(|_| wrong())?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(<secret>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_with_its_key_and_in_its_row() {
        let key = Key::new(&[1; 32]).unwrap();
        let sealed = key.seal("trunk:a", b"secret").unwrap();
        assert_eq!(key.open("trunk:a", &sealed).unwrap(), b"secret");
        assert!(key.open("trunk:b", &sealed).is_err());
        assert!(
            Key::new(&[2; 32])
                .unwrap()
                .open("trunk:a", &sealed)
                .is_err()
        );
        assert!(key.open("trunk:a", &sealed[..5]).is_err());
        assert_ne!(sealed, key.seal("trunk:a", b"secret").unwrap());
    }
}
