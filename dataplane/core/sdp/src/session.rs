//! Our side of the offers and answers of one dialog.

use std::net::IpAddr;

use crate::codec::Codec;
use crate::description::{Attribute, Host, Origin, SessionDescription};
use crate::direction::Direction;
use crate::error::NegotiationError;
use crate::media::MediaDescription;
use crate::negotiate::{Negotiated, PayloadTypes, RemoteAudio};

/// The payload type our own offers give telephone events; what nearly everybody uses.
const TELEPHONE_EVENT: u8 = 101;

/// What we can do: where we receive, and with which codecs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalMedia {
    /// The address other people reach us at.
    pub address: IpAddr,
    /// The RTP port; RTCP is the next one.
    pub port: u16,
    /// Codecs, best first. Must not be empty.
    pub codecs: Vec<Codec>,
    /// How much audio we want in a packet, in milliseconds; 20 is usual.
    pub packet_time_ms: u8,
}

/// Our side of one dialog.
///
/// **The `o=` version grows exactly when the description differs from the one sent before, a media
/// line never changes its place, and a payload type never changes its meaning (RFC 3264 section 8).**
#[derive(Debug, Clone)]
pub struct Session {
    id: u64,
    version: u64,
    local: LocalMedia,
    direction: Direction,
    /// Payload types our descriptions use, fixed by the first negotiation.
    numbers: Numbers,
    lines: Vec<Line>,
    /// What was sent last, to see whether the version must grow.
    sent: Option<SessionDescription>,
    offered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbers {
    codecs: Vec<(u8, Codec)>,
    telephone_event: Option<u8>,
}

/// A media line of the dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Audio { protocol: String },
    Refused(MediaDescription),
}

impl Session {
    /// A dialog about which nothing has been said. `id` goes into `o=` and should be random or a
    /// time, so that two sessions of one host differ.
    #[must_use]
    pub fn new(id: u64, local: LocalMedia) -> Self {
        let codecs = local
            .codecs
            .iter()
            .map(|codec| (codec.static_payload_type(), *codec))
            .collect();
        Self {
            // RFC 3264 section 5: both numbers must fit 63 bits.
            id: id & (u64::MAX >> 1),
            version: 1,
            local,
            direction: Direction::SendRecv,
            numbers: Numbers {
                codecs,
                telephone_event: Some(TELEPHONE_EVENT),
            },
            lines: Vec::new(),
            sent: None,
            offered: false,
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
            self.lines.push(Line::Audio {
                protocol: "RTP/AVP".to_owned(),
            });
        }
        self.offered = true;
        let direction = self.direction;
        let media = self
            .lines
            .iter()
            .map(|line| match line {
                Line::Audio { protocol } => self.audio(protocol, &self.numbers, direction),
                Line::Refused(line) => line.clone(),
            })
            .collect();
        self.describe(media)
    }

