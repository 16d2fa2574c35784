//! Keys, checks and handshakes of a leg: when media may flow, from whom and to whom.

use std::net::SocketAddr;

use callplane_dtls::{Failure, Keys};
use callplane_rtp::Verdict;
use callplane_sdp::{MediaCrypto, Negotiated, Protection};
use callplane_srtp::Profile;
use callplane_types::Instant;

use super::{FIRST_SEQUENCES, Leg, SSRC_STEP};
use crate::media::shield::Shield;
use crate::media::way::{Outgoing, Port};

/// Datagrams that may wait to be sent; beyond, they are lost, and sent again when nobody answers them.
const MAX_OUTGOING: usize = 32;

// === What was agreed on ===

impl Leg {
    /// Follows how both components are reached. Keys of an association that is none any more go with it.
    pub(super) fn find_ways(&mut self, now: Instant, negotiated: &Negotiated) {
        let dtls = match &negotiated.protection {
            Protection::Dtls(terms) => Some(terms),
            Protection::Plain | Protection::Sdes(_) => None,
        };
        let had_handshake = matches!(self.negotiated.protection, Protection::Dtls(_));
        let (identity, ice) = (&self.identity, negotiated.ice.as_ref());
        if self.media_way.agree(now, identity, ice, dtls) {
            let former = self.shield.take();
            // Keys of descriptions may come again, those of a handshake do not.
            self.rests = former.filter(|_| !had_handshake).or(self.rests.take());
        }
        let own = !negotiated.rtcp_mux;
        let (ice, dtls) = (ice.filter(|_| own), dtls.filter(|_| own));
        if self.control_way.agree(now, identity, ice, dtls) {
            self.control_shield = None;
        }
    }

    /// Follows keys of the descriptions. `moved` says that media goes to another address, where nobody may know our
    /// rollover counter. True where the stream needs another source.
    #[must_use]
    pub(super) fn protect(&mut self, protection: &Protection, moved: bool) -> bool {
        match (&mut self.shield, protection) {
            (Some(shield), Protection::Sdes(crypto)) => shield.agree(crypto.clone()) || moved,
            (shield @ None, Protection::Sdes(crypto)) => {
                *shield = Some(match self.rests.take() {
                    Some(mut before) => {
                        // Another source in any case.
                        let _ = before.agree(crypto.clone());
                        before
                    }
                    None => Shield::new(crypto.clone()),
                });
                true
            }
            (_, Protection::Dtls(_)) => {
                if moved {
                    self.media_way.moved();
                    self.control_way.moved();
                }
                false
            }
            (shield, Protection::Plain) => {
                self.rests = shield.take().or(self.rests.take());
                self.was_plain = true;
                false
            }
        }
    }

    /// The next packet is the first of another stream.
    pub(super) fn change_source(&mut self) {
        let sequence = self.sender.next_sequence() % FIRST_SEQUENCES;
        let ssrc = self.sender.ssrc().wrapping_add(SSRC_STEP);
        self.sender.change_source(ssrc, sequence);
    }

    /// What all media of the leg was encrypted with, if all of it was.
    pub(crate) fn encryption(&self) -> Option<Profile> {
        let shield = self.shield.as_ref().filter(|_| !self.was_plain);
        shield.map(Shield::profile)
    }
}

// === Before there is media ===

impl Leg {
    /// Since when keys are waited for that a handshake brings, if they are.
    pub(crate) fn awaits_keys_since(&self) -> Option<Instant> {
        self.media_way.awaited_since()
    }

