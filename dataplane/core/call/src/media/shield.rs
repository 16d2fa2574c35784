//! SRTP of one leg: what is sent is protected, what comes is opened or refused.

use callplane_sdp::MediaCrypto;
use callplane_srtp::{KeyingMaterial, Position, Profile, Protector, Unprotector};

/// Room for the largest datagram, so that opening allocates nothing.
const DATAGRAM_ROOM: usize = 2048;

/// Both directions of an encrypted leg. **What runs under a key goes on for as long as the key is
/// agreed on**, with its rollover counters and its replay window: a key that is set up twice would
/// protect two packets alike, or take a packet twice.
///
/// After a new key of the far end there is a while in which packets under the old one arrive, and
/// some far ends begin to count at zero where RFC 3711 section 3.3.1 lets the rollover counter go
/// on. Until a packet says which it is, each is tried: as going on, as begun anew, as before.
#[derive(Debug)]
pub(crate) struct Shield {
    crypto: MediaCrypto,
    protector: Protector,
    opener: Unprotector,
    /// The key of `opener`.
    opens: KeyingMaterial,
    /// Under the new key, going on and begun anew; empty when `opener` has it.
    candidates: Vec<Unprotector>,
    scratch: Vec<u8>,
}

impl Shield {
    pub(crate) fn new(crypto: MediaCrypto) -> Self {
        Self {
            protector: Protector::new(&crypto.local),
            opener: Unprotector::new(&crypto.remote),
            opens: crypto.remote.clone(),
            candidates: Vec::new(),
            scratch: Vec::with_capacity(DATAGRAM_ROOM),
            crypto,
        }
    }

    pub(crate) const fn profile(&self) -> Profile {
        self.crypto.profile()
    }

    /// Follows what was agreed on. True where a key is another, ours or theirs: the stream must take an SSRC
    /// that it never had before it sends on. With ours it may not repeat a keystream; with theirs the far end may
    /// be one that never knew our rollover counter (RFC 4568 section 7.1.4), and that of a new source is 0.
    #[must_use]
    pub(crate) fn agree(&mut self, crypto: MediaCrypto) -> bool {
        let is_other_end = crypto.remote != self.crypto.remote;
        if is_other_end {
            self.candidates.clear();
            if crypto.remote != self.opens {
                // Control packets have their whole index in them, and it may begin anew. Nothing was heard
                // under the new key that could be heard again.
                let positions = self.opener.positions().map(|position| Position {
                    rtcp_index: None,
                    ..position
                });
                let resumed = Unprotector::resume(&crypto.remote, positions);
                self.candidates.extend(resumed);
                self.candidates.push(Unprotector::new(&crypto.remote));
            }
        }
        let is_new = crypto.local != self.crypto.local;
        if is_new {
            self.protector = Protector::new(&crypto.local);
        }
        self.crypto = crypto;
        is_new || is_other_end
    }

    /// Makes the packet one that may be sent; false where it may not.
    pub(crate) fn protect_rtp(&mut self, packet: &mut Vec<u8>) -> bool {
        self.protector.protect_rtp(packet).is_ok()
    }

    /// As [`Shield::protect_rtp`].
    pub(crate) fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> bool {
        self.protector.protect_rtcp(packet).is_ok()
    }

    /// The length of the RTP packet that the datagram then begins with, if it is authentic and new.
    pub(crate) fn open_rtp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        for place in 0..self.candidates.len() {
            self.scratch.clear();
            self.scratch.extend_from_slice(datagram);
            if let Ok(packet) = self.candidates[place].unprotect_rtp(&mut self.scratch) {
                let length = packet.len();
                datagram[..length].copy_from_slice(packet);
                self.opener = self.candidates.swap_remove(place);
                self.opens = self.crypto.remote.clone();
                self.candidates.clear();
                return Some(length);
            }
        }
        let packet = self.opener.unprotect_rtp(datagram).ok()?;
        Some(packet.len())
    }

    /// As [`Shield::open_rtp`]. A control packet has its whole index in it, so it says nothing about
    /// how the far end counts media.
    pub(crate) fn open_rtcp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        if let Some(candidate) = self.candidates.first_mut() {
            self.scratch.clear();
            self.scratch.extend_from_slice(datagram);
            if let Ok(packet) = candidate.unprotect_rtcp(&mut self.scratch) {
                let length = packet.len();
                datagram[..length].copy_from_slice(packet);
                return Some(length);
            }
        }
        let packet = self.opener.unprotect_rtcp(datagram).ok()?;
        Some(packet.len())
    }
}
