//! Encryption of the media: what is wanted, and the keys in descriptions (RFC 4568).

use callplane_ice::Credentials;
use callplane_srtp::{CryptoAttribute, CryptoTag, KeySource, KeyingMaterial, Profile, SdesKey};

use crate::error::NegotiationError;
use crate::handshake::DtlsTerms;
use crate::media::MediaDescription;

/// What our offers have, best first: authenticated encryption in one pass, then what every
/// implementation has.
const OFFERED: [Profile; 3] = [
    Profile::AeadAes128Gcm,
    Profile::AesCm128HmacSha1Tag80,
    Profile::AesCm128HmacSha1Tag32,
];
/// What our answers take, best first. 256 bits protect a telephone call no better than 128 and cost
/// more; they are there for who takes nothing else.
const ACCEPTED: [Profile; 4] = [
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
    Profile::AesCm128HmacSha1Tag80,
    Profile::AesCm128HmacSha1Tag32,
];

/// Whether media is encrypted.
///
/// An offer says one profile for a media line, so none can ask for encryption *or* plain RTP: what
/// [`MediaSecurity::Allowed`] offers is plain. `a=crypto` below a plain profile, which some phones
/// write to ask for both, is ignored, for no RFC says what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MediaSecurity {
    /// Never: offers of encrypted media alone are refused, and none are made.
    #[default]
    Disabled,
    /// As the other side offers, encrypted where it offers both; our own offers are plain.
    Allowed,
    /// Always: offers of plain RTP alone are refused, and none are made.
    Required,
}

/// Where our own offers have the keys from, if they want any. Answers take what is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyExchange {
    /// From the description, `RTP/SAVP`: as secret as the signalling.
    #[default]
    Sdes,
    /// From a handshake, `UDP/TLS/RTP/SAVP`: secret from who only reads the signalling.
    Dtls,
}

/// Where the keys of a media line are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// There are none.
    Plain,
    /// The descriptions. **What is under the same key as before goes on** with its counters and its replay window.
    Sdes(MediaCrypto),
    /// A handshake.
    Dtls(DtlsTerms),
}

/// The keys of an encrypted stream, both of one [`Profile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaCrypto {
    /// What we protect with.
    pub local: KeyingMaterial,
    /// What the other side protects with.
    pub remote: KeyingMaterial,
}

impl MediaCrypto {
    /// The suite.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.remote.profile()
    }
}

/// Our keys in one dialog.
///
/// **We have one key a suite, from its first use to the end of the dialog**, so that descriptions
/// that say the same say it with the same keys, and what runs under a key goes on (RFC 4568 section
/// 7). Who comes back to a suite must not come back to its SSRC.
#[derive(Debug)]
pub(crate) struct Keyring {
    security: MediaSecurity,
    source: KeySource,
    own: Vec<KeyingMaterial>,
}

impl Keyring {
    pub(crate) const fn new(security: MediaSecurity, source: KeySource) -> Self {
        Self {
            security,
            source,
            own: Vec::new(),
        }
    }

    pub(crate) const fn security(&self) -> MediaSecurity {
        self.security
    }

    /// Credentials for ICE that were never used.
    pub(crate) fn credentials(&mut self) -> Credentials {
        Credentials::from_random(self.source.draw_octets())
    }

    /// The attributes of our offer, always the same.
    pub(crate) fn offer(&mut self) -> Vec<CryptoAttribute> {
        tagged(OFFERED)
            .map(|(tag, profile)| CryptoAttribute::new(tag, self.key(profile)))
            .collect()
    }

    /// Our answer to an attribute of the offer, under its tag (RFC 4568 section 5.1.2).
    pub(crate) fn answer(&mut self, offered: &CryptoAttribute) -> (CryptoAttribute, MediaCrypto) {
        let key = self.key(offered.profile());
        let crypto = MediaCrypto {
            local: key.material().clone(),
            remote: offered.key().material().clone(),
        };
        (CryptoAttribute::new(offered.tag(), key), crypto)
    }

    /// What an answer to our offer agrees on: one attribute, with the tag and the suite of one of
    /// ours (RFC 4568 section 5.1.3).
    pub(crate) fn accept(
        &mut self,
        answer: &MediaDescription,
    ) -> Result<MediaCrypto, NegotiationError> {
        let mut attributes = answer.values("crypto");
        let (Some(value), None) = (attributes.next(), attributes.next()) else {
            return Err(NegotiationError::Crypto);
        };
        let theirs: CryptoAttribute = value.parse().map_err(|_| NegotiationError::Crypto)?;
        let offered = tagged(OFFERED)
            .any(|(tag, profile)| (tag, profile) == (theirs.tag(), theirs.profile()));
        match offered {
            true => Ok(self.answer(&theirs).1),
            false => Err(NegotiationError::Crypto),
        }
    }

    fn key(&mut self, profile: Profile) -> SdesKey {
        let known = self.own.iter().find(|key| key.profile() == profile);
        let material = known.cloned().unwrap_or_else(|| {
            let fresh = self.source.draw(profile);
            self.own.push(fresh.clone());
            fresh
        });
        SdesKey::new(material)
    }
}

/// The attribute of an offered line that we like best, if there is one that we can do. Attributes
/// that ask for what we lack, such as `UNENCRYPTED_SRTP`, are as good as not there.
pub(crate) fn preferred(offered: &MediaDescription) -> Option<CryptoAttribute> {
    let readable: Vec<CryptoAttribute> = offered
        .values("crypto")
        .filter_map(|value| value.parse().ok())
        .collect();
    ACCEPTED.into_iter().find_map(|profile| {
        readable
            .iter()
            .find(|attribute| attribute.profile() == profile)
            .cloned()
    })
}

fn tagged(profiles: [Profile; 3]) -> impl Iterator<Item = (CryptoTag, Profile)> {
    (1u32..).zip(profiles).map(|(tag, profile)| {
        let tag = tag.try_into().expect("one digit is a tag");
        (tag, profile)
    })
}
