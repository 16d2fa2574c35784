//! Another offer about a call that is there.

use std::fmt;
use std::time::Instant as StdInstant;

use str0m::Rtc;
use str0m::change::SdpOffer;

use crate::offer::{self, AudioUse, OfferError};
use crate::peer::setup;
use crate::{Fragment, FragmentError, Identity};

/// An offer that was read, and tried after the one before it. **One that is refused changes nothing of the
/// call**: `str0m` takes an offer piece by piece, so it is tried on a state machine that nobody talks to.
/// That costs about what a new call does; whoever carries many calls on one thread makes it elsewhere.
pub struct Reoffer {
    pub(crate) offer: SdpOffer,
    pub(crate) text: String,
    /// The offer that it was tried after.
    pub(crate) follows: String,
}

impl Reoffer {
    /// Reads `text`, which follows `before`, the call's last offer as [`Peer::offer`](crate::Peer::offer) has it.
    /// `at` is any moment.
    ///
    /// # Errors
    /// [`OfferError`] names what is wrong with it.
    pub fn read(
        identity: &Identity,
        at: StdInstant,
        before: &str,
        text: &str,
    ) -> Result<Self, OfferError> {
        let audio = AudioUse::of(before);
        let (offer, text) = offer::read(text, audio)?;
        if fingerprints(before) != fingerprints(&text) {
            return Err(OfferError::OtherFingerprint);
        }
        let (first, _) = offer::read(before, audio)?;
        let (next, _) = offer::read(&text, audio)?;
        let mid = setup::audio_mid(before).ok_or(OfferError::NoMid)?;
        let mut rtc = setup::settings()
            .set_crypto_provider(identity.provider.clone())
            .set_dtls_cert(identity.certificate.clone())
            .build(at);
        try_out(&mut rtc, first)?;
        try_out(&mut rtc, next)?;
        if setup::audio_mid(&text) != Some(mid) {
            return Err(OfferError::Refused(format!(
                "the audio has to keep its a=mid:{mid}"
            )));
        }
        // The payload types of the first offer stay.
        let (payload_type, voice) = setup::choose(&rtc, mid).ok_or(OfferError::NoCodec)?;
        if !offer::maps(&text, *payload_type, voice.name()) {
            return Err(OfferError::OtherCodec(voice.name()));
        }
        Ok(Self {
            offer,
            text,
            follows: before.to_owned(),
        })
    }
}

impl Fragment {
    /// Makes the fragment a restart of ICE where its credentials are others than those of `before`, the call's last
    /// offer. `at` is any moment.
    ///
    /// # Errors
    /// [`FragmentError::NoRestart`].
    pub fn after(
        mut self,
        identity: &Identity,
        at: StdInstant,
        before: &str,
    ) -> Result<Self, FragmentError> {
        let (Some(ufrag), Some(password)) = (&self.ufrag, &self.password) else {
            return Err(FragmentError::NoCredentials);
        };
        if setup::attribute(before, "ice-ufrag").as_ref() != Some(ufrag) {
            let text = offer::with_credentials(before, ufrag, password);
            let reoffer =
                Reoffer::read(identity, at, before, &text).map_err(|_| FragmentError::NoRestart)?;
            self.restart = Some(Box::new(reoffer));
        }
        Ok(self)
    }
}

fn try_out(rtc: &mut Rtc, offer: SdpOffer) -> Result<(), OfferError> {
    match rtc.sdp_api().accept_offer(offer) {
        Ok(_) => Ok(()),
        Err(error) => Err(OfferError::Refused(offer::first_line(&error.to_string()))),
    }
}

/// Each once, in an order that says nothing.
fn fingerprints(offer: &str) -> Vec<String> {
    let lines = offer
        .lines()
        .filter_map(|line| line.strip_prefix("a=fingerprint:"));
    let mut found: Vec<String> = lines.map(|line| line.trim().to_ascii_lowercase()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

impl fmt::Debug for Reoffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reoffer(<SDP>)")
    }
}
