//! Fresh master keys out of a little randomness.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use zeroize::Zeroizing;

use crate::keying::{KeyingMaterial, MAX_KEYING_LENGTH};
use crate::profile::Profile;

/// Octets of randomness that a [`KeySource`] is made of.
const SEED: usize = 32;

/// Makes as many keys and other secrets as an association needs, out of 32 octets from a cryptographic source of
/// randomness: HKDF-Expand (RFC 5869 section 2.3) over a counter.
///
/// **No two of its keys are alike**, which is why there is no way to copy it. The octets are wiped
/// when it goes, and `Debug` does not show them.
pub struct KeySource {
    seed: Zeroizing<[u8; SEED]>,
    made: u64,
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        MAX_KEYING_LENGTH
    }
}

impl KeySource {
    /// Takes octets that nobody can guess, and that are used for nothing else.
    #[must_use]
    pub fn new(seed: [u8; SEED]) -> Self {
        Self {
            seed: Zeroizing::new(seed),
            made: 0,
        }
    }

    /// The next key.
    pub fn draw(&mut self, profile: Profile) -> KeyingMaterial {
        let octets = self.next();
        KeyingMaterial::new(profile, &octets[..profile.keying_length()])
            .expect("as many octets as the profile takes")
    }

    /// Octets for another secret of the same association, which are those of no key.
    pub fn draw_octets(&mut self) -> [u8; 32] {
        let octets = self.next();
        *octets.first_chunk().expect("a key is longer")
    }

    fn next(&mut self) -> Zeroizing<[u8; MAX_KEYING_LENGTH]> {
        let mut octets = Zeroizing::new([0; MAX_KEYING_LENGTH]);
        Prk::new_less_safe(HKDF_SHA256, self.seed.as_slice())
            .expand(&[&self.made.to_be_bytes()], Length)
            .and_then(|key| key.fill(octets.as_mut_slice()))
            .expect("two blocks of SHA-256 are within what HKDF expands");
        self.made += 1;
        octets
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySource").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_keys_and_never_one_twice() {
        let keys = |seed: u8| -> Vec<KeyingMaterial> {
            let mut source = KeySource::new([seed; SEED]);
            let rounds = (0..20).flat_map(|_| Profile::ALL);
            rounds.map(|profile| source.draw(profile)).collect()
        };
        let (ours, theirs) = (keys(1), keys(2));
        assert_eq!(ours, keys(1));
        for (at, key) in ours.iter().enumerate() {
            assert!(!theirs.contains(key));
            assert!(!ours[..at].contains(key));
        }
    }

    #[test]
    fn the_seed_is_not_shown() {
        let shown = format!("{:?}", KeySource::new([0xAB; SEED]));
        assert_eq!(shown, "KeySource { .. }");
    }
}