    /// Answers an offer of the other side.
    ///
    /// # Errors
    /// Nothing in common, or no address; the session stays as it was.
    pub fn answer(
        &mut self,
        offer: &SessionDescription,
    ) -> Result<(SessionDescription, Negotiated), NegotiationError> {
        let (index, remote) = self.choose(offer)?;
        let codec = self
            .preferred(&remote.codecs)
            .ok_or(NegotiationError::NoCommonAudio)?;
        let numbers = Numbers {
            codecs: vec![codec],
            telephone_event: remote.telephone_event,
        };
        let direction = remote.direction.reversed().intersect(self.direction);
        self.lines = offer
            .media
            .iter()
            .enumerate()
            .map(|(place, media)| match place == index {
                true => Line::Audio {
                    protocol: media.protocol.clone(),
                },
                false => Line::Refused(refused(media)),
            })
            .collect();
        let media = self
            .lines
            .iter()
            .map(|line| match line {
                Line::Audio { protocol } => self.audio(protocol, &numbers, direction),
                Line::Refused(line) => line.clone(),
            })
            .collect();
        self.offered = false;
        let answer = self.describe(media);
        let negotiated = Negotiated {
            remote: remote.remote,
            remote_rtcp: remote.remote_rtcp,
            codec: codec.1,
            payload_types: PayloadTypes::both(codec.0),
            receivable: numbers.codecs.clone(),
            telephone_event: numbers.telephone_event.map(PayloadTypes::both),
            packet_time: remote.packet_time,
            direction,
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
        let place = self
            .lines
            .iter()
            .position(|line| matches!(line, Line::Audio { .. }))
            .ok_or(NegotiationError::MismatchedAnswer)?;
        let media = answer
            .media
            .get(place)
            .ok_or(NegotiationError::MismatchedAnswer)?;
        if !media.is_plain_audio() {
            return Err(NegotiationError::MismatchedAnswer);
        }
        if media.port == 0 {
            return Err(NegotiationError::Refused);
        }
        let remote = RemoteAudio::read(answer, media)?;
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
        let telephone_event = match (remote.telephone_event, self.numbers.telephone_event) {
            (Some(send), Some(receive)) => Some(PayloadTypes { send, receive }),
            _ => None,
        };
        Ok(Negotiated {
            remote: remote.remote,
            remote_rtcp: remote.remote_rtcp,
            codec,
            payload_types: PayloadTypes { send, receive },
            receivable,
            telephone_event,
            packet_time: remote.packet_time,
            direction: remote.direction.reversed().intersect(self.direction),
        })
    }

    /// The first open audio line with a codec in common; on a re-offer, the line that carried the
    /// audio so far if it is still open.
    fn choose(&self, offer: &SessionDescription) -> Result<(usize, RemoteAudio), NegotiationError> {
        let current = self
            .lines
            .iter()
            .position(|line| matches!(line, Line::Audio { .. }));
        let mut failure = NegotiationError::NoCommonAudio;
        for index in current.into_iter().chain(0..offer.media.len()) {
            let Some(media) = offer.media.get(index).filter(|m| m.is_open_audio()) else {
                continue;
            };
            match RemoteAudio::read(offer, media) {
                Ok(remote) if self.preferred(&remote.codecs).is_some() => {
                    return Ok((index, remote));
                }
                Ok(_) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The offerer's first choice that we can do (RFC 3264 section 6.1).
    fn preferred(&self, offered: &[(u8, Codec)]) -> Option<(u8, Codec)> {
        offered
            .iter()
            .find(|(_, codec)| self.local.codecs.contains(codec))
            .copied()
    }

    /// Later offers keep the payload types that were agreed on.
    fn remember(&mut self, agreed: &Numbers) {
        for (payload_type, codec) in &agreed.codecs {
            for own in &mut self.numbers.codecs {
                if own.1 == *codec {
                    own.0 = *payload_type;
                }
            }
        }
        if agreed.telephone_event.is_some() {
            self.numbers.telephone_event = agreed.telephone_event;
        }
    }

    fn audio(&self, protocol: &str, numbers: &Numbers, direction: Direction) -> MediaDescription {
        let mut formats: Vec<String> = numbers.codecs.iter().map(|c| c.0.to_string()).collect();
        let mut attributes: Vec<Attribute> = numbers
            .codecs
            .iter()
            .map(|(pt, codec)| Attribute::with("rtpmap", format!("{pt} {codec}/8000")))
            .collect();
        if let Some(pt) = numbers.telephone_event {
            formats.push(pt.to_string());
            attributes.push(Attribute::with(
                "rtpmap",
                format!("{pt} telephone-event/8000"),
            ));
            attributes.push(Attribute::with("fmtp", format!("{pt} 0-15")));
        }
        attributes.push(Attribute::with(
            "ptime",
            self.local.packet_time_ms.to_string(),
        ));
        attributes.push(Attribute::flag(direction.as_str()));
        MediaDescription {
            kind: "audio".to_owned(),
            port: self.local.port,
            protocol: protocol.to_owned(),
            formats,
            connection: None,
            attributes,
        }
    }

    fn describe(&mut self, media: Vec<MediaDescription>) -> SessionDescription {
        let host = Host::Ip(self.local.address);
        let mut description = SessionDescription {
            origin: Some(Origin {
                username: "callplane".to_owned(),
                session_id: self.id.to_string(),
                version: self.version.to_string(),
                host: host.clone(),
            }),
            name: "-".to_owned(),
            connection: Some(host),
            attributes: Vec::new(),
            media,
        };
        if self.sent.as_ref().is_some_and(|sent| *sent != description) {
            self.version += 1;
            if let Some(origin) = &mut description.origin {
                origin.version = self.version.to_string();
            }
        }
        self.sent = Some(description.clone());
        description
    }
}

/// The same line with port 0 and nothing else (RFC 3264 section 6).
fn refused(media: &MediaDescription) -> MediaDescription {
    MediaDescription {
        kind: media.kind.clone(),
        port: 0,
        protocol: media.protocol.clone(),
        formats: media.formats.clone(),
        connection: None,
        attributes: Vec::new(),
    }
}
