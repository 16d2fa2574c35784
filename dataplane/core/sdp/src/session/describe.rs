//! What a session says.

use std::net::SocketAddr;

use super::{AudioLine, Line, Numbers, Session};
use crate::carriage::Carriage;
use crate::codec::Codec;
use crate::description::{Attribute, Host, Origin, SessionDescription};
use crate::direction::Direction;
use crate::media::MediaDescription;
use crate::opus::OpusParameters;

/// What we take in a packet, in milliseconds: the longest of Opus (RFC 6716 section 3.2.5).
const LONGEST_PACKET_TIME: u8 = 120;

impl Session {
    /// The description of our lines.
    pub(super) fn write(
        &mut self,
        numbers: &Numbers,
        direction: Direction,
        carriage: &Carriage,
    ) -> SessionDescription {
        let media = self
            .lines
            .iter()
            .map(|line| match line {
                Line::Audio(AudioLine { protocol, .. }) => {
                    self.audio(protocol, numbers, direction, carriage)
                }
                Line::Refused(line) => line.clone(),
            })
            .collect();
        self.describe(carriage, media)
    }

    fn audio(
        &self,
        protocol: &str,
        numbers: &Numbers,
        direction: Direction,
        carriage: &Carriage,
    ) -> MediaDescription {
        let mut formats: Vec<String> = numbers.codecs.iter().map(|c| c.0.to_string()).collect();
        let address = SocketAddr::new(self.local.address, self.local.port);
        let carriage = carriage.attributes(address).into_iter();
        let maps = numbers
            .codecs
            .iter()
            .map(|(pt, codec)| Attribute::with("rtpmap", format!("{pt} {}", codec.encoding())));
        let parameters = numbers
            .codecs
            .iter()
            .filter(|(_, codec)| *codec == Codec::Opus)
            .map(|(pt, _)| Attribute::with("fmtp", format!("{pt} {}", OpusParameters::OWN)));
        let mut attributes: Vec<Attribute> = carriage.chain(maps).chain(parameters).collect();
        if let Some(pt) = numbers.comfort_noise {
            formats.push(pt.to_string());
            attributes.push(Attribute::with("rtpmap", format!("{pt} CN/8000")));
        }
        for (pt, clock_rate) in &numbers.telephone_events {
            formats.push(pt.to_string());
            attributes.push(Attribute::with(
                "rtpmap",
                format!("{pt} telephone-event/{clock_rate}"),
            ));
            attributes.push(Attribute::with("fmtp", format!("{pt} 0-15")));
        }
        attributes.push(Attribute::with("ptime", self.packet_time.to_string()));
        attributes.push(Attribute::with("maxptime", LONGEST_PACKET_TIME.to_string()));
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

    fn describe(
        &mut self,
        carriage: &Carriage,
        media: Vec<MediaDescription>,
    ) -> SessionDescription {
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
            attributes: carriage.session_attributes(),
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

/// Our lines for an offer of which one is taken, as `audio`.
pub(super) fn lines(offer: &SessionDescription, taken: usize, audio: &AudioLine) -> Vec<Line> {
    let lines = offer.media.iter().enumerate();
    lines
        .map(|(place, media)| match place == taken {
            true => Line::Audio(audio.clone()),
            false => Line::Refused(refused(media)),
        })
        .collect()
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