    /// Why there will be none.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.media_way.failure()
    }

    /// A datagram that is neither media nor a report.
    pub(crate) fn prelude(&mut self, now: Instant, port: Port, from: SocketAddr, datagram: &[u8]) {
        let known = self.known(port);
        let (way, mut outgoing) = (
            match port {
                Port::Rtp => &mut self.media_way,
                Port::Rtcp => &mut self.control_way,
            },
            Queue(&mut self.outgoing, port),
        );
        let keys = way.handle(now, (from, known), datagram, &mut |to, octets| {
            outgoing.push(to, octets);
        });
        if let Some((whose, keys)) = keys {
            self.keyed(port, whose, keys);
        }
    }

    /// Time passed. `may_begin`: the other side said that it is there, so that a handshake may be begun with it.
    pub(crate) fn advance(&mut self, now: Instant, may_begin: bool) {
        for port in [Port::Rtp, Port::Rtcp] {
            let known = self.known(port);
            let way = match port {
                Port::Rtp => &mut self.media_way,
                Port::Rtcp => &mut self.control_way,
            };
            if may_begin {
                way.begin(now, known);
            }
            let mut outgoing = Queue(&mut self.outgoing, port);
            let keys = way.advance(now, &mut |to, octets| outgoing.push(to, octets));
            if let Some((whose, keys)) = keys {
                self.keyed(port, whose, keys);
            }
        }
    }

    /// The next datagram that is to be sent besides media and reports.
    pub(crate) fn poll_outgoing(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    /// Where signalling, or what came so far, leads.
    fn known(&self, port: Port) -> SocketAddr {
        match port {
            Port::Rtp => self.latch.remote(),
            Port::Rtcp => self.control_latch.remote(&self.latch),
        }
    }

    /// A handshake is through: with whom, and with which keys. **They never were there before.**
    fn keyed(&mut self, port: Port, whose: SocketAddr, keys: Keys) {
        let Keys { local, remote } = keys;
        let shield = Shield::new(MediaCrypto { local, remote });
        match port {
            Port::Rtp => {
                self.shield = Some(shield);
                if !self.media_way.is_checked() {
                    self.latch.settle(whose);
                }
                // The far end counts what is under these keys from zero.
                if self.sender.total_packets() > 0 {
                    self.change_source();
                }
            }
            Port::Rtcp => {
                self.control_shield = Some(shield);
                if !self.control_way.is_checked() {
                    self.control_latch.settle(whose);
                }
            }
        }
    }
}

/// Where outgoing datagrams of a port wait.
struct Queue<'a>(&'a mut std::collections::VecDeque<Outgoing>, Port);

impl Queue<'_> {
    fn push(&mut self, to: SocketAddr, octets: &[u8]) {
        let Self(waiting, port) = self;
        if waiting.len() < MAX_OUTGOING {
            waiting.push_back(Outgoing {
                port: *port,
                to,
                octets: octets.to_vec(),
            });
        }
    }
}

// === Whether, from whom, to whom ===

impl Leg {
    /// Whether media may be sent: it has its keys, if it is to have any, and somewhere to go.
    pub(super) fn may_send(&self) -> bool {
        self.media_way.awaited_since().is_none() && self.media_remote().is_some()
    }

    /// The same of reports.
    pub(super) fn may_report(&self) -> bool {
        let way = match self.control_port() {
            Port::Rtp => &self.media_way,
            Port::Rtcp => &self.control_way,
        };
        way.awaited_since().is_none() && self.control_remote().is_some()
    }

    /// Whether nothing that comes from there is even opened: there are no keys yet, or no check proved the address.
    pub(super) fn is_barred(&self, port: Port, from: SocketAddr) -> bool {
        let way = match port {
            Port::Rtp => &self.media_way,
            Port::Rtcp => &self.control_way,
        };
        way.awaited_since().is_some() || (way.is_checked() && !way.admits(from))
    }

    /// Judges a report by where it came from.
    pub(super) fn judge_report(&mut self, from: SocketAddr, names_stream: bool) -> Verdict {
        let way = match self.control_port() {
            Port::Rtp => &self.media_way,
            Port::Rtcp => &self.control_way,
        };
        if way.is_checked() {
            // It was let through.
            return Verdict::Accepted;
        }
        match self.negotiated.rtcp_mux {
            true if from == self.latch.remote() => Verdict::Accepted,
            true => Verdict::Refused,
            false => self.control_latch.judge(from, &self.latch, names_stream),
        }
    }

    pub(super) fn media_remote(&self) -> Option<SocketAddr> {
        match self.media_way.is_checked() {
            true => self.media_way.remote(),
            false => Some(self.latch.remote()),
        }
    }

    pub(super) fn control_remote(&self) -> Option<SocketAddr> {
        match self.negotiated.rtcp_mux {
            true => self.media_remote(),
            false if self.control_way.is_checked() => self.control_way.remote(),
            false => Some(self.control_latch.remote(&self.latch)),
        }
    }

    pub(super) const fn control_port(&self) -> Port {
        match self.negotiated.rtcp_mux {
            true => Port::Rtp,
            false => Port::Rtcp,
        }
    }
}
