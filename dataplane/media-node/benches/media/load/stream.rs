//! RTP of one phone: speaks for four seconds when the agent has fallen silent.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use callplane_srtp::{CryptoAttribute, KeySource, Profile, Protector, SdesKey, Unprotector};

use super::Seen;

const FRAME: usize = 160;
const HEADER: usize = 12;
/// Silence of the agent after which the caller speaks, in frames.
const PAUSE: u32 = 15;
/// The octets of silence in mu-law.
const SILENCE: [u8; 2] = [0xFF, 0x7F];

/// Both directions.
pub(super) struct Stream {
    voice: Arc<[u8]>,
    /// Where in the voice the caller is; nothing while silent.
    speaking: Option<usize>,
    /// The agent has spoken since the caller did.
    was_asked: bool,
    quiet: u32,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    packet: Vec<u8>,
    crypto: Option<Crypto>,
}

struct Crypto {
    offered: CryptoAttribute,
    protector: Protector,
    opener: Option<Unprotector>,
}

impl Stream {
    pub(super) fn new(voice: Arc<[u8]>, encrypted: bool) -> Self {
        static SSRC: AtomicU32 = AtomicU32::new(1);
        let ssrc = SSRC.fetch_add(1, Ordering::Relaxed);
        Self {
            voice,
            speaking: None,
            was_asked: false,
            quiet: 0,
            sequence: 0,
            timestamp: 0,
            ssrc,
            packet: Vec::with_capacity(256),
            crypto: encrypted.then(|| Crypto::new(ssrc)),
        }
    }

    pub(super) fn crypto(&self) -> String {
        let line = |crypto: &Crypto| format!("a=crypto:{}\r\n", crypto.offered);
        self.crypto.as_ref().map(line).unwrap_or_default()
    }

    pub(super) fn answered(&mut self, crypto: Option<&str>) -> Result<()> {
        if let Some(own) = &mut self.crypto {
            let answer: CryptoAttribute = crypto.context("the answer has no key")?.parse()?;
            own.opener = Some(Unprotector::new(answer.key().material()));
        }
        Ok(())
    }

    /// Sends 20 ms and takes what came.
    pub(super) fn frame(&mut self, socket: &UdpSocket, seen: &Seen) {
        self.build();
        // What the network does not take is lost, and shows in what is received.
        let _ = socket.send(&self.packet);
        let mut buffer = [0; 512];
        let mut spoke = false;
        while let Ok(length) = socket.recv(&mut buffer) {
            seen.received.fetch_add(1, Ordering::Relaxed);
            if self.is_spoken(&mut buffer[..length]) {
                seen.spoken.fetch_add(1, Ordering::Relaxed);
                spoke = true;
            }
        }
        self.quiet = if spoke { 0 } else { self.quiet + 1 };
        self.was_asked |= spoke;
        if self.was_asked && self.quiet >= PAUSE && self.speaking.is_none() {
            (self.speaking, self.was_asked) = (Some(0), false);
        }
    }

    fn build(&mut self) {
        self.packet.clear();
        self.packet.extend_from_slice(&[0x80, 0]);
        self.packet.extend_from_slice(&self.sequence.to_be_bytes());
        self.packet.extend_from_slice(&self.timestamp.to_be_bytes());
        self.packet.extend_from_slice(&self.ssrc.to_be_bytes());
        let said = self.speaking.and_then(|at| self.voice.get(at..at + FRAME));
        self.packet
            .extend_from_slice(said.unwrap_or(&[SILENCE[0]; FRAME]));
        self.speaking = self
            .speaking
            .filter(|_| said.is_some())
            .map(|at| at + FRAME);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        if let Some(crypto) = &mut self.crypto {
            crypto
                .protector
                .protect_rtp(&mut self.packet)
                .expect("a key outlasts every bench");
        }
    }

    fn is_spoken(&mut self, packet: &mut [u8]) -> bool {
        let payload: &[u8] = match &mut self.crypto {
            None => packet,
            Some(crypto) => {
                let opened = crypto
                    .opener
                    .as_mut()
                    .map(|opener| opener.unprotect_rtp(packet));
                match opened {
                    Some(Ok(packet)) => packet,
                    _ => return false,
                }
            }
        };
        let mut octets = payload.iter().skip(HEADER);
        octets.any(|octet| !SILENCE.contains(octet))
    }
}

impl Crypto {
    fn new(ssrc: u32) -> Self {
        let mut seed = [7; 32];
        seed[..4].copy_from_slice(&ssrc.to_be_bytes());
        let key = KeySource::new(seed).draw(Profile::AesCm128HmacSha1Tag80);
        Self {
            protector: Protector::new(&key),
            offered: CryptoAttribute::new(1.try_into().expect("one is a tag"), SdesKey::new(key)),
            opener: None,
        }
    }
}
