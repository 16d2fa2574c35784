//! Offer and answer.

use callplane_audio::DtmfDetector;
use callplane_rtp::dtmf::DigitReceiver;
use callplane_types::Instant;
use std::collections::VecDeque;
use std::time::Duration;
use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Mid, Pt};
use str0m::rtp::Extension;
use str0m::{Rtc, RtcConfig};

use super::{Closed, Peer, PeerConfig};
use crate::identity::to_ice;
use crate::offer::{self, OfferError};
use crate::playout::Playout;
use crate::speaker::Speaker;
use crate::{Credentials, Reoffer, Voice};

/// Payload types of telephone events where the offer has no number for them, which it always has.
const EVENTS: [(u8, Frequency); 2] = [
    (110, Frequency::FORTY_EIGHT_KHZ),
    (126, Frequency::EIGHT_KHZ),
];
/// The number of the extension for the line in our offers, which we never make: an answer takes that of the offer.
const MID_EXTENSION: u8 = 4;
/// How often the round trip is looked at.
const STATS: Duration = Duration::from_secs(1);

impl Peer {
    /// Answers `offer` at `now`: the peer, and the answer.
    ///
    /// # Errors
    /// [`OfferError`] names what is wrong with the offer.
    pub fn answer(
        now: Instant,
        config: PeerConfig,
        offer: &str,
    ) -> Result<(Self, String), OfferError> {
        let (offer, text) = offer::read(offer, config.audio)?;
        let PeerConfig {
            identity,
            credentials,
            addresses,
            audio: _,
            origin,
        } = config;
        let start = origin + now.since_origin();
        let mut rtc = settings()
            .set_crypto_provider(identity.provider)
            .set_dtls_cert(identity.certificate)
            .set_local_ice_credentials(to_ice(&credentials))
            .build(start);
        for address in &addresses {
            if let Some(candidate) = address.candidate() {
                rtc.add_local_candidate(candidate);
            }
        }
        let answer = rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|error| OfferError::Refused(error.to_string()))?
            .to_sdp_string();
        let answer = with_end_of_candidates(&answer);
        let mid = audio_mid(&text).ok_or(OfferError::NoMid)?;
        let (payload_type, voice) = choose(&rtc, mid).ok_or(OfferError::NoCodec)?;
        let tones = (!agreed_on_events(&rtc, mid)).then(DtmfDetector::default);
        let mut peer = Self {
            rtc,
            origin,
            addresses,
            credentials,
            remote_ufrag: attribute(&text, "ice-ufrag").unwrap_or_default(),
            offer: text,
            mid,
            voice,
            payload_type,
            sequence: 1,
            timestamp: 0,
            marks: true,
            sent: 0,
            speaker: Speaker::new(voice),
            playout: Playout::new(voice),
            digits: DigitReceiver::default(),
            tones,
            round_trips: (0, Duration::ZERO),
            far_end: None,
            last_heard: None,
            deadline: now,
            connected: false,
            expires: None,
            closed: false,
            outputs: VecDeque::with_capacity(16),
        };
        peer.advance(now);
        Ok((peer, answer))
    }

    /// Takes an offer about the call that is there. It was tried, so a refusal is a fault, and half of it may have
    /// been taken: then the call is over.
    pub(super) fn take(&mut self, now: Instant, reoffer: Reoffer) -> Result<String, OfferError> {
        let Reoffer {
            offer,
            text,
            follows,
        } = reoffer;
        if follows != self.offer {
            return Err(OfferError::Outdated);
        }
        let answer = match self.rtc.sdp_api().accept_offer(offer) {
            Ok(answer) => answer.to_sdp_string(),
            Err(error) => {
                self.end(Closed::Failed);
                let _ = self.rtc.close();
                self.advance(now);
                return Err(OfferError::Fatal(offer::first_line(&error.to_string())));
            }
        };
        if let Some((ufrag, password)) =
            attribute(&answer, "ice-ufrag").zip(attribute(&answer, "ice-pwd"))
        {
            self.credentials = Credentials { ufrag, password };
        }
        self.remote_ufrag = attribute(&text, "ice-ufrag").unwrap_or_default();
        self.offer = text;
        self.advance(now);
        Ok(with_end_of_candidates(&answer))
    }
}

/// Audio alone, RTP as it comes: jitter and loss are dealt with here, for frames of 20 ms.
pub(crate) fn settings() -> RtcConfig {
    let mut settings = RtcConfig::new()
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .set_stats_interval(Some(STATS))
        // Of all extensions only that which says which line a packet is of. Nothing here adapts to feedback on single
        // packets (transport-wide congestion control), which would be kept for a thousand of them.
        .clear_extension_map()
        .set_extension(MID_EXTENSION, Extension::RtpMid)
        .clear_codecs()
        .enable_opus(true, false)
        .enable_pcmu(true, false)
        .enable_pcma(true, false);
    let codecs: &mut CodecConfig = settings.codec_config();
    for (payload_type, clock) in EVENTS {
        let payload_type = Pt::from(payload_type);
        codecs.add_config(
            payload_type,
            None,
            Codec::Tele,
            clock,
            None,
            FormatParams::default(),
        );
    }
    settings
}

/// The identification of the audio line (RFC 5888).
pub(crate) fn audio_mid(offer: &str) -> Option<Mid> {
    let (_, audio) = offer.split_once("m=audio ")?;
    let section = audio.split("\nm=").next()?;
    let mid = attribute(section, "mid")?;
    Some(Mid::from(mid.as_str()))
}

/// Our candidates are all there is (RFC 8838 section 8.2): nothing trickles from this side.
fn with_end_of_candidates(answer: &str) -> String {
    let mut text = String::with_capacity(answer.len() + 32);
    let mut lines = answer.lines().peekable();
    while let Some(line) = lines.next() {
        text.push_str(line);
        text.push_str("\r\n");
        let is_last = |next: &&str| !next.starts_with("a=candidate:");
        if line.starts_with("a=candidate:") && lines.peek().is_none_or(is_last) {
            text.push_str("a=end-of-candidates\r\n");
        }
    }
    text
}

/// The best codec that both sides speak.
pub(crate) fn choose(rtc: &Rtc, mid: Mid) -> Option<(Pt, Voice)> {
    let agreed = rtc.media(mid)?.remote_pts();
    let params = rtc.codec_config().params();
    Voice::PREFERENCE.into_iter().find_map(|voice| {
        let found = params
            .iter()
            .find(|one| agreed.contains(&one.pt()) && Voice::of(one.spec().codec) == Some(voice));
        Some((found?.pt(), voice))
    })
}

fn agreed_on_events(rtc: &Rtc, mid: Mid) -> bool {
    let agreed = rtc
        .media(mid)
        .map(|media| media.remote_pts())
        .unwrap_or_default();
    let params = rtc.codec_config().params();
    params
        .iter()
        .any(|one| one.spec().codec.is_tele() && agreed.contains(&one.pt()))
}

/// The value of the first `a=name:value`.
pub(crate) fn attribute(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let value = line
            .strip_prefix("a=")?
            .strip_prefix(name)?
            .strip_prefix(':')?;
        Some(value.trim_end().to_owned())
    })
}
