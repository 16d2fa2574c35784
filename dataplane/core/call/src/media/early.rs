//! Handshakes that begin before the answer to our offer is there.

use std::net::SocketAddr;

use callplane_types::Instant;

use super::handshakes::is_client_hello;
use super::{Leg, Port};

/// The last beginning of a handshake on each port. Who answers us may begin at once (RFC 5763 section 5), and media
/// often has the shorter way: what is not kept comes again after a second, in which nobody hears anybody.
#[derive(Debug, Default)]
pub(crate) struct Early {
    rtp: Option<Hello>,
    rtcp: Option<Hello>,
}

/// From where, and what.
type Hello = (SocketAddr, Vec<u8>);

impl Early {
    /// Keeps a datagram that begins a handshake; what is there of another one gives way.
    pub(crate) fn keep(&mut self, port: Port, from: SocketAddr, datagram: &[u8]) {
        if is_client_hello(datagram) {
            *self.of(port) = Some((from, datagram.to_vec()));
        }
    }

    /// Hands over what was kept, as if it came only now.
    pub(crate) fn hand_to(&mut self, now: Instant, leg: &mut Leg) {
        for port in [Port::Rtp, Port::Rtcp] {
            if let Some((from, datagram)) = self.of(port).take() {
                leg.prelude(now, port, from, &datagram);
            }
        }
    }

    const fn of(&mut self, port: Port) -> &mut Option<Hello> {
        match port {
            Port::Rtp => &mut self.rtp,
            Port::Rtcp => &mut self.rtcp,
        }
    }
}
