//! The TCP port of a thread: browsers whose network lets no UDP through (RFC 6544, passive).

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use callplane_types::Instant;
use callplane_webrtc::{Deframer, Demux, frame_header};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use super::Key;

/// How long a connection may be open before its browser has shown the password of a call.
const PROVES_WITHIN: Duration = Duration::from_secs(5);
/// Connections that have not; one more, and the oldest of them is closed.
const MAX_UNPROVEN: usize = 256;
/// Connections of one call: a browser opens one for each of its networks.
const MAX_OF_CALL: usize = 4;
/// Connections taken in one go, so that a flood does not stop the calls.
const MAX_ACCEPTED: usize = 32;
/// What waits for a browser that reads slowly, in octets: a second of Opus. What is beyond is lost, as on UDP.
const MAX_WAITING: usize = 8 * 1024;
/// What the kernel keeps for it besides.
const SEND_BUFFER: usize = 32 * 1024;

/// Streams looked at in one go.
const MAX_EVENTS: usize = 256;
/// Token of the listener; connections have their number.
const LISTENER: Token = Token(usize::MAX);

/// The listener and its connections. **A connection is a call's by its first datagram, a check that names it, and is
/// closed where that is anything else**; no write ever waits.
pub(super) struct Streams {
    listener: TcpListener,
    poll: Poll,
    events: Events,
    open: HashMap<usize, Stream>,
    by_address: HashMap<SocketAddr, usize>,
    by_call: HashMap<Key, Vec<usize>>,
    /// Oldest first; those that proved themselves meanwhile included.
    unproven: VecDeque<(Instant, usize)>,
    /// Those that may have more to read.
    ready: VecDeque<usize>,
    /// Somebody may wait at the listener.
    knocked: bool,
    next: usize,
}

struct Stream {
    socket: TcpStream,
    from: SocketAddr,
    owner: Option<Key>,
    proven: bool,
    is_ready: bool,
    deframer: Deframer,
    waiting: VecDeque<u8>,
}

/// What a stream has.
enum Next {
    Datagram(usize),
    Nothing,
    Over,
}

