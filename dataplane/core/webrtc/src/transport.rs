//! Where datagrams come from and go to.

use std::net::SocketAddr;

use str0m::Candidate;
use str0m::net::{Protocol, TcpType};

/// What carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram of UDP each.
    Udp,
    /// A stream of frames (RFC 4571), which the browser opened: ICE over TCP (RFC 6544).
    Tcp,
}

/// A transport address: what RFC 8445 section 4 means by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransportAddress {
    /// The protocol.
    pub transport: Transport,
    /// Address and port.
    pub address: SocketAddr,
}

impl TransportAddress {
    /// One of UDP.
    #[must_use]
    pub const fn udp(address: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            address,
        }
    }

    /// One of TCP.
    #[must_use]
    pub const fn tcp(address: SocketAddr) -> Self {
        Self {
            transport: Transport::Tcp,
            address,
        }
    }
}

impl Transport {
    pub(crate) const fn to_ice(self) -> Protocol {
        match self {
            Self::Udp => Protocol::Udp,
            Self::Tcp => Protocol::Tcp,
        }
    }
}

impl TransportAddress {
    /// What the other side is told of an address of ours.
    pub(crate) fn candidate(self) -> Option<Candidate> {
        let Self { transport, address } = self;
        let candidate = Candidate::builder();
        let made = match transport {
            Transport::Udp => candidate.udp().host(address).build(),
            Transport::Tcp => candidate
                .tcp()
                .host(address)
                .tcptype(TcpType::Passive)
                .build(),
        };
        // An address that is none, such as 0.0.0.0, is not offered.
        made.ok()
    }
}
