//! Symmetric RTP: send to where packets come from, without falling for strangers.

use std::net::SocketAddr;
use std::time::Duration;

use callplane_types::Instant;

/// A stranger must send this many packets in a row before it is believed to be the caller behind a
/// NAT; the signalled address needs one.
const CONFIRMATIONS: u8 = 3;
/// Packets further apart do not count as a row.
const ROW_GAP: Duration = Duration::from_millis(500);
/// Whom nothing came from for so long may have got another address of its NAT.
const SILENCE: Duration = Duration::from_millis(500);

/// Whether to use a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It comes from whom we talk to.
    Accepted,
    /// It does not: drop it. Counted in [`Latch::refused`].
    Refused,
}

/// Decides whose packets are taken and where ours go.
///
/// **Once latched, the remote address changes only by signalling ([`Latch::resignal`]), by what proves more than
/// a packet does ([`Latch::settle`]), or when a NAT gives the far end another one**: the address has fallen silent, and three packets of the very stream that came from it come in a row
/// from another. Who does not see that stream cannot know its SSRC, of 32 random bits (RFC 3550 section 8.1).
///
/// Before, the signalled address wins at once, and an unknown one (a caller behind a NAT signals an address
/// nobody can send from) after three valid packets of one SSRC in a row. The address of before a
/// [`Latch::resignal`] goes on sending for a while: it is latched to again only until the signalled one is
/// heard, or another in a row.
///
/// Show it only packets that parse and carry a negotiated payload type.
#[derive(Debug, Clone)]
pub struct Latch {
    signalled: SocketAddr,
    locked: Option<SocketAddr>,
    /// The SSRC of the last packet that was accepted, and when it came.
    heard: Option<(u32, Instant)>,
    /// Who was latched to before the address in the SDP changed.
    former: Option<SocketAddr>,
    candidate: Option<Candidate>,
    refused: u64,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    address: SocketAddr,
    ssrc: u32,
    packets: u8,
    last_packet: Instant,
}

impl Latch {
    /// Nothing has come; packets go to the address in the SDP.
    #[must_use]
    pub const fn new(signalled: SocketAddr) -> Self {
        Self {
            signalled,
            locked: None,
            heard: None,
            former: None,
            candidate: None,
            refused: 0,
        }
    }

    /// Judges a packet by where it came from.
    pub fn judge(&mut self, now: Instant, from: SocketAddr, ssrc: u32) -> Verdict {
        if self.locked == Some(from) {
            return self.accept(now, ssrc);
        }
        let is_settled = self.locked.is_some() && self.locked != self.former;
        if is_settled && !self.may_have_moved(now, ssrc) {
            return self.refuse();
        }
        // Whom we were latched to is not at the signalled address, or not any more: it needs a row as well.
        if !is_settled && from == self.signalled {
            return self.lock(now, from, ssrc);
        }
        let row = match self.candidate {
            Some(candidate)
                if candidate.address == from
                    && candidate.ssrc == ssrc
                    && now.saturating_since(candidate.last_packet) < ROW_GAP =>
            {
                candidate.packets + 1
            }
            // A running row is not broken by a third party's packets.
            Some(other)
                if other.address != from && now.saturating_since(other.last_packet) < ROW_GAP =>
            {
                return self.refuse();
            }
            _ => 1,
        };
        if row >= CONFIRMATIONS {
            return self.lock(now, from, ssrc);
        }
        self.candidate = Some(Candidate {
            address: from,
            ssrc,
            packets: row,
            last_packet: now,
        });
        self.refuse()
    }

    /// Whether the far end may send from another address by now: its stream comes from one, and from where it came
    /// nothing does.
    fn may_have_moved(&self, now: Instant, ssrc: u32) -> bool {
        self.heard
            .is_some_and(|(heard, at)| ssrc == heard && now.saturating_since(at) >= SILENCE)
    }

    fn accept(&mut self, now: Instant, ssrc: u32) -> Verdict {
        self.heard = Some((ssrc, now));
        Verdict::Accepted
    }

    fn lock(&mut self, now: Instant, address: SocketAddr, ssrc: u32) -> Verdict {
        self.settle(address);
        self.accept(now, ssrc)
    }

    fn refuse(&mut self) -> Verdict {
        self.refused += 1;
        Verdict::Refused
    }

    /// Where packets go: the latched address, or the signalled one until then.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.locked.unwrap_or(self.signalled)
    }

    /// The address in the SDP.
    #[must_use]
    pub const fn signalled(&self) -> SocketAddr {
        self.signalled
    }

    /// Whether somebody has been latched to.
    #[must_use]
    pub const fn is_latched(&self) -> bool {
        self.locked.is_some()
    }

    /// A handshake with whom signalling names proved that they are there: nobody else is latched to.
    pub fn settle(&mut self, address: SocketAddr) {
        self.locked = Some(address);
        if address == self.signalled || Some(address) != self.former {
            self.former = None;
        }
        self.candidate = None;
    }

    /// A re-INVITE or a later answer named an address. The same address changes nothing; another
    /// one starts the search anew.
    pub fn resignal(&mut self, signalled: SocketAddr) {
        if signalled != self.signalled {
            self.signalled = signalled;
            self.former = self.locked.take().or(self.former);
            self.candidate = None;
        }
    }

    /// Packets of strangers so far.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}
