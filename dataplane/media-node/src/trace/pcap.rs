//! Packets as a pcap file: the classic form, version 2.4 (draft-ietf-opsawg-pcap), which every reader reads.
//!
//! What we have are the contents of datagrams, so Ethernet, IP and UDP before them are made up: addresses and ports
//! are true, hardware addresses are none, and messages of TCP stand as datagrams, too.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

/// What precedes the packets: times in microseconds, Ethernet.
pub(crate) const FILE_HEADER: usize = 24;
/// Before each packet.
const RECORD_HEADER: usize = 16;
const ETHERNET: usize = 14;
const UDP: usize = 8;
/// The longest that fits an IPv4 packet.
const MOST: usize = 65_535 - 20 - UDP;
const SNAP_LENGTH: u32 = 262_144;
const LINK_TYPE_ETHERNET: u32 = 1;
const UDP_PROTOCOL: u8 = 17;

/// One packet of a capture.
pub(crate) struct Packet {
    pub(crate) at: SystemTime,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) octets: Vec<u8>,
}

/// Writes a file of at most so many octets.
#[derive(Debug)]
pub(crate) struct PcapWriter {
    written: u64,
    most: u64,
}

impl PcapWriter {
    pub(crate) fn new(most: u64) -> Self {
        Self { written: 0, most }
    }

    /// Octets so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The beginning of the file.
    pub(crate) fn begin(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FILE_HEADER);
        out.extend(0xA1B2_C3D4_u32.to_le_bytes());
        out.extend(2_u16.to_le_bytes());
        out.extend(4_u16.to_le_bytes());
        // Time zone and accuracy, which nobody writes.
        out.extend([0; 8]);
        out.extend(SNAP_LENGTH.to_le_bytes());
        out.extend(LINK_TYPE_ETHERNET.to_le_bytes());
        self.written += out.len() as u64;
        out
    }

    /// Appends a packet; false, and nothing, if the file would be too large.
    pub(crate) fn write(&mut self, packet: &Packet, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        let octets = &packet.octets[..packet.octets.len().min(MOST)];
        let since = packet.at.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        let (from, to) = (packet.from, packet.to);
        let ip = ip_header(from.ip(), to.ip(), UDP + octets.len());
        let length = (ETHERNET + ip.octets.len() + UDP + octets.len()) as u32;
        if self.written + u64::from(length) + RECORD_HEADER as u64 > self.most {
            return false;
        }
        out.extend((since.as_secs() as u32).to_le_bytes());
        out.extend(since.subsec_micros().to_le_bytes());
        out.extend(length.to_le_bytes());
        out.extend(length.to_le_bytes());
        out.extend([0; 12]);
        out.extend(ip.ether_type.to_be_bytes());
        out.extend(&ip.octets);
        let mut udp = [0; UDP];
        udp[..2].copy_from_slice(&from.port().to_be_bytes());
        udp[2..4].copy_from_slice(&to.port().to_be_bytes());
        udp[4..6].copy_from_slice(&((UDP + octets.len()) as u16).to_be_bytes());
        let sum = udp_checksum(&ip.pseudo, &udp, octets);
        udp[6..].copy_from_slice(&sum.to_be_bytes());
        out.extend(udp);
        out.extend(octets);
        self.written += (out.len() - before) as u64;
        true
    }
}

struct IpHeader {
    ether_type: u16,
    octets: Vec<u8>,
    /// What the checksum of UDP covers of it (RFC 768, RFC 8200 section 8.1).
    pseudo: Vec<u8>,
}

/// Addresses of both families become those of IPv6 (RFC 4291 section 2.5.5.2).
fn ip_header(from: IpAddr, to: IpAddr, payload: usize) -> IpHeader {
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) {
        let mut octets = vec![0x45, 0];
        octets.extend((20 + payload as u16).to_be_bytes());
        // No identification, not to be fragmented, 64 hops.
        octets.extend([0, 0, 0x40, 0, 64, UDP_PROTOCOL, 0, 0]);
        octets.extend(from.octets());
        octets.extend(to.octets());
        let sum = checksum(sum_of(&octets));
        octets[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut pseudo = octets[12..].to_vec();
        pseudo.extend([0, UDP_PROTOCOL]);
        pseudo.extend((payload as u16).to_be_bytes());
        return IpHeader {
            ether_type: 0x0800,
            octets,
            pseudo,
        };
    }
    let six = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    let mut octets = vec![0x60, 0, 0, 0];
    octets.extend((payload as u16).to_be_bytes());
    octets.extend([UDP_PROTOCOL, 64]);
    octets.extend(six(from));
    octets.extend(six(to));
    let mut pseudo = octets[8..].to_vec();
    pseudo.extend((payload as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, UDP_PROTOCOL]);
    IpHeader {
        ether_type: 0x86DD,
        octets,
        pseudo,
    }
}

fn udp_checksum(pseudo: &[u8], udp: &[u8], octets: &[u8]) -> u16 {
    match checksum(sum_of(pseudo) + sum_of(udp) + sum_of(octets)) {
        // Zero would say that there is none.
        0 => 0xFFFF,
        sum => sum,
    }
}

/// The sum of the words (RFC 1071); an odd octet is the upper half of one.
fn sum_of(octets: &[u8]) -> u64 {
    let words = octets.chunks(2);
    words
        .map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)))
        .sum()
}

fn checksum(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn packet(from: &str, to: &str, octets: &[u8]) -> Packet {
        Packet {
            at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_007),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            octets: octets.to_vec(),
        }
    }

    /// The example of many textbooks: an IPv4 header whose checksum is known.
    #[test]
    fn checksums_are_those_of_rfc_1071() {
        let header = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xC0, 0xA8, 0, 1, 0xC0, 0xA8, 0,
            0xC7,
        ];
        assert_eq!(checksum(sum_of(&header)), 0xB861);
    }

    #[test]
    fn a_file_is_as_long_as_it_says_and_no_longer_than_it_may_be() {
        let mut writer = PcapWriter::new(24 + 2 * (16 + 14 + 20 + 8 + 100));
        let mut file = writer.begin();
        assert_eq!(file.len(), FILE_HEADER);
        let one = packet("192.0.2.1:5060", "192.0.2.2:5060", &[7; 100]);
        assert!(writer.write(&one, &mut file));
        assert!(writer.write(&one, &mut file));
        let full = file.len();
        assert!(!writer.write(&one, &mut file));
        assert_eq!((file.len(), writer.written()), (full, full as u64));
    }

    #[test]
    fn addresses_of_both_families_are_written() {
        let mut writer = PcapWriter::new(u64::MAX);
        let mut out = Vec::new();
        assert!(writer.write(&packet("[2001:db8::1]:1", "192.0.2.2:2", b"x"), &mut out));
        assert_eq!(out[RECORD_HEADER + 12..][..2], [0x86, 0xDD]);
        assert_eq!(out.len(), RECORD_HEADER + ETHERNET + 40 + UDP + 1);
    }
}
