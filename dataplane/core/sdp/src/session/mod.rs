//! Our side of the offers and answers of one dialog.

mod accept;
mod choose;
mod describe;

use std::net::IpAddr;

use callplane_dtls::{Fingerprint, Setup};
use callplane_srtp::KeySource;

use self::choose::Chosen;
use crate::carriage::{Carriage, Ice, Keys};
use crate::codec::Codec;
use crate::description::SessionDescription;
use crate::direction::Direction;
use crate::error::NegotiationError;
use crate::handshake::DtlsTerms;
use crate::ice;
use crate::media::MediaDescription;
use crate::negotiate::{Negotiated, PayloadTypes, TelephoneEvents};
use crate::opus::OpusParameters;
use crate::security::{KeyExchange, Keyring, MediaSecurity};

/// The payload types our own offers give telephone events, with their clocks; what nearly everybody
/// uses. Those of 48000 go with Opus.
const TELEPHONE_EVENTS: [(u8, u32); 2] = [(101, 8000), (110, 48_000)];
/// The payload types that have no fixed meaning (RFC 3551 section 6).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

/// What we can do: where we receive, and with which codecs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalMedia {
    /// The address other people reach us at.
    pub address: IpAddr,
    /// The RTP port; RTCP is the next one.
    pub port: u16,
    /// Codecs, best first; of those that are offered, the answer takes the first of these (RFC 3264
    /// section 6.1 lets the answerer choose, and who runs the platform knows what its calls want).
    /// Must not be empty.
    pub codecs: Vec<Codec>,
    /// How much audio our offers want in a packet, in milliseconds; 20 is usual. Answers want what we
    /// send ourselves, which is what the other side asks for: much that is old has one time for both ways.
    pub packet_time_ms: u8,
}

/// Our side of one dialog.
///
/// **The `o=` version grows exactly when the description differs from the one sent before, a media
/// line never changes its place, and a payload type never changes its meaning (RFC 3264 section 8).**
#[derive(Debug)]
pub struct Session {
    id: u64,
    version: u64,
    local: LocalMedia,
    direction: Direction,
    /// Payload types our descriptions use, fixed by the first negotiation.
    numbers: Numbers,
    /// What the next description wants in a packet, in milliseconds.
    packet_time: u64,
    lines: Vec<Line>,
    /// Nothing where there is no randomness for secrets: media is plain then, without ICE.
    keys: Option<Keyring>,
    /// Where the keys of our own offers are from.
    exchange: KeyExchange,
    /// That of our certificate; nothing where there is none.
    fingerprint: Option<Fingerprint>,
    /// The handshake that is agreed on.
    dtls: Option<DtlsTerms>,
    /// Both sides of ICE, where it was spoken last.
    ice: Option<ice::Known>,
    /// What was sent last, to see whether the version must grow.
    sent: Option<SessionDescription>,
    offered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbers {
    codecs: Vec<(u8, Codec)>,
    telephone_events: Vec<(u8, u32)>,
    /// Said where the other side said it first: of itself nobody should send us less than all.
    comfort_noise: Option<u8>,
}

/// A media line of the dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Audio(AudioLine),
    Refused(MediaDescription),
}

/// The line that carries the audio.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AudioLine {
    protocol: String,
    keying: Keying,
    rtcp_mux: bool,
}

/// Where the keys of our line are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keying {
    Plain,
    Sdes,
    Dtls,
}

impl Session {
    /// A dialog about which nothing has been said, and whose media is plain. `id` goes into `o=` and
    /// should be random or a time, so that two sessions of one host differ.
    #[must_use]
    pub fn new(id: u64, local: LocalMedia) -> Self {
        let codecs = local
            .codecs
            .iter()
            .map(|codec| (codec.payload_type(), *codec))
            .collect();
        // Some who speak Opus know events of 8000 only.
        let speaks_opus = local.codecs.contains(&Codec::Opus);
        let telephone_events = TELEPHONE_EVENTS
            .into_iter()
            .filter(|(_, clock_rate)| *clock_rate == 8000 || speaks_opus)
            .collect();
        Self {
            // RFC 3264 section 5: both numbers must fit 63 bits.
            id: id & (u64::MAX >> 1),
            version: 1,
            direction: Direction::SendRecv,
            numbers: Numbers {
                codecs,
                telephone_events,
                comfort_noise: None,
            },
            packet_time: local.packet_time_ms.into(),
            local,
            lines: Vec::new(),
            keys: None,
            exchange: KeyExchange::Sdes,
            fingerprint: None,
            dtls: None,
            ice: None,
            sent: None,
            offered: false,
        }
    }

