//! Media as others may see it: who sent how much when, and nothing of what was said.

use crate::rtcp::{is_report, reporter};

const VERSION_2: u8 = 2;

/// Empties the payload of an RTP packet, keys that were pressed included; its header stays (RFC 3550 section 5.1).
/// What is no RTP is emptied.
pub fn mask_rtp(packet: &mut [u8]) {
    let header = header_of(packet).unwrap_or(0);
    packet[header..].fill(0);
}

fn header_of(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != VERSION_2 {
        return None;
    }
    let mut header = 12 + 4 * usize::from(first & 0x0F);
    if first & 0x10 != 0 {
        let length = packet.get(header + 2..header + 4)?;
        header += 4 + 4 * usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
    (header <= packet.len()).then_some(header)
}

/// Leaves the reports of a compound; of other packets, such as the names of SDES, the header. What does not read
/// is emptied, and so is what is encrypted, but for who sent it.
pub fn mask_rtcp(compound: &mut [u8]) {
    if reporter(compound).is_none() {
        compound.fill(0);
        return;
    }
    let mut at = 0;
    while let Some([first, kind, high, low]) = compound.get(at..at + 4) {
        let (kind, length) = (
            *kind,
            4 + 4 * usize::from(u16::from_be_bytes([*high, *low])),
        );
        if first >> 6 != VERSION_2 || at + length > compound.len() {
            break;
        }
        if !is_report(kind) {
            compound[at + 4..at + length].fill(0);
        }
        at += length;
    }
    compound[at..].fill(0);
}
