//! Where a component is (RFC 8839 section 5.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A part of the media that has an address of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// RTP, and RTCP where both share a port.
    Rtp,
    /// RTCP.
    Rtcp,
}

impl Component {
    /// Its number (RFC 8445 section 5.1.1.1).
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Rtp => 1,
            Self::Rtcp => 2,
        }
    }
}

/// A candidate over UDP: all of it that matters to who sends no checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The number of its component.
    pub component: u16,
    /// Where it is.
    pub address: SocketAddr,
}

impl Candidate {
    /// An address of this host.
    #[must_use]
    pub const fn host(component: Component, address: SocketAddr) -> Self {
        Self {
            component: component.number(),
            address,
        }
    }

    /// Reads the value of `a=candidate`; nothing of TCP, of names (`.local`) and of what is malformed.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let _foundation = words.next()?;
        let component = words.next()?.parse().ok()?;
        let transport = words.next()?;
        let _priority = words.next()?;
        let ip: IpAddr = words.next()?.parse().ok()?;
        let port = words.next()?.parse().ok()?;
        transport.eq_ignore_ascii_case("UDP").then_some(Self {
            component,
            address: SocketAddr::new(ip, port),
        })
    }

    /// Of a host with one address (RFC 8445 section 5.1.2.1).
    const fn priority(self) -> u32 {
        (126 << 24) | (65_535 << 8) | (256 - self.component as u32)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "1 {} UDP {} {} {} typ host",
            self.component,
            self.priority(),
            self.address.ip(),
            self.address.port()
        )
    }
}