    /// The same with media as `security` says, under keys of ours from `keys`; over ICE where that is spoken.
    #[must_use]
    pub fn secured(self, security: MediaSecurity, keys: KeySource) -> Self {
        Self {
            keys: Some(Keyring::new(security, keys)),
            ..self
        }
    }

    /// The same with a certificate for handshakes, of which our offers have their keys if `exchange` says so.
    /// Without one, lines whose keys are of a handshake are refused.
    #[must_use]
    pub fn certified(self, fingerprint: Fingerprint, exchange: KeyExchange) -> Self {
        Self {
            fingerprint: Some(fingerprint),
            exchange,
            ..self
        }
    }

    /// What we want from now on: hold the other side with [`Direction::SendOnly`] or
    /// [`Direction::Inactive`], resume with [`Direction::SendRecv`]. Takes effect with the next
    /// offer or answer.
    pub fn set_direction(&mut self, direction: Direction) {
        self.direction = direction;
    }

    /// Makes an offer: for an INVITE of ours, for the answer to an INVITE without a body, or to
    /// change a running session.
    pub fn offer(&mut self) -> SessionDescription {
        let line = match self.audio_line() {
            Some((_, line)) => line.clone(),
            None => {
                let line = self.first_line();
                self.lines.push(Line::Audio(line.clone()));
                line
            }
        };
        self.offered = true;
        let keys = match (line.keying, &mut self.keys, &self.fingerprint) {
            (Keying::Sdes, Some(keys), _) => Keys::Sdes(keys.offer()),
            // Who waits and who begins is said anew each time, and what is agreed on goes on (RFC 8842 section 5.5).
            (Keying::Dtls, _, Some(own)) => Keys::Dtls(own.clone(), Setup::ActPass),
            _ => Keys::Plain,
        };
        let carriage = Carriage {
            keys,
            ice: match &self.ice {
                Some(known) => Ice::Spoken(known.ours.clone()),
                None => Ice::Unspoken,
            },
            rtcp_mux: line.rtcp_mux,
        };
        self.write(&self.numbers.clone(), self.direction, &carriage)
    }

    /// The line of our first offer. Where the keys are of a handshake, the other side has what else such media has:
    /// ICE, and one port.
    fn first_line(&mut self) -> AudioLine {
        let is_required = |keys: &Keyring| keys.security() == MediaSecurity::Required;
        let required = self.keys.as_ref().is_some_and(is_required);
        let keying = match (required, self.exchange, &self.fingerprint) {
            (false, ..) => Keying::Plain,
            (true, KeyExchange::Dtls, Some(_)) => Keying::Dtls,
            (true, ..) => Keying::Sdes,
        };
        let protocol = match keying {
            Keying::Plain => "RTP/AVP",
            Keying::Sdes => "RTP/SAVP",
            Keying::Dtls => "UDP/TLS/RTP/SAVP",
        };
        if let (Keying::Dtls, Some(keys)) = (keying, &mut self.keys) {
            self.ice = Some(ice::Known::offered(keys.credentials()));
        }
        AudioLine {
            protocol: protocol.to_owned(),
            keying,
            rtcp_mux: keying == Keying::Dtls,
        }
    }

