//! Which line of an offer is taken, and what our answer says of its keys and of ICE.

use callplane_srtp::CryptoAttribute;

use super::{Keying, Session};
use crate::carriage::{Ice, Keys};
use crate::codec::Codec;
use crate::description::SessionDescription;
use crate::error::NegotiationError;
use crate::handshake::{self, DtlsTerms};
use crate::ice::{self, IceTerms, Known};
use crate::media::{MediaDescription, Profile};
use crate::negotiate::RemoteAudio;
use crate::security::{self, Keyring, MediaSecurity, Protection};

/// The line of an offer that carries the audio.
pub(super) struct Chosen {
    pub(super) index: usize,
    pub(super) remote: RemoteAudio,
    pub(super) codec: (u8, Codec),
    pub(super) keys: OfferedKeys,
}

/// Where it has its keys from.
pub(super) enum OfferedKeys {
    Plain,
    Sdes(CryptoAttribute),
    Dtls(handshake::Said),
}

impl Session {
    /// The first open audio line with a codec and a protection in common; on a re-offer, the line
    /// that carried the audio so far if it is still open. Encrypted lines come before plain ones, and of these first
    /// those whose keys are of a handshake.
    pub(super) fn choose(&self, offer: &SessionDescription) -> Result<Chosen, NegotiationError> {
        let current = self.audio_line().map(|(place, _)| place);
        let places = |profile| {
            let lines = offer.media.iter().enumerate();
            lines.filter_map(move |(place, media)| {
                (media.profile() == Some(profile)).then_some(place)
            })
        };
        let places = [Profile::Handshake, Profile::Encrypted, Profile::Plain]
            .into_iter()
            .flat_map(places);
        let mut failure = NegotiationError::NoCommonAudio;
        for index in current.into_iter().chain(places) {
            let Some(media) = offer.media.get(index).filter(|m| m.is_open_audio()) else {
                continue;
            };
            match self.judge(offer, index, media) {
                Ok(chosen) => return Ok(chosen),
                Err(NegotiationError::NoCommonAudio) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// What can be done with an open audio line.
    fn judge(
        &self,
        offer: &SessionDescription,
        index: usize,
        media: &MediaDescription,
    ) -> Result<Chosen, NegotiationError> {
        let keys = self.offered_keys(offer, media)?;
        let remote = RemoteAudio::read(offer, media)?;
        let codec = self
            .preferred(&remote.codecs)
            .ok_or(NegotiationError::NoCommonAudio)?;
        Ok(Chosen {
            index,
            remote,
            codec,
            keys,
        })
    }

    fn offered_keys(
        &self,
        offer: &SessionDescription,
        media: &MediaDescription,
    ) -> Result<OfferedKeys, NegotiationError> {
        let security = self.keys.as_ref().map(Keyring::security);
        let profile = media.profile().ok_or(NegotiationError::NoCommonAudio)?;
        match (profile, security.unwrap_or_default()) {
            (Profile::Plain, MediaSecurity::Required)
            | (Profile::Encrypted | Profile::Handshake, MediaSecurity::Disabled) => {
                return Err(NegotiationError::Security);
            }
            (Profile::Plain, _) => return Ok(OfferedKeys::Plain),
            _ => {}
        }
        let handshake = handshake::read(offer, media).filter(|_| self.fingerprint.is_some());
        match (handshake, profile) {
            (Some(said), _) => Ok(OfferedKeys::Dtls(said)),
            (None, Profile::Handshake) => Err(NegotiationError::Handshake),
            (None, _) => security::preferred(media)
                .map(OfferedKeys::Sdes)
                .ok_or(NegotiationError::Crypto),
        }
    }

    /// The first of ours that was offered.
    fn preferred(&self, offered: &[(u8, Codec)]) -> Option<(u8, Codec)> {
        let of = |own: &Codec| offered.iter().find(|(_, codec)| codec == own).copied();
        self.local.codecs.iter().find_map(of)
    }

    /// What our answer says of keys, and what is agreed on with it.
    pub(super) fn answer_keys(&mut self, offered: OfferedKeys) -> (Keying, Keys, Protection) {
        let current = self.dtls.take();
        match (offered, &mut self.keys, &self.fingerprint) {
            (OfferedKeys::Sdes(offered), Some(keys), _) => {
                let (attribute, crypto) = keys.answer(&offered);
                let said = Keys::Sdes(vec![attribute]);
                (Keying::Sdes, said, Protection::Sdes(crypto))
            }
            (OfferedKeys::Dtls(offered), _, Some(own)) => {
                let terms = DtlsTerms::answered(offered, current.as_ref());
                let said = Keys::Dtls(own.clone(), terms.role.setup());
                self.dtls = Some(terms.clone());
                (Keying::Dtls, said, Protection::Dtls(terms))
            }
            // Keys are chosen only where there are what they need.
            _ => (Keying::Plain, Keys::Plain, Protection::Plain),
        }
    }

    /// What our answer says of ICE, and what is agreed on with it.
    pub(super) fn answer_ice(&mut self, said: ice::Said) -> (Ice, Option<IceTerms>) {
        match (said, &mut self.keys) {
            (ice::Said::Spoken(theirs), Some(keys)) => {
                let terms = Known::meet(&mut self.ice, theirs, || keys.credentials());
                (Ice::Spoken(terms.ours.clone()), Some(terms))
            }
            (ice::Said::Mismatch, Some(_)) => {
                self.ice = None;
                (Ice::Mismatch, None)
            }
            _ => {
                self.ice = None;
                (Ice::Unspoken, None)
            }
        }
    }
}
