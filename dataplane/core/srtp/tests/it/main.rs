//! Facts about SRTP: vectors of others, seeded networks, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod allocation;
mod conformance;
mod dtls;
mod libsrtp;
mod network;
mod protection;
mod refusal;
mod rollover;
mod sdes;

use callplane_srtp::{KeyingMaterial, Profile};

/// The octets of a hexadecimal text.
fn octets(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// A key that is not all the same.
fn keys(profile: Profile, seed: u8) -> KeyingMaterial {
    let octets: Vec<u8> = (0..profile.keying_length() as u8)
        .map(|at| at.wrapping_mul(29) ^ seed)
        .collect();
    KeyingMaterial::new(profile, &octets).unwrap()
}

/// An RTP packet of 172 octets, as those of G.711 are.
fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x55; 160]);
    packet
}

/// A receiver report without blocks and a chunk of a description.
fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x81, 202, 0, 3]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(*b"\x01\x04call\0\0");
    packet
}
