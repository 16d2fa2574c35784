//! Master keys, and where they come from besides SDP.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::profile::Profile;

/// The longest master key and salt together.
pub(crate) const MAX_KEYING_LENGTH: usize = Profile::AeadAes256Gcm.keying_length();

/// A master key and its salt (RFC 3711 section 3.2.1), good for one direction of one profile.
///
/// The octets are wiped when it goes, and `Debug` does not show them. Two are compared in constant
/// time: **what goes on under the same key keeps its [`Protector`](crate::Protector) or
/// [`Unprotector`](crate::Unprotector)**.
#[derive(Clone)]
pub struct KeyingMaterial {
    profile: Profile,
    /// Key, then salt; zeros beyond what the profile has.
    octets: Zeroizing<[u8; MAX_KEYING_LENGTH]>,
}

/// Octets that are not as long as the keys of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("keying material has {found} octets, not the {expected} of its profile")]
pub struct KeyingLengthError {
    /// What the profile takes.
    pub expected: usize,
    /// What there was.
    pub found: usize,
}

/// The keys of both ends of a DTLS association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DtlsKeys {
    /// What the client protects with.
    pub client: KeyingMaterial,
    /// What the server protects with.
    pub server: KeyingMaterial,
}

impl KeyingMaterial {
    /// A master key followed by its salt. Fresh ones are [`Profile::keying_length`] octets from a
    /// cryptographic source of randomness.
    ///
    /// # Errors
    /// The octets are not as many as the profile takes.
    pub fn new(profile: Profile, key_and_salt: &[u8]) -> Result<Self, KeyingLengthError> {
        let expected = profile.keying_length();
        if key_and_salt.len() != expected {
            let found = key_and_salt.len();
            return Err(KeyingLengthError { expected, found });
        }
        let mut octets = Zeroizing::new([0; MAX_KEYING_LENGTH]);
        octets[..expected].copy_from_slice(key_and_salt);
        Ok(Self { profile, octets })
    }

    /// What the key is for.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn key_and_salt(&self) -> &[u8] {
        &self.octets[..self.profile.keying_length()]
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.octets[..self.profile.key_length()]
    }

    pub(crate) fn salt(&self) -> &[u8] {
        &self.key_and_salt()[self.profile.key_length()..]
    }
}

impl PartialEq for KeyingMaterial {
    fn eq(&self, other: &Self) -> bool {
        self.profile == other.profile
            && verify_slices_are_equal(self.key_and_salt(), other.key_and_salt()).is_ok()
    }
}

impl Eq for KeyingMaterial {}

impl fmt::Debug for KeyingMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyingMaterial")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

// === impl DtlsKeys ===

impl DtlsKeys {
    /// Splits what the exporter of TLS gives for the label `EXTRACTOR-dtls_srtp` without a context,
    /// twice [`Profile::keying_length`] octets: both keys, then both salts, the client's first
    /// (RFC 5764 section 4.2).
    ///
    /// # Errors
    /// The octets are not as many as the profile takes.
    pub fn split(profile: Profile, exported: &[u8]) -> Result<Self, KeyingLengthError> {
        let expected = 2 * profile.keying_length();
        if exported.len() != expected {
            let found = exported.len();
            return Err(KeyingLengthError { expected, found });
        }
        let (keys, salts) = exported.split_at(2 * profile.key_length());
        let (client_key, server_key) = keys.split_at(profile.key_length());
        let (client_salt, server_salt) = salts.split_at(profile.salt_length());
        let join = |key: &[u8], salt: &[u8]| {
            let mut octets = Zeroizing::new([0; MAX_KEYING_LENGTH]);
            octets[..key.len()].copy_from_slice(key);
            octets[key.len()..][..salt.len()].copy_from_slice(salt);
            KeyingMaterial { profile, octets }
        };
        Ok(Self {
            client: join(client_key, client_salt),
            server: join(server_key, server_salt),
        })
    }
}
