//! The parts of a packet that stay readable.

use crate::error::Error;

const VERSION: u8 = 2;
const RTP_FIXED_HEADER: usize = 12;
/// What stays readable of a control packet: its first word and the sender's SSRC.
pub(crate) const RTCP_HEADER: usize = 8;

/// Where an RTP packet's payload begins, and what tells its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) length: usize,
    pub(crate) sequence: u16,
    pub(crate) ssrc: u32,
}

impl RtpHeader {
    /// Reads the header with its contributors and extension (RFC 3550 section 5).
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, Error> {
        let (header, rest) = packet
            .split_first_chunk::<RTP_FIXED_HEADER>()
            .ok_or(Error::Truncated)?;
        require_version(header[0])?;
        let contributors = usize::from(header[0] & 0x0F) * 4;
        let rest = rest.get(contributors..).ok_or(Error::Truncated)?;
        let extension = match header[0] & 0x10 {
            0 => 0,
            _ => {
                let [_, _, high, low, ..] = *rest else {
                    return Err(Error::Truncated);
                };
                4 + usize::from(u16::from_be_bytes([high, low])) * 4
            }
        };
        if extension > rest.len() {
            return Err(Error::Truncated);
        }
        Ok(Self {
            length: RTP_FIXED_HEADER + contributors + extension,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        })
    }
}

/// The sender of a compound control packet (RFC 3550 section 6.1).
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, Error> {
    let header = packet
        .first_chunk::<RTCP_HEADER>()
        .ok_or(Error::Truncated)?;
    require_version(header[0])?;
    Ok(u32::from_be_bytes([
        header[4], header[5], header[6], header[7],
    ]))
}

const fn require_version(first: u8) -> Result<(), Error> {
    match first >> 6 {
        VERSION => Ok(()),
        _ => Err(Error::Version),
    }
}
