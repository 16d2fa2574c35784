//! The way out: paths, connections, timers and the queue of outputs, shared by all layers.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callplane_types::Instant;

use crate::config::Config;
use crate::counters::Counters;
use crate::event::Event;
use crate::input::{ConnectionId, Output, Path, SessionId};
use crate::message::{Framed, StreamReader};
use crate::trace::{self, Heading, Traced};
use crate::transaction::{Schedule, Timer, TransactionId};

/// The messages that may wait for a connection to open.
const PENDING_MESSAGES: usize = 64;
/// Traced messages that may wait to be taken; beyond it the oldest go.
const TRACED: usize = 256;

pub(crate) struct Link {
    pub(crate) config: Config,
    pub(crate) now: Instant,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) schedule: Schedule<TimerKey>,
    pub(crate) counters: Counters,
    pub(crate) traced: VecDeque<Traced>,
    streams: HashMap<ConnectionId, Stream>,
    dialed: u64,
}

/// Whose timer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    Transaction(TransactionId, Timer),
    Session(SessionId, SessionTimer),
}

/// The timers of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum SessionTimer {
    /// Rings too long.
    Ringing,
    /// Our 200 again: T1, doubling up to T2, until the ACK (RFC 3261 section 13.3.1.4).
    RepeatOk,
    /// No ACK for our 200: 64 T1.
    NoAck,
    /// No final answer after our CANCEL: 64 T1 (RFC 3261 section 9.1).
    CancelUnanswered,
}

struct Stream {
    peer: SocketAddr,
    reader: StreamReader,
    open: bool,
    waiting: Vec<Bytes>,
}

impl Link {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            now: Instant::ZERO,
            outputs: VecDeque::new(),
            schedule: Schedule::default(),
            counters: Counters::default(),
            traced: VecDeque::new(),
            streams: HashMap::new(),
            dialed: 0,
        }
    }

    pub(crate) fn event(&mut self, session: SessionId, event: Event) {
        self.outputs.push_back(Output::Event { session, event });
    }

    pub(crate) fn set_timer(&mut self, key: TimerKey, after: Duration) {
        self.schedule.set(key, self.now + after);
    }

    /// Sends, or keeps for a connection that is being opened. What is for a closed connection is
    /// dropped: its transaction has been told.
    pub(crate) fn transmit(&mut self, path: Path, bytes: Bytes) {
        if let Path::Tcp(connection) = path {
            let Some(stream) = self.streams.get_mut(&connection) else {
                return;
            };
            if !stream.open {
                match stream.waiting.len() < PENDING_MESSAGES {
                    true => stream.waiting.push(bytes),
                    false => self.counters.unsent += 1,
                }
                return;
            }
        }
        self.put_out(path, bytes);
    }

    fn put_out(&mut self, path: Path, bytes: Bytes) {
        self.counters.sent(&bytes);
        self.trace(Heading::Sent, path, &bytes);
        self.outputs.push_back(Output::Transmit { path, bytes });
    }

    /// Keeps a message for [`crate::UserAgent::poll_traced`], if anybody asked for it.
    pub(crate) fn trace(&mut self, heading: Heading, path: Path, bytes: &Bytes) {
        if !self.config.traces {
            return;
        }
        let Some((peer, call_id)) = self.peer(path).zip(trace::call_id(bytes)) else {
            return;
        };
        if self.traced.len() == TRACED {
            self.traced.pop_front();
        }
        self.traced.push_back(Traced {
            at: self.now,
            heading,
            peer,
            transport: path.transport(),
            call_id,
            bytes: bytes.clone(),
        });
    }

    /// The octets of the message that [`Link::next_framed`] gave last, once.
    pub(crate) fn last_message(&mut self, connection: ConnectionId) -> Bytes {
        let stream = self.streams.get_mut(&connection);
        stream.map_or_else(Bytes::new, |stream| stream.reader.last_message())
    }

    /// A connection to that peer: an open one, or a new one. `None`: there are as many as may be;
    /// peers name addresses too, in Contact and Record-Route.
    pub(crate) fn connection_to(&mut self, peer: SocketAddr) -> Option<ConnectionId> {
        let existing = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.peer == peer)
            .map(|(connection, _)| *connection)
            .min();
        if existing.is_some() {
            return existing;
        }
        if self.streams.len() >= self.config.limits.connections {
            return None;
        }
        self.dialed += 1;
        let connection = ConnectionId::outbound(self.dialed);
        self.streams.insert(connection, Stream::new(peer, false));
        self.outputs.push_back(Output::Connect { connection, peer });
        Some(connection)
    }

    /// Whether messages can take this path.
    pub(crate) fn is_usable(&self, path: Path) -> bool {
        match path {
            Path::Udp(_) => true,
            Path::Tcp(connection) => self.streams.contains_key(&connection),
        }
    }

    /// The other end of a path.
    pub(crate) fn peer(&self, path: Path) -> Option<SocketAddr> {
        match path {
            Path::Udp(peer) => Some(peer),
            Path::Tcp(connection) => self.streams.get(&connection).map(|stream| stream.peer),
        }
    }

    pub(crate) fn stream_opened(&mut self, connection: ConnectionId, peer: SocketAddr) {
        if let Some(stream) = self.streams.get_mut(&connection) {
            stream.open = true;
            for bytes in std::mem::take(&mut stream.waiting) {
                self.put_out(Path::Tcp(connection), bytes);
            }
        } else if self.admits(peer) {
            self.streams.insert(connection, Stream::new(peer, true));
        } else {
            self.outputs.push_back(Output::Close { connection });
        }
    }

    /// Whether there is room for a connection that `peer` has opened.
    fn admits(&self, peer: SocketAddr) -> bool {
        let limits = &self.config.limits;
        let same = |stream: &&Stream| stream.peer.ip() == peer.ip();
        self.streams.len() < limits.connections
            && self.streams.values().filter(same).count() < limits.connections_per_address
    }

    pub(crate) fn stream_closed(&mut self, connection: ConnectionId) {
        self.streams.remove(&connection);
    }

    /// Takes bytes of a stream; [`Link::next_framed`] gives what they complete.
    pub(crate) fn stream_bytes(&mut self, connection: ConnectionId, bytes: &[u8]) {
        if let Some(stream) = self.streams.get_mut(&connection) {
            stream.reader.push(bytes);
        }
    }

    pub(crate) fn next_framed(&mut self, connection: ConnectionId) -> Option<Framed> {
        self.streams.get_mut(&connection)?.reader.next()
    }

    /// Closes a connection from our side.
    pub(crate) fn close(&mut self, connection: ConnectionId) {
        if self.streams.remove(&connection).is_some() {
            self.outputs.push_back(Output::Close { connection });
        }
    }
}

impl Stream {
    fn new(peer: SocketAddr, open: bool) -> Self {
        Self {
            peer,
            reader: StreamReader::default(),
            open,
            waiting: Vec::new(),
        }
    }
}
