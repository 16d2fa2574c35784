//! Reads compounds.

use crate::rtcp::{ControlPacket, ParseError, ReportBlock, SenderInfo, VoipMetrics};

pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
pub(super) const SOURCE_DESCRIPTION: u8 = 202;
pub(super) const GOODBYE: u8 = 203;
pub(super) const EXTENDED_REPORT: u8 = 207;
/// The block type of VoIP metrics, and how many words follow its first (RFC 3611 section 4.7).
pub(super) const VOIP_METRICS: u8 = 7;
pub(super) const VOIP_METRICS_WORDS: u16 = 8;
pub(super) const CNAME: u8 = 1;

/// Reads all packets of a datagram. Reduced-size RTCP (RFC 5506), which starts with any packet, is
/// accepted.
///
/// # Errors
/// Any packet is malformed: then nothing in the datagram can be trusted (RFC 3550 A.2).
pub fn parse(datagram: &[u8]) -> Result<Vec<ControlPacket>, ParseError> {
    let mut packets = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let (header, body) = rest.split_first_chunk::<4>().ok_or(ParseError::Truncated)?;
        if header[0] >> 6 != 2 {
            return Err(ParseError::Version);
        }
        let length = usize::from(u16::from_be_bytes([header[2], header[3]])) * 4;
        let (mut body, after) = body.split_at_checked(length).ok_or(ParseError::Truncated)?;
        if header[0] & 0x20 != 0 {
            body = without_padding(body, after.is_empty())?;
        }
        let count = usize::from(header[0] & 0x1F);
        packets.push(packet(header[1], count, Reader(body))?);
        rest = after;
    }
    match packets.is_empty() {
        true => Err(ParseError::Empty),
        false => Ok(packets),
    }
}

/// The SSRC that a compound is by: that of the report it begins with. Looks at eight octets only, so
/// that who sent it can be judged before anything is read.
#[must_use]
pub fn reporter(datagram: &[u8]) -> Option<u32> {
    match datagram {
        [first, SENDER_REPORT | RECEIVER_REPORT, _, _, a, b, c, d, ..] if first >> 6 == 2 => {
            Some(u32::from_be_bytes([*a, *b, *c, *d]))
        }
        _ => None,
    }
}

/// Whether packets of this type hold figures about streams, and nothing of who sends them.
pub(crate) const fn is_report(packet_type: u8) -> bool {
    matches!(
        packet_type,
        SENDER_REPORT | RECEIVER_REPORT | EXTENDED_REPORT
    )
}

fn without_padding(body: &[u8], is_last: bool) -> Result<&[u8], ParseError> {
    let count = usize::from(*body.last().ok_or(ParseError::Padding)?);
    match body.len().checked_sub(count) {
        Some(length) if is_last && count > 0 && count.is_multiple_of(4) => Ok(&body[..length]),
        _ => Err(ParseError::Padding),
    }
}

fn packet(
    packet_type: u8,
    count: usize,
    mut body: Reader<'_>,
) -> Result<ControlPacket, ParseError> {
    Ok(match packet_type {
        SENDER_REPORT => ControlPacket::SenderReport {
            ssrc: body.u32()?,
            info: SenderInfo {
                ntp: u64::from(body.u32()?) << 32 | u64::from(body.u32()?),
                timestamp: body.u32()?,
                packets: body.u32()?,
                octets: body.u32()?,
            },
            reports: reports(count, &mut body)?,
        },
        RECEIVER_REPORT => ControlPacket::ReceiverReport {
            ssrc: body.u32()?,
            reports: reports(count, &mut body)?,
        },
        SOURCE_DESCRIPTION => ControlPacket::SourceDescription(
            (0..count)
                .map(|_| chunk(&mut body))
                .collect::<Result<_, _>>()?,
        ),
        GOODBYE => ControlPacket::Goodbye {
            sources: (0..count).map(|_| body.u32()).collect::<Result<_, _>>()?,
            reason: match body.u8() {
                Ok(length) => Some(text(body.take(usize::from(length))?)),
                Err(_) => None,
            },
        },
        EXTENDED_REPORT => ControlPacket::ExtendedReport {
            ssrc: body.u32()?,
            voip: extended(&mut body)?,
        },
        packet_type => ControlPacket::Other { packet_type },
    })
}

fn reports(count: usize, body: &mut Reader<'_>) -> Result<Vec<ReportBlock>, ParseError> {
    (0..count).map(|_| report(body)).collect()
}

fn report(body: &mut Reader<'_>) -> Result<ReportBlock, ParseError> {
    let ssrc = body.u32()?;
    let loss = body.u32()?;
    Ok(ReportBlock {
        ssrc,
        fraction_lost: (loss >> 24) as u8,
        // 24 bits with sign.
        cumulative_lost: (loss << 8).cast_signed() >> 8,
        highest_sequence: body.u32()?,
        jitter: body.u32()?,
        last_sender_report: body.u32()?,
        delay_since_last_sender_report: body.u32()?,
    })
}

/// The blocks of an extended report; those that are not of VoIP metrics are read over.
fn extended(body: &mut Reader<'_>) -> Result<Vec<VoipMetrics>, ParseError> {
    let mut voip = Vec::new();
    while !body.0.is_empty() {
        let header = body.u32()?.to_be_bytes();
        let words = u16::from_be_bytes([header[2], header[3]]);
        let mut block = Reader(body.take(usize::from(words) * 4)?);
        if header[0] == VOIP_METRICS && words == VOIP_METRICS_WORDS {
            voip.push(voip_metrics(&mut block)?);
        }
    }
    Ok(voip)
}

fn voip_metrics(block: &mut Reader<'_>) -> Result<VoipMetrics, ParseError> {
    let ssrc = block.u32()?;
    let (loss_rate, discard_rate) = (block.u8()?, block.u8()?);
    // Densities and lengths of bursts and gaps.
    block.take(6)?;
    let (round_trip_ms, end_system_delay_ms) = (block.u16()?, block.u16()?);
    // Levels, echo, Gmin, R factors, MOS of listening.
    block.take(7)?;
    let mos_cq = block.u8()?;
    // Configuration of the receiver, and an octet that is reserved.
    block.take(2)?;
    Ok(VoipMetrics {
        ssrc,
        loss_rate,
        discard_rate,
        round_trip_ms,
        end_system_delay_ms,
        mos_cq,
        buffer_nominal_ms: block.u16()?,
        buffer_max_ms: block.u16()?,
    })
}

/// A source and its items up to the zero octet that ends them, padded to four octets.
fn chunk(body: &mut Reader<'_>) -> Result<(u32, String), ParseError> {
    let before = body.0.len();
    let ssrc = body.u32()?;
    let mut name = String::new();
    loop {
        match body.u8()? {
            0 => break,
            item => {
                let length = usize::from(body.u8()?);
                let value = body.take(length)?;
                if item == CNAME {
                    name = text(value);
                }
            }
        }
    }
    let read = before - body.0.len();
    body.take(read.next_multiple_of(4) - read)?;
    Ok((ssrc, name))
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(ParseError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, ParseError> {
        let (octet, rest) = self.0.split_first().ok_or(ParseError::Truncated)?;
        self.0 = rest;
        Ok(*octet)
    }

    fn u16(&mut self) -> Result<u16, ParseError> {
        let (octets, rest) = self.0.split_first_chunk().ok_or(ParseError::Truncated)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*octets))
    }

    fn u32(&mut self) -> Result<u32, ParseError> {
        let (octets, rest) = self.0.split_first_chunk().ok_or(ParseError::Truncated)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*octets))
    }
}
