//! Reads session descriptions, tolerantly: whatever is not needed may be malformed or missing.

use std::net::IpAddr;

use crate::description::{Attribute, Host, Origin, SessionDescription};
use crate::error::ParseError;
use crate::media::MediaDescription;

/// The longest description that is read: what fits a UDP datagram.
pub(crate) const MAX_OCTETS: usize = 65_535;
const MAX_LINES: usize = 1_000;
const MAX_MEDIA: usize = 32;

impl SessionDescription {
    /// Reads the body of a SIP message.
    ///
    /// Line ends may be CRLF, LF or CR; octets that are not UTF-8 are replaced; unknown lines are
    /// skipped; what follows a second `v=` line (two descriptions pasted together) is ignored.
    ///
    /// # Errors
    /// What makes media impossible to understand: no `v=0`, or broken `m=` and `c=` lines.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        if body.len() > MAX_OCTETS {
            return Err(ParseError::TooLong);
        }
        let text = String::from_utf8_lossy(body);
        let mut lines = text
            .split(['\r', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty());
        if lines.next().and_then(field) != Some(('v', "0")) {
            return Err(ParseError::NotSdp);
        }
        let mut session = Self {
            origin: None,
            name: "-".to_owned(),
            connection: None,
            attributes: Vec::new(),
            media: Vec::new(),
        };
        for (count, line) in lines.enumerate() {
            if count >= MAX_LINES {
                return Err(ParseError::TooManyLines);
            }
            match field(line) {
                Some(('v', _)) => break,
                Some((kind, value)) => session.read(kind, value)?,
                None => {}
            }
        }
        Ok(session)
    }

    fn read(&mut self, kind: char, value: &str) -> Result<(), ParseError> {
        match kind {
            'o' if self.origin.is_none() => self.origin = origin(value),
            's' if self.media.is_empty() && !value.is_empty() => value.clone_into(&mut self.name),
            'c' => {
                let host = connection(value).ok_or(ParseError::Connection)?;
                let place = match self.media.last_mut() {
                    Some(media) => &mut media.connection,
                    None => &mut self.connection,
                };
                place.get_or_insert(host);
            }
            'm' if self.media.len() >= MAX_MEDIA => return Err(ParseError::TooManyLines),
            'm' => self.media.push(media(value).ok_or(ParseError::Media)?),
            'a' => match self.media.last_mut() {
                Some(media) => media.attributes.push(attribute(value)),
                None => self.attributes.push(attribute(value)),
            },
            _ => {}
        }
        Ok(())
    }
}

/// Splits `x=value`.
fn field(line: &str) -> Option<(char, &str)> {
    let (kind, value) = line.split_once('=')?;
    let mut letters = kind.trim().chars();
    let kind = letters.next()?;
    letters
        .next()
        .is_none()
        .then(|| (kind.to_ascii_lowercase(), value.trim()))
}

fn origin(value: &str) -> Option<Origin> {
    let mut words = value.split_whitespace();
    Some(Origin {
        username: words.next()?.to_owned(),
        session_id: words.next()?.to_owned(),
        version: words.next()?.to_owned(),
        host: host(words.nth(2)?),
    })
}

/// `IN IP4 224.2.1.1/127/3`: time to live and count of multicast are dropped.
pub(crate) fn connection(value: &str) -> Option<Host> {
    let mut words = value.split_whitespace();
    let network = words.next()?;
    let _address_type = words.next()?;
    let address = words.next()?.split('/').next()?;
    (network.eq_ignore_ascii_case("IN") && !address.is_empty()).then(|| host(address))
}

fn host(text: &str) -> Host {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>()
        .map_or_else(|_| Host::Name(text.to_owned()), Host::Ip)
}

/// `audio 49170/2 RTP/AVP 0 8 97`.
fn media(value: &str) -> Option<MediaDescription> {
    let mut words = value.split_whitespace();
    let kind = words.next()?.to_owned();
    let port = words.next()?.split('/').next()?.parse().ok()?;
    let protocol = words.next()?.to_owned();
    Some(MediaDescription {
        kind,
        port,
        protocol,
        formats: words.map(str::to_owned).collect(),
        connection: None,
        attributes: Vec::new(),
    })
}

fn attribute(value: &str) -> Attribute {
    match value.split_once(':') {
        Some((name, value)) => Attribute::with(name.trim(), value.trim()),
        None => Attribute::flag(value),
    }
}
