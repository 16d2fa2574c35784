//! One telephone and its call.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::stream::Stream;
use super::{Plan, Seen};

/// Until a request is sent again that was not answered.
const REPEAT: Duration = Duration::from_secs(1);
/// Requests that are sent before the node counts as dead.
const REPEATS: u32 = 20;

/// Where the call is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    /// INVITE was sent.
    Calling,
    /// 200 came; the To of the dialog, and when to hang up.
    Talking { to: String, until: Option<Instant> },
    /// BYE was sent.
    Leaving,
}

/// A telephone with its socket for RTP.
pub(super) struct Phone {
    socket: UdpSocket,
    stream: Stream,
    pub(super) state: State,
    pub(super) serial: u64,
    /// The request that is not answered yet.
    pub(super) request: String,
    requested: Instant,
    times: u32,
    length: Option<Duration>,
}

impl Phone {
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            stream: Stream::new(Arc::clone(&plan.voice), plan.encrypted),
            state: State::Calling,
            serial: 0,
            request: String::new(),
            requested: Instant::now(),
            times: 0,
            length: plan.length,
        })
    }

    pub(super) fn port(&self) -> Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// The `a=crypto` of its offer.
    pub(super) fn crypto(&self) -> String {
        self.stream.crypto()
    }

    /// A request leaves, which is to be answered.
    pub(super) fn asks(&mut self, request: String) {
        self.request = request;
        self.requested = Instant::now();
        self.times = 0;
    }

    /// Whether the request is to be sent again.
    pub(super) fn repeats(&mut self) -> bool {
        let waits = !matches!(self.state, State::Talking { .. });
        let again = waits && self.requested.elapsed() > REPEAT;
        if again {
            self.requested = Instant::now();
            self.times += 1;
        }
        again
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.times > REPEATS
    }

    /// The node answered: media goes there.
    pub(super) fn answered(
        &mut self,
        to: &str,
        media: SocketAddr,
        crypto: Option<&str>,
    ) -> Result<()> {
        self.socket.connect(media)?;
        self.stream.answered(crypto)?;
        self.state = State::Talking {
            to: to.to_owned(),
            until: self.length.map(|length| Instant::now() + length),
        };
        Ok(())
    }

    pub(super) fn has_talked_enough(&self) -> bool {
        matches!(self.state, State::Talking { until: Some(until), .. } if until <= Instant::now())
    }

    /// 20 ms.
    pub(super) fn frame(&mut self, seen: &Seen) {
        if matches!(self.state, State::Talking { .. }) {
            self.stream.frame(&self.socket, seen);
        }
    }
}
