//! What goes into a user agent and what comes out.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::auth::Challenge;
use crate::event::Event;
use crate::message::StatusCode;

/// A session: one call as this agent sees it, from INVITE to its end. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(crate) u64);

/// A TCP connection. Those the agent asks for and those the driver accepts have separate numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

/// The way a message takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// A datagram to, or from, that address.
    Udp(SocketAddr),
    /// An open connection.
    Tcp(ConnectionId),
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Unreliable: requests and final answers are retransmitted.
    Udp,
    /// A stream.
    Tcp,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A datagram arrived.
    Datagram {
        /// Who sent it.
        source: SocketAddr,
        /// What it holds.
        bytes: Bytes,
    },
    /// A connection stands: one the driver accepted, or one the agent asked for.
    StreamOpened {
        /// The connection.
        connection: ConnectionId,
        /// The other end.
        peer: SocketAddr,
    },
    /// A connection delivered bytes, in any portions.
    StreamBytes {
        /// The connection.
        connection: ConnectionId,
        /// What was read.
        bytes: Bytes,
    },
    /// A connection is gone, or could not be made.
    StreamClosed {
        /// The connection.
        connection: ConnectionId,
    },
    /// The network refused to take a message on this path.
    SendFailed {
        /// The path.
        path: Path,
    },
    /// The time that [`crate::UserAgent::next_timeout`] named has come.
    Timeout,
    /// The application wants something of a session. Unknown sessions are ignored: the peer may
    /// have ended it in the same moment.
    Command {
        /// The session.
        session: SessionId,
        /// What it wants.
        command: Command,
    },
    /// Whether new calls are refused with 503 and `OPTIONS` answered with it.
    Drain(bool),
}

/// What the application can do with a session. A command that does not fit the state of the
/// session is ignored: its final [`Event::Ended`] tells how it went.
#[derive(Clone, Debug)]
pub enum Command {
    /// Server: 180, or 183 with early media.
    Ring {
        /// 180 or 183; others are sent as 180.
        status: StatusCode,
        /// Early media, for 183.
        sdp: Option<Bytes>,
    },
    /// Server: 200 with the answer, or with an offer when the INVITE brought none.
    Answer {
        /// The session description.
        sdp: Bytes,
    },
    /// Server: a final failure. The session ends with it.
    Reject {
        /// 300 to 699; others become 500.
        status: StatusCode,
        /// A reason phrase; empty for the usual one.
        reason: String,
        /// When the peer may try again.
        retry_after: Option<Duration>,
    },
    /// Server: a final failure, sent once and forgotten with its transaction: for callers nobody
    /// knows, whose address may be forged and whose INVITEs must not fill the tables. One that did
    /// not get it repeats its INVITE, which is an [`crate::Event::Incoming`] like the first. The
    /// session ends with it.
    TurnAway {
        /// 300 to 699; others become 500.
        status: StatusCode,
    },
    /// Server: 401 with a fresh nonce. The session ends with it; the caller's second try is a
    /// session of its own, with [`crate::IncomingInvite::credentials`].
    Challenge(Challenge),
    /// Both: answers [`Event::Reinvite`] with 200.
    AnswerReinvite {
        /// The answer, or an offer when the re-INVITE brought none.
        sdp: Bytes,
    },
    /// Both: answers [`Event::Reinvite`] with a failure; the session goes on as it was.
    RejectReinvite {
        /// 300 to 699, usually 488.
        status: StatusCode,
    },
    /// Client: CANCEL, or BYE where the answer was faster. [`Event::Ended`] follows when the
    /// callee agreed or stayed silent.
    Cancel,
    /// Both: ends the session whatever its state: BYE, CANCEL, or 480 to an INVITE not answered.
    Hangup,
}

/// What a user agent wants of its driver.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send these bytes.
    Transmit {
        /// On this way.
        path: Path,
        /// One whole message.
        bytes: Bytes,
    },
    /// Open a connection; answer with [`Input::StreamOpened`] or [`Input::StreamClosed`].
    /// Messages for it wait inside the agent until then.
    Connect {
        /// Its name from now on.
        connection: ConnectionId,
        /// The other end.
        peer: SocketAddr,
    },
    /// Close a connection after what was sent on it.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// Tell the application.
    Event {
        /// The session.
        session: SessionId,
        /// What happened in it.
        event: Event,
    },
}

// === impl ConnectionId ===

impl ConnectionId {
    const OUTBOUND: u64 = 1 << 63;

    /// The name of the driver's `n`th accepted connection.
    #[must_use]
    pub const fn accepted(n: u64) -> Self {
        Self(n & !Self::OUTBOUND)
    }

    pub(crate) const fn outbound(n: u64) -> Self {
        Self(n | Self::OUTBOUND)
    }
}

impl Path {
    pub(crate) const fn transport(self) -> Transport {
        match self {
            Self::Udp(_) => Transport::Udp,
            Self::Tcp(_) => Transport::Tcp,
        }
    }
}

impl Transport {
    /// The token in Via.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}
