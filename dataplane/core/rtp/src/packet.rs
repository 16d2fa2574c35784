//! The RTP packet (RFC 3550 section 5).

const VERSION: u8 = 2;
const FIXED_HEADER: usize = 12;

/// A packet that borrows from the datagram it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packet<'a> {
    /// Start of a talkspurt, or the first packet of an event.
    pub marker: bool,
    /// What the payload is, 0 to 127.
    pub payload_type: u8,
    /// Grows by one a packet and wraps.
    pub sequence: u16,
    /// Ticks of the media clock; wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// The contributing sources of a mixer, four octets each, at most 15.
    pub contributors: &'a [u8],
    /// The header extension.
    pub extension: Option<Extension<'a>>,
    /// The media, without padding.
    pub payload: &'a [u8],
}

/// A header extension (RFC 3550 section 5.3.1), uninterpreted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The profile's identifier, 0xBEDE for RFC 8285 one-byte headers.
    pub profile: u16,
    /// Its data, a multiple of four octets.
    pub data: &'a [u8],
}

/// Why octets are no RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Shorter than its own header says.
    #[error("truncated packet")]
    Truncated,
    /// Not version 2.
    #[error("not RTP version 2")]
    Version,
    /// The padding does not fit the packet.
    #[error("malformed padding")]
    Padding,
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// The datagram is no RTP packet.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = datagram
            .split_first_chunk::<FIXED_HEADER>()
            .ok_or(ParseError::Truncated)?;
        if header[0] >> 6 != VERSION {
            return Err(ParseError::Version);
        }
        let padded = header[0] & 0x20 != 0;
        let extended = header[0] & 0x10 != 0;
        let contributors = usize::from(header[0] & 0x0F) * 4;
        let (contributors, rest) = rest
            .split_at_checked(contributors)
            .ok_or(ParseError::Truncated)?;
        let (extension, rest) = match extended {
            true => Extension::split(rest).map(|(extension, rest)| (Some(extension), rest))?,
            false => (None, rest),
        };
        let payload = match padded {
            true => without_padding(rest)?,
            false => rest,
        };
        Ok(Self {
            marker: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7F,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            contributors,
            extension,
            payload,
        })
    }

    /// Appends the packet, without padding, to `out`.
    ///
    /// At most 15 contributors and whole words of extension data are written; what is beyond is
    /// left out, so that what is written always reads back.
    pub fn write(&self, out: &mut Vec<u8>) {
        let contributors = &self.contributors[..(self.contributors.len() / 4).min(15) * 4];
        let count = (contributors.len() / 4) as u8;
        let extended = u8::from(self.extension.is_some()) << 4;
        out.push(VERSION << 6 | extended | count);
        out.push(u8::from(self.marker) << 7 | self.payload_type & 0x7F);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(contributors);
        if let Some(extension) = &self.extension {
            let words = (extension.data.len() / 4).min(usize::from(u16::MAX));
            out.extend_from_slice(&extension.profile.to_be_bytes());
            out.extend_from_slice(&(words as u16).to_be_bytes());
            out.extend_from_slice(&extension.data[..words * 4]);
        }
        out.extend_from_slice(self.payload);
    }
}

impl<'a> Extension<'a> {
    fn split(octets: &'a [u8]) -> Result<(Self, &'a [u8]), ParseError> {
        let (header, rest) = octets
            .split_first_chunk::<4>()
            .ok_or(ParseError::Truncated)?;
        let words = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let (data, rest) = rest
            .split_at_checked(words * 4)
            .ok_or(ParseError::Truncated)?;
        let profile = u16::from_be_bytes([header[0], header[1]]);
        Ok((Self { profile, data }, rest))
    }
}

/// The last octet counts the padding, itself included.
fn without_padding(octets: &[u8]) -> Result<&[u8], ParseError> {
    let count = usize::from(*octets.last().ok_or(ParseError::Padding)?);
    match octets.len().checked_sub(count) {
        Some(length) if count > 0 => Ok(&octets[..length]),
        _ => Err(ParseError::Padding),
    }
}
