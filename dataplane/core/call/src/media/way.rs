//! One component of a leg: checks and handshakes, before there is media.

use std::net::SocketAddr;

use callplane_dtls::{Failure, Identity, Keys};
use callplane_ice::LiteAgent;
use callplane_rtp::{Datagram, classify};
use callplane_sdp::{DtlsTerms, IceTerms};
use callplane_types::Instant;

use super::handshakes::{Arrived, Handshakes};

/// What is sent besides media and reports: answers to checks, and handshakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The port that it leaves.
    pub port: Port,
    /// Where it goes.
    pub to: SocketAddr,
    /// The datagram.
    pub octets: Vec<u8>,
}

/// A port of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Port {
    /// That of RTP, and of what shares it.
    Rtp,
    /// The one above.
    Rtcp,
}

/// How one component is reached, where that takes more than to know its address. **Nothing here is touched by a packet
/// of media but the question whether it is taken.**
#[derive(Debug, Default)]
pub(crate) struct Way {
    ice: Option<LiteAgent>,
    dtls: Option<Box<Handshakes>>,
}

/// In place of an address where checks say which it is: one association for all that they prove.
const CHECKED: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

impl Way {
    /// Follows what was agreed on. True where the association is another: the keys of before are none any more.
    #[must_use]
    pub(crate) fn agree(
        &mut self,
        now: Instant,
        identity: &Identity,
        ice: Option<&IceTerms>,
        dtls: Option<&DtlsTerms>,
    ) -> bool {
        match (&mut self.ice, ice) {
            (Some(agent), Some(terms)) => agent.restart(terms.ours.clone(), &terms.theirs),
            (agent, terms) => {
                *agent = terms.map(|terms| LiteAgent::new(terms.ours.clone(), &terms.theirs));
            }
        }
        if self.dtls.as_deref().map(Handshakes::terms) == dtls {
            return false;
        }
        self.dtls = dtls.map(|terms| Box::new(Handshakes::new(now, identity, terms.clone())));
        true
    }

    /// The other side has moved, by signalling.
    pub(crate) fn moved(&mut self) {
        if let (None, Some(dtls)) = (&self.ice, &mut self.dtls) {
            dtls.reopen();
        }
    }

    /// Whether checks decide who is heard.
    pub(crate) const fn is_checked(&self) -> bool {
        self.ice.is_some()
    }

    /// Whether a check has proved the address.
    pub(crate) fn admits(&self, from: SocketAddr) -> bool {
        self.ice.as_ref().is_some_and(|agent| agent.admits(from))
    }

    /// Where the checks lead; nowhere before the first.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.ice.as_ref().and_then(LiteAgent::remote)
    }

    /// Since when keys of a handshake are waited for, if they are.
    pub(crate) fn awaited_since(&self) -> Option<Instant> {
        self.dtls.as_deref().and_then(Handshakes::awaited_since)
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.dtls.as_deref().and_then(Handshakes::failure)
    }

    /// As the client of a handshake: begins it, if there is somebody to begin it with. `known` is where signalling
    /// leads.
    pub(crate) fn begin(&mut self, now: Instant, known: SocketAddr) {
        let to = match &self.ice {
            None => Some(known),
            Some(agent) => agent.remote().map(|_| CHECKED),
        };
        if let (Some(dtls), Some(to)) = (&mut self.dtls, to) {
            dtls.begin(now, to);
        }
    }

    /// A datagram that is neither media nor a report. Gives keys, once there are any, and whose they are. `known` is
    /// where signalling, or the media so far, leads.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        (from, known): (SocketAddr, SocketAddr),
        datagram: &[u8],
        send: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> Option<(SocketAddr, Keys)> {
        match (classify(datagram), &mut self.ice, &mut self.dtls) {
            (Datagram::Stun, Some(agent), _) => {
                let mut answer = Vec::new();
                if agent.handle(from, datagram, &mut answer).is_some() {
                    send(from, &answer);
                }
                None
            }
            (Datagram::Dtls, None, Some(dtls)) => {
                let arrived = Arrived {
                    from,
                    octets: datagram,
                    is_expected: from == known,
                };
                let keys = dtls.handle(now, arrived, &mut |octets| send(from, octets));
                keys.map(|keys| (from, keys))
            }
            (Datagram::Dtls, Some(agent), Some(dtls)) if agent.admits(from) => {
                let to = agent.remote().unwrap_or(from);
                let arrived = Arrived {
                    from: CHECKED,
                    octets: datagram,
                    is_expected: true,
                };
                let keys = dtls.handle(now, arrived, &mut |octets| send(to, octets));
                keys.map(|keys| (to, keys))
            }
            _ => None,
        }
    }

    /// Time passed.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> Option<(SocketAddr, Keys)> {
        let checked = self.remote();
        let dtls = self.dtls.as_mut()?;
        dtls.advance(now, &mut |with, octets| match with == CHECKED {
            true => checked.into_iter().for_each(|to| send(to, octets)),
            false => send(with, octets),
        })
    }
}