    /// Answers an offer of the other side.
    ///
    /// # Errors
    /// Nothing in common, or no address; the session stays as it was.
    pub fn answer(
        &mut self,
        offer: &SessionDescription,
    ) -> Result<(SessionDescription, Negotiated), NegotiationError> {
        let Chosen {
            index,
            remote,
            codec,
            keys,
        } = self.choose(offer)?;
        let media = &offer.media[index];
        let events = &remote.telephone_events;
        let telephone_event = events
            .iter()
            .find(|(_, clock_rate)| *clock_rate == codec.1.clock_rate())
            .or(events.first().filter(|_| codec.1 == Codec::Opus));
        let numbers = Numbers {
            codecs: vec![codec],
            telephone_events: telephone_event.copied().into_iter().collect(),
            // Opus has its own.
            comfort_noise: remote.comfort_noise.filter(|_| codec.1 != Codec::Opus),
        };
        let direction = remote.direction.reversed().intersect(self.direction);
        let packet_time = remote.packet_time_of(codec.1);
        self.packet_time = packet_time.as_millis() as u64;
        let (keying, keys, protection) = self.answer_keys(keys);
        let (said, ice) = self.answer_ice(ice::read(offer, media, remote.remote));
        let takes_mux = keying == Keying::Dtls || ice.is_some();
        let line = AudioLine {
            protocol: media.protocol.clone(),
            keying,
            rtcp_mux: takes_mux && media.has("rtcp-mux"),
        };
        let carriage = Carriage {
            keys,
            ice: said,
            rtcp_mux: line.rtcp_mux,
        };
        self.lines = describe::lines(offer, index, &line);
        self.offered = false;
        let answer = self.write(&numbers, direction, &carriage);
        let negotiated = Negotiated {
            remote: remote.remote,
            remote_rtcp: remote.rtcp(line.rtcp_mux),
            rtcp_mux: line.rtcp_mux,
            codec: codec.1,
            payload_types: PayloadTypes::both(codec.0),
            receivable: numbers.codecs.clone(),
            opus: OpusParameters::of(media, codec.0),
            telephone_events: numbers
                .telephone_events
                .iter()
                .map(|(payload_type, clock_rate)| TelephoneEvents {
                    clock_rate: *clock_rate,
                    payload_types: PayloadTypes::both(*payload_type),
                })
                .collect(),
            comfort_noise: numbers.comfort_noise,
            packet_time,
            direction,
            protection,
            ice,
        };
        self.remember(&numbers);
        Ok((answer, negotiated))
    }

    /// The place of the line that carries the audio, and what it is like.
    fn audio_line(&self) -> Option<(usize, &AudioLine)> {
        let mut lines = self.lines.iter().enumerate();
        lines.find_map(|(place, line)| match line {
            Line::Audio(line) => Some((place, line)),
            Line::Refused(_) => None,
        })
    }

    /// Later offers keep the payload types that were agreed on; what had one of these for something
    /// else takes a free one.
    fn remember(&mut self, agreed: &Numbers) {
        let taken: Vec<u8> = agreed.payload_types().collect();
        let mut free: Vec<u8> = DYNAMIC
            .filter(|number| !taken.contains(number))
            .filter(|number| self.numbers.payload_types().all(|own| own != *number))
            .collect();
        let mut number = |own: &mut u8, agreed: Option<u8>| match agreed {
            Some(agreed) => *own = agreed,
            None if taken.contains(own) => *own = free.pop().unwrap_or(*own),
            None => {}
        };
        let Numbers {
            codecs,
            telephone_events,
            comfort_noise,
        } = &mut self.numbers;
        *comfort_noise = agreed.comfort_noise;
        for (own, codec) in codecs {
            number(own, agreed.codec(*codec));
        }
        for (own, clock_rate) in telephone_events {
            number(own, agreed.event(*clock_rate));
        }
    }
}

impl Numbers {
    fn payload_types(&self) -> impl Iterator<Item = u8> {
        let codecs = self.codecs.iter().map(|(number, _)| *number);
        let events = self.telephone_events.iter().map(|(number, _)| *number);
        codecs.chain(events).chain(self.comfort_noise)
    }

    fn codec(&self, codec: Codec) -> Option<u8> {
        let mut codecs = self.codecs.iter();
        codecs.find_map(|(number, known)| (*known == codec).then_some(*number))
    }

    fn event(&self, clock_rate: u32) -> Option<u8> {
        let mut events = self.telephone_events.iter();
        events.find_map(|(number, clock)| (*clock == clock_rate).then_some(*number))
    }
}
