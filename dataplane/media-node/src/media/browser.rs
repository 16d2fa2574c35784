//! The ports that all browsers of a thread share, and one of them.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use callplane_call::{Frame, Measured};
use callplane_types::Instant;
use callplane_webrtc::{Demux, Dropped, Output, Owners, Peer, Transport, TransportAddress};
use socket2::SockRef;

use super::streams::Streams;
use super::{BrowserPorts, Key, ToPeer, Way};
use crate::metrics::MediaMetrics;

/// Datagrams read in one go, so that a flood does not stop the calls.
const MAX_BURST: usize = 256;
/// Octets of the buffers of the port, each way.
const ROOM: usize = 4 * 1024 * 1024;

/// The port of UDP, and that of TCP beside it. Datagrams of nobody are counted and not answered.
pub(super) struct BrowserPort {
    socket: UdpSocket,
    streams: Streams,
    /// What browsers are told.
    addresses: [TransportAddress; 2],
    demux: Demux<Key>,
}

impl BrowserPort {
    /// Binds the ports of thread `index`.
    pub(super) fn bind(ports: BrowserPorts, index: usize) -> io::Result<Self> {
        let BrowserPorts {
            bind,
            address,
            udp,
            tcp,
        } = ports;
        let offset = u16::try_from(index).unwrap_or(u16::MAX);
        let port = |first: u16| match first {
            0 => 0,
            first => first.saturating_add(offset),
        };
        let socket = UdpSocket::bind((bind, port(udp)))?;
        socket.set_nonblocking(true)?;
        make_room(&socket);
        let streams = Streams::bind(SocketAddr::new(bind, port(tcp)))?;
        let told = |bound: SocketAddr| SocketAddr::new(address, bound.port());
        Ok(Self {
            addresses: [
                TransportAddress::udp(told(socket.local_addr()?)),
                TransportAddress::tcp(told(streams.local_addr()?)),
            ],
            socket,
            streams,
            demux: Demux::default(),
        })
    }

    /// What browsers are told.
    pub(super) fn addresses(&self) -> [TransportAddress; 2] {
        self.addresses
    }

    /// Takes connections, and closes those that are no call's; sees what those that are left have. Before they are read.
    pub(super) fn accept(&mut self, now: Instant) {
        self.streams.look();
        self.streams.accept(now);
    }

    /// The thread has no calls and looks at nothing until it gets one: connections that are left are closed.
    pub(super) fn rest(&mut self) {
        self.streams.close_all();
    }

    pub(super) fn enter(&mut self, key: Key, ufrag: &str) {
        self.demux.insert(key, ufrag);
    }

    pub(super) fn leave(&mut self, key: Key) {
        self.demux.remove(key);
        self.streams.leave(key);
    }

