//! Unpredictable, yet repeatable: everything follows from one seed.

use aws_lc_rs::hmac;
use bytes::Bytes;

/// A generator of tags, branches and client nonces.
pub(crate) struct Random {
    key: hmac::Key,
    counter: u64,
}

impl Random {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, seed),
            counter: 0,
        }
    }

    /// 32 bytes for another key.
    pub(crate) fn secret(&mut self) -> [u8; 32] {
        self.counter += 1;
        let tag = hmac::sign(&self.key, &self.counter.to_be_bytes());
        let mut secret = [0; 32];
        secret.copy_from_slice(&tag.as_ref()[..32]);
        secret
    }

    /// A word of 80 random bits (RFC 3261 section 19.3 asks for 32).
    pub(crate) fn word(&mut self) -> String {
        word(&self.secret())
    }

    /// A word that is the same for the same text: the tag of an answer without state.
    pub(crate) fn word_for(&self, parts: &[&[u8]]) -> Bytes {
        let mut text = b"stateless".to_vec();
        for part in parts {
            text.extend_from_slice(&part.len().to_be_bytes());
            text.extend_from_slice(part);
        }
        Bytes::from(word(hmac::sign(&self.key, &text).as_ref()))
    }
}

fn word(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    bytes[..16]
        .iter()
        .map(|b| char::from(LETTERS[usize::from(b & 31)]))
        .collect()
}
