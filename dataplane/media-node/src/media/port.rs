//! A UDP port of a call: open to everybody, with a socket of its own for the peer that it sends to all the time.
//!
//! A socket that is connected knows the route to its peer; one that is not looks it up for each packet, which is a sixth of what
//! sending costs. But who may speak to a call is for the call to judge, and a peer behind a NAT may get another address:
//! so the socket that hears everybody stays, and a second one on the same port is connected to the peer. The kernel
//! gives it what the peer sends, and all else to the first (of the sockets of a port, the one that names the sender).

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::watch::Watch;

/// Packets in a row to one address after which it is worth a socket: a second of speech.
const STEADY: u32 = 50;

/// A bound port.
#[derive(Debug)]
pub(super) struct MediaPort {
    open: UdpSocket,
    direct: Option<Direct>,
    /// Where `open` sent last, and how often in a row.
    last: Option<SocketAddr>,
    in_a_row: u32,
}

/// Which socket of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortSocket {
    Open,
    Direct,
}

#[derive(Debug)]
struct Direct {
    socket: UdpSocket,
    peer: SocketAddr,
}

impl MediaPort {
    pub(super) const fn new(open: UdpSocket) -> Self {
        Self {
            open,
            direct: None,
            last: None,
            in_a_row: 0,
        }
    }

    /// Watches what everybody sends.
    pub(super) fn watch(&self, watch: &Watch, token: u64) -> io::Result<()> {
        watch.add(&self.open, token)
    }

    /// Sends a packet; one that the network does not take is a lost one.
    pub(super) fn send(&mut self, to: SocketAddr, packet: &[u8]) {
        if let Some(direct) = &self.direct
            && direct.peer == to
        {
            return direct.send(packet);
        }
        let _ = self.open.send_to(packet, to);
        self.in_a_row = match self.last == Some(to) {
            true => self.in_a_row.saturating_add(1),
            false => 0,
        };
        self.last = Some(to);
    }

    /// The next datagram from one of the sockets.
    pub(super) fn receive(
        &self,
        socket: PortSocket,
        buffer: &mut [u8],
    ) -> Option<(usize, SocketAddr)> {
        match socket {
            PortSocket::Open => receive(&self.open, buffer),
            PortSocket::Direct => receive(&self.direct.as_ref()?.socket, buffer),
        }
    }

    /// Whether packets have gone to one address for a while, and none of them by a socket of its own.
    pub(super) fn is_steady(&self) -> bool {
        self.in_a_row >= STEADY
    }

    /// Makes the socket for where packets go, watched under `token`. Without one they go as before.
    pub(super) fn connect(&mut self, watch: &Watch, token: u64) {
        // In any case not before as many packets again.
        self.in_a_row = 0;
        let Some(peer) = self.last else {
            return;
        };
        if let Err(error) = self.try_connect(peer, watch, token) {
            tracing::debug!(%error, "a port of a call gets no socket for its peer alone");
        }
    }

    fn try_connect(&mut self, peer: SocketAddr, watch: &Watch, token: u64) -> io::Result<()> {
        if let Some(direct) = &mut self.direct {
            direct.socket.connect(peer)?;
            direct.peer = peer;
            return Ok(());
        }
        let socket = beside(&self.open)?;
        socket.connect(peer)?;
        watch.add(&socket, token)?;
        self.direct = Some(Direct { socket, peer });
        Ok(())
    }
}

impl Direct {
    fn send(&self, packet: &[u8]) {
        // An earlier packet found nobody: the error is about that one, and takes the place of this.
        if let Err(error) = self.socket.send(packet)
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            let _ = self.socket.send(packet);
        }
    }
}

/// A second socket on the port of `open`. The port may be shared while it is bound and not for longer: another process,
/// too, could have it then.
fn beside(open: &UdpSocket) -> io::Result<UdpSocket> {
    let address = open.local_addr()?;
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    let open = SockRef::from(open);
    open.set_reuse_port(true)?;
    let bound = socket
        .set_reuse_port(true)
        .and_then(|()| socket.bind(&address.into()));
    open.set_reuse_port(false)?;
    bound?;
    socket.set_reuse_port(false)?;
    Ok(socket.into())
}

/// The next datagram. An error that a socket reports about an earlier packet (an ICMP message of a
/// peer that is gone) counts as nothing.
pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    /// A port, what watches it, and its number.
    fn port() -> (MediaPort, Watch, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let (port, watch) = (MediaPort::new(socket), Watch::new().unwrap());
        port.watch(&watch, 0).unwrap();
        (port, watch, address)
    }

    fn peer() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    fn settle(port: &mut MediaPort, watch: &Watch, to: SocketAddr) {
        while !port.is_steady() {
            port.send(to, b"rtp");
        }
        port.connect(watch, 1);
        assert_eq!(port.direct.as_ref().unwrap().peer, to);
    }

    fn heard(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 64];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        (buffer[..length].to_vec(), from)
    }

    fn read(port: &MediaPort, socket: PortSocket) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut buffer = [0; 64];
        std::iter::from_fn(|| {
            let (length, from) = port.receive(socket, &mut buffer)?;
            Some((buffer[..length].to_vec(), from))
        })
        .collect()
    }

    #[test]
    fn a_steady_peer_gets_its_own_way_and_strangers_are_heard_as_before() {
        let (mut port, watch, address) = port();
        let ((peer, to), (stranger, other)) = (peer(), peer());
        settle(&mut port, &watch, to);
        port.send(to, b"direct");
        while heard(&peer) != (b"direct".to_vec(), address) {}
        peer.send_to(b"answer", address).unwrap();
        stranger.send_to(b"junk", address).unwrap();
        assert_eq!(read(&port, PortSocket::Direct), [(b"answer".to_vec(), to)]);
        assert_eq!(read(&port, PortSocket::Open), [(b"junk".to_vec(), other)]);
    }

    #[test]
    fn who_moves_is_heard_and_sent_to_at_once_and_gets_a_way_again() {
        let (mut port, watch, address) = port();
        let ((peer, to), (moved, other)) = (peer(), peer());
        settle(&mut port, &watch, to);
        moved.send_to(b"here now", address).unwrap();
        assert_eq!(
            read(&port, PortSocket::Open),
            [(b"here now".to_vec(), other)]
        );
        port.send(other, b"there");
        assert_eq!(heard(&moved), (b"there".to_vec(), address));
        settle(&mut port, &watch, other);
        moved.send_to(b"on", address).unwrap();
        peer.send_to(b"left behind", address).unwrap();
        assert_eq!(read(&port, PortSocket::Direct), [(b"on".to_vec(), other)]);
        assert_eq!(
            read(&port, PortSocket::Open),
            [(b"left behind".to_vec(), to)]
        );
    }

    #[test]
    fn the_port_stays_ours_alone() {
        let (mut port, watch, address) = port();
        let (_peer, to) = peer();
        settle(&mut port, &watch, to);
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_reuse_port(true).unwrap();
        let error = socket.bind(&address.into()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_peer_that_was_gone_for_a_moment_misses_no_later_packet() {
        let (mut port, watch, _) = port();
        let (peer, to) = peer();
        settle(&mut port, &watch, to);
        drop(peer);
        port.send(to, b"nobody hears this");
        let back = UdpSocket::bind(to).unwrap();
        back.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        port.send(to, b"this is heard");
        assert_eq!(heard(&back).0, b"this is heard");
    }
}
