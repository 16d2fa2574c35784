//! The driver of the SIP user agent.
//!
//! [`bind`] starts one task that owns the agent, its UDP socket, its TCP listener and every
//! connection. **Every queue is bounded, and what happens when one is full is decided here:** a
//! session whose events nobody takes is hung up, a connection that does not take our bytes is
//! closed, a connection that sends faster than we read waits in its own socket, and calls that
//! nobody takes from [`Incoming`] are refused with 503.

mod driver;
mod handle;
mod stats;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use callplane_sip::{Config, UserAgent};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, watch};

pub use handle::{
    Incoming, IncomingCall, InviteError, NotSent, Seen, Session, SessionHandle, SipHandle, Stopped,
    Tracing,
};
pub use stats::{Dropped, Stats};

use driver::{Driver, Queues};

/// How long a connection may be silent. Longer than calls usually last, because a caller behind a
/// NAT can be reached on its own connection only.
const TCP_IDLE: Duration = Duration::from_secs(30 * 60);
/// Requests of handles that wait for the task.
const REQUESTS: usize = 256;
/// Calls that wait to be taken from [`Incoming`].
const INCOMING: usize = 64;
/// Messages that wait to be taken from [`Tracing`]; what is beyond it is left out of traces.
const TRACED: usize = 1_024;

/// Binds UDP and TCP on one port and starts the task. `config.address` is what peers are told; its
/// port 0 means the port that was bound.
///
/// # Errors
///
/// Those of binding: the port is taken, or the address is not of this machine.
pub async fn bind(
    listen: SocketAddr,
    config: Config,
    seed: [u8; 32],
) -> io::Result<(SipHandle, Incoming)> {
    start(listen, config, seed, TCP_IDLE).await
}

/// [`bind`] with another patience for silent connections.
///
/// # Errors
///
/// As [`bind`].
pub async fn start(
    listen: SocketAddr,
    mut config: Config,
    seed: [u8; 32],
    tcp_idle: Duration,
) -> io::Result<(SipHandle, Incoming)> {
    let (udp, tcp) = bind_both(listen).await?;
    let local = udp.local_addr()?;
    if config.address.port() == 0 {
        config.address.set_port(local.port());
    }
    let (requests, from_handles) = mpsc::channel(REQUESTS);
    let (calls, incoming) = mpsc::channel(INCOMING);
    let (told, stats) = watch::channel(Stats::default());
    let queues = Queues {
        handles: requests.downgrade(),
        calls,
        stats: told,
    };
    let (traces, traced) = mpsc::channel(TRACED);
    let traces = config.traces.then_some(traces);
    let agent = UserAgent::new(config, seed);
    let driver = Driver::new(agent, udp, tcp, tcp_idle, queues, traces);
    tokio::spawn(driver.run(from_handles));
    let handle = SipHandle {
        requests,
        local,
        stats,
    };
    let incoming = Incoming {
        calls: incoming,
        tracing: Some(Tracing { traced }),
    };
    Ok((handle, incoming))
}

/// Both transports on one port; with port 0, on one that is free for both.
async fn bind_both(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    const ATTEMPTS: usize = 20;
    let mut attempt = 0;
    loop {
        let udp = UdpSocket::bind(listen).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if listen.port() != 0 || attempt == ATTEMPTS => return Err(error),
            Err(_) => attempt += 1,
        }
    }
}
