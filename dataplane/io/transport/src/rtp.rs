//! Pairs of UDP sockets for RTP and RTCP.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hands out even RTP ports with the odd RTCP port above (RFC 3550 section 11).
///
/// **A pair is given to one call at a time**, and rests for a while afterwards: late packets of the
/// last caller must not reach the next one.
#[derive(Clone, Debug)]
pub struct PortPool {
    shared: Arc<Shared>,
}

/// Two bound, non-blocking sockets.
#[derive(Debug)]
pub struct MediaSockets {
    /// For RTP, on an even port.
    pub rtp: UdpSocket,
    /// For RTCP, on the port above.
    pub rtcp: UdpSocket,
    /// The right to both ports: keep it as long as the sockets, drop it after them.
    pub lease: Lease,
}

/// Why there are no sockets.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Every pair of the range is in use or rests.
    #[error("no RTP port is free")]
    Exhausted,
}

#[derive(Debug)]
struct Shared {
    address: IpAddr,
    rest: Duration,
    pairs: Mutex<Pairs>,
}

#[derive(Debug)]
struct Pairs {
    /// One entry a pair; where the search starts moves on, so a port comes again late.
    states: Vec<(u16, PairState)>,
    next: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PairState {
    Free,
    Leased,
    RestsUntil(Instant),
}

/// A pair of ports taken out of its pool; dropping it gives them back.
#[derive(Debug)]
pub struct Lease {
    shared: Arc<Shared>,
    index: usize,
}

// === impl PortPool ===

impl PortPool {
    /// A pool over the even ports of a range whose next port is in it too. `rest` is how long a
    /// pair stays unused after a call.
    #[must_use]
    pub fn new(address: IpAddr, ports: RangeInclusive<u16>, rest: Duration) -> Self {
        let last = *ports.end();
        let states = ports
            .filter(|port| port % 2 == 0 && *port < last)
            .map(|port| (port, PairState::Free))
            .collect();
        let shared = Arc::new(Shared {
            address,
            rest,
            pairs: Mutex::new(Pairs { states, next: 0 }),
        });
        Self { shared }
    }

    /// Binds a pair. A port that another process holds is passed over.
    ///
    /// # Errors
    ///
    /// [`PortError::Exhausted`] when no pair can be bound.
    pub fn bind(&self) -> Result<MediaSockets, PortError> {
        let attempts = self.pair_count();
        for _ in 0..attempts {
            let lease = self.lease().ok_or(PortError::Exhausted)?;
            let port = lease.port();
            if let (Ok(rtp), Ok(rtcp)) = (self.socket(port), self.socket(port + 1)) {
                return Ok(MediaSockets { rtp, rtcp, lease });
            }
        }
        Err(PortError::Exhausted)
    }

    /// Pairs in the range, free or not.
    #[must_use]
    pub fn pair_count(&self) -> usize {
        self.shared.pairs().states.len()
    }

    fn socket(&self, port: u16) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind(SocketAddr::new(self.shared.address, port))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    fn lease(&self) -> Option<Lease> {
        let now = Instant::now();
        let mut pairs = self.shared.pairs();
        let count = pairs.states.len();
        let start = pairs.next;
        let index = (0..count)
            .map(|step| (start + step) % count)
            .find(|&index| match pairs.states[index].1 {
                PairState::Free => true,
                PairState::Leased => false,
                PairState::RestsUntil(until) => until <= now,
            })?;
        pairs.states[index].1 = PairState::Leased;
        pairs.next = index + 1;
        let shared = Arc::clone(&self.shared);
        Some(Lease { shared, index })
    }
}

// === impl Shared ===

impl Shared {
    fn pairs(&self) -> MutexGuard<'_, Pairs> {
        // The lock guards plain data that is whole at every step, so a panic elsewhere is no harm.
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Lease ===

impl Lease {
    /// The RTP port, to be offered in SDP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.pairs().states[self.index].0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let until = Instant::now() + self.shared.rest;
        self.shared.pairs().states[self.index].1 = PairState::RestsUntil(until);
    }
}
