//! What a call on a media thread sends and receives by.

use std::io;
use std::net::SocketAddr;

use callplane_call::{Outgoing, Packets, Port};
use callplane_sip::Heading;
use callplane_transport::rtp::{Lease, MediaSockets};
use callplane_types::Instant;
use callplane_webrtc::Peer;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

use crate::trace::{Channel, Datagram, Tap};

/// Datagrams read from one socket at a time, so that a flood on one port does not stop the others.
const MAX_BURST: usize = 64;

/// The wire of a call.
pub(super) enum Wire {
    /// Two ports of its own.
    Rtp(RtpWire),
    /// A part of the thread's port for browsers.
    Browser(Box<Peer>),
}

/// The ports of a call over RTP.
pub(super) struct RtpWire {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// Gives the ports back when it is dropped.
    lease: Lease,
    /// Nothing while nobody captures the call.
    tap: Option<Box<Tap>>,
}

impl Wire {
    pub(super) fn rtp(sockets: MediaSockets) -> Self {
        Self::Rtp(RtpWire::new(sockets))
    }
}

impl RtpWire {
    pub(super) fn new(sockets: MediaSockets) -> Self {
        let MediaSockets { rtp, rtcp, lease } = sockets;
        Self {
            rtp: UdpSocket::from_std(rtp),
            rtcp: UdpSocket::from_std(rtcp),
            lease,
            tap: None,
        }
    }

    /// Watches both sockets under two tokens.
    pub(super) fn watch(&mut self, registry: &Registry, rtp: Token, rtcp: Token) -> io::Result<()> {
        registry.register(&mut self.rtp, rtp, Interest::READABLE)?;
        registry.register(&mut self.rtcp, rtcp, Interest::READABLE)
    }

    pub(super) fn unwatch(&mut self, registry: &Registry) {
        // The sockets close right after; a failure here changes nothing.
        let _ = registry.deregister(&mut self.rtp);
        let _ = registry.deregister(&mut self.rtcp);
    }

    /// Reads what came on the RTP port.
    pub(super) fn read_rtp(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        take: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        self.read(now, Channel::Rtp, buffer, take);
    }

    /// Reads what came on the RTCP port.
    pub(super) fn read_rtcp(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        take: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        self.read(now, Channel::Rtcp, buffer, take);
    }

    fn read(
        &mut self,
        now: Instant,
        channel: Channel,
        buffer: &mut [u8],
        mut take: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        for _ in 0..MAX_BURST {
            let Some((length, from)) = receive(self.socket(channel), buffer) else {
                return;
            };
            let datagram = &mut buffer[..length];
            self.copy(now, (channel, Heading::Received), from, datagram);
            take(from, datagram);
        }
    }

    /// Sends one packet from the RTP port.
    pub(super) fn send_rtp(&mut self, now: Instant, to: SocketAddr, packet: &[u8]) {
        self.send_one(now, Channel::Rtp, to, packet);
    }

    /// Sends what is due.
    pub(super) fn send(&mut self, now: Instant, packets: Packets<'_>) {
        for (to, packet) in packets.rtp.into_iter().flatten() {
            self.send_one(now, Channel::Rtp, to, packet);
        }
        if let Some((port, to, packet)) = packets.rtcp {
            self.send_one(now, channel(port), to, packet);
        }
    }

    /// Sends what goes out besides.
    pub(super) fn send_outgoing(&mut self, now: Instant, outgoing: &Outgoing) {
        let Outgoing { port, to, octets } = outgoing;
        self.send_one(now, channel(*port), *to, octets);
    }

    fn send_one(&mut self, now: Instant, channel: Channel, to: SocketAddr, packet: &[u8]) {
        // A packet the network does not take is a lost packet.
        let _ = self.socket(channel).send_to(packet, to);
        self.copy(now, (channel, Heading::Sent), to, packet);
    }

    const fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }

    /// Copies packets into a capture from now on.
    pub(super) fn capture(&mut self, tap: Box<Tap>) {
        self.tap = Some(tap);
    }

    /// What is on the wire, before anything is made of it.
    fn copy(
        &mut self,
        now: Instant,
        (channel, heading): (Channel, Heading),
        peer: SocketAddr,
        octets: &[u8],
    ) {
        let Some(tap) = &self.tap else {
            return;
        };
        let datagram = Datagram {
            channel,
            heading,
            // RTCP has the port above that of RTP (RFC 3550 section 11).
            port: self.lease.port() + u16::from(channel == Channel::Rtcp),
            peer,
            octets,
        };
        if !tap.take(now, datagram) {
            self.tap = None;
        }
    }
}

/// What leaves a port as a capture has it.
const fn channel(port: Port) -> Channel {
    match port {
        Port::Rtp => Channel::Rtp,
        Port::Rtcp => Channel::Rtcp,
    }
}

/// The next datagram. An error that a socket reports about an earlier packet (an ICMP message of a
/// peer that is gone) counts as nothing.
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => return None,
        }
    }
}