impl Streams {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            listener,
            poll,
            events: Events::with_capacity(MAX_EVENTS),
            open: HashMap::new(),
            by_address: HashMap::new(),
            by_call: HashMap::new(),
            unproven: VecDeque::new(),
            ready: VecDeque::new(),
            knocked: false,
            next: 0,
        })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Sees which connections have something to read, or room for what waits.
    pub(super) fn look(&mut self) {
        if let Err(error) = self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            if error.kind() != io::ErrorKind::Interrupted {
                tracing::error!(%error, "failed to look at the streams of browsers");
            }
            return;
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            self.woke(event);
        }
        self.events = events;
    }

    fn woke(&mut self, event: &Event) {
        let Token(id) = event.token();
        if event.token() == LISTENER {
            self.knocked = true;
            return;
        }
        let Some(stream) = self.open.get_mut(&id) else {
            return;
        };
        if event.is_writable() && stream.flush().is_err() {
            self.close(id);
        } else if !stream.is_ready {
            stream.is_ready = true;
            self.ready.push_back(id);
        }
    }

    /// Takes new connections, and closes those that took too long to prove whose they are.
    pub(super) fn accept(&mut self, now: Instant) {
        while let Some((opened, id)) = self.unproven.front().copied() {
            if now - opened < PROVES_WITHIN && self.unproven.len() <= MAX_UNPROVEN {
                break;
            }
            self.unproven.pop_front();
            if self.open.get(&id).is_some_and(|stream| !stream.proven) {
                self.close(id);
            }
        }
        if !self.knocked {
            return;
        }
        for _ in 0..MAX_ACCEPTED {
            match self.listener.accept() {
                Ok((socket, from)) => self.enter(now, socket, from),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.knocked = false;
                    return;
                }
                // Who was gone before he was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to take a TCP connection of WebRTC");
                    return;
                }
            }
        }
    }

    fn enter(&mut self, now: Instant, mut socket: TcpStream, from: SocketAddr) {
        let id = self.next;
        // Audio does not wait for more of it.
        let _ = socket.set_nodelay(true);
        let _ = SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER);
        let both = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut socket, Token(id), both) {
            tracing::warn!(%error, "failed to watch a TCP connection of WebRTC");
            return;
        }
        self.next += 1;
        let stream = Stream {
            socket,
            from,
            owner: None,
            proven: false,
            is_ready: true,
            deframer: Deframer::default(),
            waiting: VecDeque::new(),
        };
        self.open.insert(id, stream);
        self.by_address.insert(from, id);
        self.unproven.push_back((now, id));
        self.ready.push_back(id);
    }

    /// The next datagram that is a call's, one of each connection in turn. `strangers` counts others.
    pub(super) fn receive(
        &mut self,
        demux: &Demux<Key>,
        buffer: &mut [u8],
        mut strangers: impl FnMut(),
    ) -> Option<(Key, usize, SocketAddr)> {
        while let Some(id) = self.ready.pop_front() {
            let Some(stream) = self.open.get_mut(&id) else {
                continue;
            };
            match stream.next(buffer) {
                Next::Nothing => stream.is_ready = false,
                Next::Over => self.close(id),
                Next::Datagram(length) => {
                    let from = stream.from;
                    let owner = stream.owner.or_else(|| demux.named(&buffer[..length]));
                    let Some(owner) = owner else {
                        strangers();
                        self.close(id);
                        continue;
                    };
                    if stream.owner.replace(owner).is_none() {
                        self.belongs(id, owner);
                    }
                    self.ready.push_back(id);
                    return Some((owner, length, from));
                }
            }
        }
        None
    }

    fn belongs(&mut self, id: usize, owner: Key) {
        let streams = self.by_call.entry(owner).or_default();
        streams.push(id);
        if streams.len() > MAX_OF_CALL {
            let oldest = streams.remove(0);
            self.close(oldest);
        }
    }

    /// Sends a datagram, or loses it: to an address without a connection, or to one that reads too slowly. That the call
    /// sends there is what proves the connection: it does so for who showed its password.
    pub(super) fn send(&mut self, key: Key, to: SocketAddr, datagram: &[u8]) {
        let Some(&id) = self.by_address.get(&to) else {
            return;
        };
        let Some(stream) = self.open.get_mut(&id) else {
            return;
        };
        if stream.owner == Some(key) {
            stream.proven = true;
            if stream.send(datagram).is_err() {
                self.close(id);
            }
        }
    }

    /// Closes the connections of a call.
    pub(super) fn leave(&mut self, key: Key) {
        for id in self.by_call.remove(&key).unwrap_or_default() {
            self.close(id);
        }
    }

    /// Closes all that are left: there is no call they could be of.
    pub(super) fn close_all(&mut self) {
        self.open.clear();
        self.by_address.clear();
        self.by_call.clear();
        self.unproven.clear();
        self.ready.clear();
    }

    fn close(&mut self, id: usize) {
        // The socket leaves the poll when it is closed.
        let Some(stream) = self.open.remove(&id) else {
            return;
        };
        if self.by_address.get(&stream.from) == Some(&id) {
            self.by_address.remove(&stream.from);
        }
        if let Some(key) = stream.owner
            && let Some(streams) = self.by_call.get_mut(&key)
        {
            streams.retain(|one| *one != id);
        }
    }
}

impl Stream {
    fn next(&mut self, buffer: &mut [u8]) -> Next {
        loop {
            match self.deframer.next_datagram() {
                Ok(Some(datagram)) if datagram.len() <= buffer.len() => {
                    buffer[..datagram.len()].copy_from_slice(datagram);
                    return Next::Datagram(datagram.len());
                }
                Ok(Some(_)) | Err(_) => return Next::Over,
                Ok(None) => {}
            }
            match self.socket.read(self.deframer.space()) {
                Ok(0) => return Next::Over,
                Ok(octets) => self.deframer.filled(octets),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Next::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Next::Over,
            }
        }
    }

    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let Some(header) = frame_header(datagram) else {
            return Ok(());
        };
        let whole = header.len() + datagram.len();
        let mut sent = 0;
        if self.waiting.is_empty() {
            let parts = [IoSlice::new(&header), IoSlice::new(datagram)];
            sent = match self.socket.write_vectored(&parts) {
                Ok(sent) => sent,
                Err(error) if is_momentary(&error) => 0,
                Err(error) => return Err(error),
            };
        }
        // A frame that was begun has to be ended, whatever waits.
        if sent < whole && (sent > 0 || self.waiting.len() + whole <= MAX_WAITING) {
            let rest = header.iter().chain(datagram).skip(sent);
            self.waiting.extend(rest);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let (front, _) = self.waiting.as_slices();
            match self.socket.write(front) {
                Ok(sent) => {
                    self.waiting.drain(..sent);
                }
                Err(error) if is_momentary(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_momentary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
