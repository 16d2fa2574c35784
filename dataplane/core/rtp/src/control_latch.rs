//! Symmetric RTCP (RFC 4961): reports are taken from the party whose media is taken.

use std::net::SocketAddr;

use crate::latch::{Latch, Verdict};

/// Decides whose RTCP is taken and where ours goes.
///
/// RTCP is taken from the address that signalling and the [`Latch`] of the media lead to, or, since
/// a NAT gives RTCP a port of its own, from another port of the latched host when the report names
/// the SSRC of its stream. **The first address taken is the only one until signalling names
/// another, or the media comes from another ([`ControlLatch::follow`])**.
#[derive(Debug, Clone)]
pub struct ControlLatch {
    signalled: SocketAddr,
    locked: Option<SocketAddr>,
    refused: u64,
}

impl ControlLatch {
    /// Nothing has come; reports go to the address in the SDP.
    #[must_use]
    pub const fn new(signalled: SocketAddr) -> Self {
        Self {
            signalled,
            locked: None,
            refused: 0,
        }
    }

    /// Judges a datagram by where it came from. `media` has judged the packets of the same call;
    /// `names_stream` tells whether the report is by the SSRC whose media is received.
    pub fn judge(&mut self, from: SocketAddr, media: &Latch, names_stream: bool) -> Verdict {
        let accepted = match self.locked {
            Some(locked) => from == locked,
            None => {
                let same_host = media.is_latched() && from.ip() == media.remote().ip();
                from == self.remote(media) || (same_host && names_stream)
            }
        };
        if !accepted {
            self.refused += 1;
            return Verdict::Refused;
        }
        self.locked = Some(from);
        Verdict::Accepted
    }

    /// Where reports go: to who sends them, else to the signalled address. A caller behind a NAT
    /// signals an address nobody can reach; the port above its media is the best guess then.
    #[must_use]
    pub fn remote(&self, media: &Latch) -> SocketAddr {
        let latched = media.remote();
        match self.locked {
            Some(locked) => locked,
            None if latched.ip() == media.signalled().ip() => self.signalled,
            None => SocketAddr::new(latched.ip(), latched.port().saturating_add(1)),
        }
    }

    /// A handshake with whom signalling names proved that they are there.
    pub fn settle(&mut self, address: SocketAddr) {
        self.locked = Some(address);
    }

    /// A re-INVITE or a later answer named an address. The same address changes nothing.
    pub fn resignal(&mut self, signalled: SocketAddr) {
        if signalled != self.signalled {
            self.signalled = signalled;
            self.locked = None;
        }
    }

    /// The media comes from another address than before: so will the reports.
    pub fn follow(&mut self) {
        self.locked = None;
    }

    /// Datagrams of strangers so far.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}
