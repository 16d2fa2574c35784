//! Our side of the offers and answers of one dialog.

mod describe;

use std::net::IpAddr;

use callplane_srtp::{CryptoAttribute, KeySource};

use crate::codec::Codec;
use crate::description::SessionDescription;
use crate::direction::Direction;
use crate::error::NegotiationError;
use crate::media::MediaDescription;
use crate::negotiate::{Negotiated, PayloadTypes, RemoteAudio, TelephoneEvents};
use crate::opus::OpusParameters;
use crate::security::{self, Keyring, MediaSecurity};

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
    /// Nothing where media is never encrypted.
    keys: Option<Keyring>,
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

/// The line of an offer that carries the audio.
struct Chosen {
    index: usize,
    remote: RemoteAudio,
    codec: (u8, Codec),
    /// What is encrypted with; nothing of a plain line.
    crypto: Option<CryptoAttribute>,
}

/// A media line of the dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Audio { protocol: String, encrypted: bool },
    Refused(MediaDescription),
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
            sent: None,
            offered: false,
        }
    }

    /// The same with media as `security` says, under keys of ours from `keys`.
    #[must_use]
    pub fn secured(self, security: MediaSecurity, keys: KeySource) -> Self {
        Self {
            keys: Keyring::new(security, keys),
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
        if self.lines.is_empty() {
            let encrypted = self.keys.as_ref().is_some_and(Keyring::is_required);
            let protocol = if encrypted { "RTP/SAVP" } else { "RTP/AVP" };
            self.lines.push(Line::Audio {
                protocol: protocol.to_owned(),
                encrypted,
            });
        }
        self.offered = true;
        let encrypted = self.audio_line().is_some_and(|(_, encrypted)| encrypted);
        let crypto = match self.keys.as_mut().filter(|_| encrypted) {
            Some(keys) => keys.offer(),
            None => Vec::new(),
        };
        self.write(&self.numbers.clone(), self.direction, &crypto)
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
            crypto,
        } = self.choose(offer)?;
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
        self.lines = describe::lines(offer, index);
        self.offered = false;
        let packet_time = remote.packet_time_of(codec.1);
        self.packet_time = packet_time.as_millis() as u64;
        let (attribute, crypto) = crypto
            .zip(self.keys.as_mut())
            .map(|(offered, keys)| keys.answer(&offered))
            .unzip();
        let answer = self.write(&numbers, direction, attribute.as_slice());
        let negotiated = Negotiated {
            remote: remote.remote,
            remote_rtcp: remote.remote_rtcp,
            codec: codec.1,
            payload_types: PayloadTypes::both(codec.0),
            receivable: numbers.codecs.clone(),
            opus: OpusParameters::of(&offer.media[index], codec.0),
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
            crypto,
        };
        self.remember(&numbers);
        Ok((answer, negotiated))
    }

    /// Takes the answer to our last [`Session::offer`]. The same answer may come twice: first in a
    /// 183, then in the 200.
    ///
    /// # Errors
    /// The stream was refused, or the answer does not fit.
    pub fn accept(&mut self, answer: &SessionDescription) -> Result<Negotiated, NegotiationError> {
        if !self.offered {
            return Err(NegotiationError::UnexpectedAnswer);
        }
        let (place, encrypted) = self
            .audio_line()
            .ok_or(NegotiationError::MismatchedAnswer)?;
        let media = answer
            .media
            .get(place)
            .filter(|media| media.is_audio())
            .ok_or(NegotiationError::MismatchedAnswer)?;
        if media.port == 0 {
            return Err(NegotiationError::Refused);
        }
        if media.is_encrypted() != encrypted {
            return Err(NegotiationError::MismatchedAnswer);
        }
        let remote = RemoteAudio::read(answer, media)?;
        let crypto = match self.keys.as_mut().filter(|_| encrypted) {
            Some(keys) => Some(keys.accept(media)?),
            None => None,
        };
        // The first codec of the answer is the one the other side likes best (RFC 3264 6.1).
        let ours = |codec: Codec| self.numbers.codecs.iter().find(|(_, c)| *c == codec);
        let (send, codec, receive) = remote
            .codecs
            .iter()
            .find_map(|(send, codec)| Some((*send, *codec, ours(*codec)?.0)))
            .ok_or(NegotiationError::NoCommonAudio)?;
        let receivable = self
            .numbers
            .codecs
            .iter()
            .filter(|(_, codec)| remote.codecs.iter().any(|(_, theirs)| theirs == codec))
            .copied()
            .collect();
        Ok(Negotiated {
            remote: remote.remote,
            remote_rtcp: remote.remote_rtcp,
            codec,
            payload_types: PayloadTypes { send, receive },
            receivable,
            opus: OpusParameters::of(media, send),
            telephone_events: self.common_events(&remote, codec),
            comfort_noise: remote.comfort_noise.and(self.numbers.comfort_noise),
            packet_time: remote.packet_time_of(codec),
            direction: remote.direction.reversed().intersect(self.direction),
            crypto,
        })
    }

    /// The first open audio line with a codec and a protection in common; on a re-offer, the line
    /// that carried the audio so far if it is still open. Encrypted lines come before plain ones.
    fn choose(&self, offer: &SessionDescription) -> Result<Chosen, NegotiationError> {
        let current = self.audio_line().map(|(place, _)| place);
        let places = |encrypted| {
            let lines = offer.media.iter().enumerate();
            lines.filter_map(move |(place, media)| {
                (media.is_encrypted() == encrypted).then_some(place)
            })
        };
        let mut failure = NegotiationError::NoCommonAudio;
        for index in current.into_iter().chain(places(true)).chain(places(false)) {
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
        let crypto = match (&self.keys, media.is_encrypted()) {
            (Some(_), true) => Some(security::preferred(media).ok_or(NegotiationError::Crypto)?),
            (Some(keys), false) if keys.is_required() => return Err(NegotiationError::Security),
            (None, true) => return Err(NegotiationError::Security),
            (_, false) => None,
        };
        let remote = RemoteAudio::read(offer, media)?;
        let codec = self
            .preferred(&remote.codecs)
            .ok_or(NegotiationError::NoCommonAudio)?;
        Ok(Chosen {
            index,
            remote,
            codec,
            crypto,
        })
    }

    /// The first of ours that was offered.
    fn preferred(&self, offered: &[(u8, Codec)]) -> Option<(u8, Codec)> {
        let of = |own: &Codec| offered.iter().find(|(_, codec)| codec == own).copied();
        self.local.codecs.iter().find_map(of)
    }

    /// The telephone events of an answer that we offered, those of the codec's clock first.
    fn common_events(&self, remote: &RemoteAudio, codec: Codec) -> Vec<TelephoneEvents> {
        let ours = &self.numbers.telephone_events;
        let common = |(send, clock_rate): &(u8, u32)| {
            let (receive, _) = ours.iter().find(|(_, clock)| clock == clock_rate)?;
            Some(TelephoneEvents {
                clock_rate: *clock_rate,
                payload_types: PayloadTypes {
                    send: *send,
                    receive: *receive,
                },
            })
        };
        let mut events: Vec<_> = remote.telephone_events.iter().filter_map(common).collect();
        events.sort_by_key(|event| event.clock_rate != codec.clock_rate());
        events
    }

    /// The place of the line that carries the audio, and whether it is encrypted.
    fn audio_line(&self) -> Option<(usize, bool)> {
        let lines = self.lines.iter().enumerate();
        lines
            .filter_map(|(place, line)| match line {
                Line::Audio { encrypted, .. } => Some((place, *encrypted)),
                Line::Refused(_) => None,
            })
            .next()
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
