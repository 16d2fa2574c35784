//! What a user agent is told once.

use std::net::SocketAddr;
use std::time::Duration;

/// The configuration of a [`crate::UserAgent`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where peers reach this agent over UDP and TCP: goes into Via and Contact, so it must be an
    /// address they can route to, never `0.0.0.0`.
    pub address: SocketAddr,
    /// The product name in `Server` and `User-Agent`.
    pub product: String,
    /// Retransmission timers.
    pub timers: Timers,
    /// What is held at once.
    pub limits: Limits,
    /// Whether [`crate::UserAgent::poll_traced`] gives the messages.
    pub traces: bool,
}

/// The base values of RFC 3261 section 17.1.1.1; every timer of a transaction is made of them.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// Estimate of the round trip; 500 ms.
    pub t1: Duration,
    /// The longest retransmission interval; 4 s.
    pub t2: Duration,
    /// How long a message stays in the network; 5 s.
    pub t4: Duration,
    /// How long a call may ring, in or out, before it is given up; RFC 3261 timer C asks for more
    /// than three minutes.
    pub ringing: Duration,
    /// How long a nonce of ours can be used.
    pub nonce: Duration,
}

/// What is held at once; beyond it requests get 503 with `Retry-After`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions, from INVITE to BYE.
    pub sessions: usize,
    /// Transactions, client and server together. One call needs up to four at a time.
    pub transactions: usize,
    /// TCP connections.
    pub connections: usize,
    /// TCP connections that one address may open, so that a stranger does not take them all.
    pub connections_per_address: usize,
    /// What the 503 asks peers to wait.
    pub retry_after: Duration,
}

impl Config {
    /// The defaults of RFC 3261 and room for a thousand calls.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            product: "Callplane".to_owned(),
            timers: Timers::default(),
            limits: Limits::default(),
            traces: false,
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            ringing: Duration::from_secs(185),
            nonce: Duration::from_secs(60),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 1_000,
            transactions: 8_000,
            connections: 1_000,
            connections_per_address: 100,
            retry_after: Duration::from_secs(5),
        }
    }
}