    /// The next datagram that is somebody's, and whose it may be.
    pub(super) fn receive(
        &self,
        buffer: &mut [u8],
        burst: &mut usize,
        metrics: &Arc<MediaMetrics>,
    ) -> Option<(Owners<Key>, usize, SocketAddr)> {
        while *burst < MAX_BURST {
            *burst += 1;
            match self.socket.recv_from(buffer) {
                Ok((length, from)) => match self.demux.find(from, &buffer[..length]) {
                    Ok(owners) => return Some((owners, length, from)),
                    Err(Dropped) => {
                        metrics.browser_strangers.inc();
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// As [`BrowserPort::receive`], of what came by TCP.
    pub(super) fn receive_framed(
        &mut self,
        buffer: &mut [u8],
        burst: &mut usize,
        metrics: &Arc<MediaMetrics>,
    ) -> Option<(Key, usize, SocketAddr)> {
        if *burst >= MAX_BURST {
            return None;
        }
        *burst += 1;
        self.streams.receive(&self.demux, buffer, || {
            metrics.browser_strangers.inc();
        })
    }

    fn send(&mut self, key: Key, to: TransportAddress, datagram: &[u8]) {
        let TransportAddress { transport, address } = to;
        match transport {
            Transport::Udp => {
                self.demux.learn(key, address);
                // A datagram the network does not take is a lost one.
                let _ = self.socket.send_to(datagram, address);
            }
            Transport::Tcp => self.streams.send(key, address, datagram),
        }
    }
}

/// Asks for buffers that hold half a second of a thousand browsers, and says so when they are smaller: what the thread
/// does not come to in time is lost.
fn make_room(socket: &UdpSocket) {
    let socket = SockRef::from(socket);
    // What is refused is seen in what is there.
    let _ = socket.set_recv_buffer_size(ROOM);
    let _ = socket.set_send_buffer_size(ROOM);
    // Linux counts its own bookkeeping in, and says the double of what was asked for (socket(7)).
    let receive = socket.recv_buffer_size().unwrap_or_default() / 2;
    let send = socket.send_buffer_size().unwrap_or_default() / 2;
    if receive.min(send) < ROOM {
        tracing::warn!(
            receive,
            send,
            wanted = ROOM,
            "The buffers of the WebRTC port are small, so bursts of many browsers get lost: raise the sysctls \
             net.core.rmem_max and net.core.wmem_max of the machine"
        );
    } else {
        tracing::info!(receive, send, "The WebRTC port has its buffers");
    }
}

/// The browser's end of a leg, as the thread has it. What it tells, other than datagrams, is handed to `told`.
pub(super) struct Browser {
    key: Key,
    peer: Box<Peer>,
    closing: bool,
}

impl Browser {
    pub(super) fn new(key: Key, peer: Box<Peer>) -> Self {
        Self {
            key,
            peer,
            closing: false,
        }
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    pub(super) fn ufrag(&self) -> &str {
        self.peer.ufrag()
    }

    /// When anything last came of it.
    pub(super) fn last_heard(&self) -> Option<Instant> {
        self.peer.last_heard()
    }

    /// How the media has been so far.
    pub(super) fn measured(&self) -> Measured {
        Measured {
            received: self.peer.received(),
            sent_packets: self.peer.sent_packets(),
            round_trip: self.peer.round_trip(),
            far_end: self.peer.far_end(),
        }
    }

    /// A datagram that is the browser's.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        from: TransportAddress,
        datagram: &[u8],
        port: &mut BrowserPort,
        told: impl FnMut(&Output),
    ) {
        self.peer.handle(now, from, datagram);
        self.settle(port, told);
    }

    /// The next 20 ms of it.
    pub(super) fn hear(&mut self, now: Instant, frame: &mut Frame) {
        self.peer.hear(now, frame);
    }

    /// The next 20 ms for it, and time.
    pub(super) fn say(
        &mut self,
        now: Instant,
        frame: &Frame,
        port: &mut BrowserPort,
        told: impl FnMut(&Output),
    ) {
        self.peer.say(now, frame);
        self.settle(port, told);
    }

    /// Tells the browser that it is over.
    pub(super) fn close(&mut self, now: Instant, port: &mut BrowserPort) {
        if !std::mem::replace(&mut self.closing, true) {
            self.peer.close(now);
            self.settle(port, |_| {});
        }
    }

    /// A change to the way in; the port learns the fragment that names it now.
    pub(super) fn change(
        &mut self,
        now: Instant,
        change: ToPeer,
        port: &mut BrowserPort,
        told: impl FnMut(&Output),
    ) {
        let before = self.peer.ufrag().to_owned();
        match change {
            ToPeer::Trickle(fragment, answer) => {
                let changed = self.peer.trickle(now, *fragment);
                // Who asked may be gone.
                let _ = answer.send(changed.map(|text| self.way(text)));
            }
            ToPeer::Restart(offer, answer) => {
                let changed = self.peer.restart(now, *offer);
                let _ = answer.send(changed.map(|text| self.way(Some(text))));
            }
        }
        self.renamed(&before, port);
        self.settle(port, told);
    }

    fn way(&self, answer: Option<String>) -> Way {
        Way {
            answer,
            ufrag: self.peer.ufrag().to_owned(),
            offer: self.peer.offer().into(),
        }
    }

    fn renamed(&self, before: &str, port: &mut BrowserPort) {
        if self.peer.ufrag() != before {
            port.enter(self.key, self.peer.ufrag());
        }
    }

    fn settle(&mut self, port: &mut BrowserPort, mut told: impl FnMut(&Output)) {
        while let Some(output) = self.peer.poll() {
            match output {
                Output::Transmit { to, datagram } => port.send(self.key, to, &datagram),
                output => told(&output),
            }
        }
    }
}
