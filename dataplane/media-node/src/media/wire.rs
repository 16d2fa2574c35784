//! What a call on a media thread sends and receives by.

use std::io;
use std::net::SocketAddr;

use callplane_call::Packets;
use callplane_sip::Heading;
use callplane_transport::rtp::{Lease, MediaSockets};
use callplane_types::Instant;
use callplane_webrtc::Peer;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

use super::port::{Port, Way, receive};
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
    rtp: Port,
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
            rtp: Port::new(rtp),
            rtcp: UdpSocket::from_std(rtcp),
            lease,
            tap: None,
        }
    }

    /// Watches both sockets under two tokens.
    pub(super) fn watch(&mut self, registry: &Registry, rtp: Token, rtcp: Token) -> io::Result<()> {
        self.rtp.watch(registry, rtp)?;
        registry.register(&mut self.rtcp, rtcp, Interest::READABLE)
    }

    /// Gives the far end a socket of its own when media has gone there for a while.
    pub(super) fn settle(&mut self, registry: &Registry, direct: Token) {
        if self.rtp.is_steady() {
            self.rtp.connect(registry, direct);
        }
    }

    pub(super) fn unwatch(&mut self, registry: &Registry) {
        self.rtp.unwatch(registry);
        // The socket closes right after; a failure here changes nothing.
        let _ = registry.deregister(&mut self.rtcp);
    }

    /// Reads what came on the RTP port by one of its ways.
    pub(super) fn read_rtp(
        &mut self,
        now: Instant,
        way: Way,
        buffer: &mut [u8],
        mut take: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        for _ in 0..MAX_BURST {
            let Some((length, from)) = self.rtp.receive(way, buffer) else {
                return;
            };
            let datagram = &mut buffer[..length];
            self.copy(now, (Channel::Rtp, Heading::Received), from, datagram);
            take(from, datagram);
        }
    }

    /// Reads what came on the RTCP port.
    pub(super) fn read_rtcp(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        mut take: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        for _ in 0..MAX_BURST {
            let Some((length, from)) = receive(&self.rtcp, buffer) else {
                return;
            };
            let datagram = &mut buffer[..length];
            self.copy(now, (Channel::Rtcp, Heading::Received), from, datagram);
            take(from, datagram);
        }
    }

    /// Sends one packet from the RTP port.
    pub(super) fn send_rtp(&mut self, now: Instant, to: SocketAddr, packet: &[u8]) {
        self.rtp.send(to, packet);
        self.copy(now, (Channel::Rtp, Heading::Sent), to, packet);
    }

    /// Sends what is due.
    pub(super) fn send(&mut self, now: Instant, packets: Packets<'_>) {
        for (to, packet) in packets.rtp.into_iter().flatten() {
            self.send_rtp(now, to, packet);
        }
        if let Some((to, packet)) = packets.rtcp {
            // A packet the network does not take is a lost packet.
            let _ = self.rtcp.send_to(packet, to);
            self.copy(now, (Channel::Rtcp, Heading::Sent), to, packet);
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
