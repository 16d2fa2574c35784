//! What a call on a media thread sends and receives by.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use callplane_call::{Outgoing, Packets, Port};
use callplane_sip::Heading;
use callplane_transport::rtp::{Lease, MediaSockets};
use callplane_types::Instant;
use callplane_webrtc::Peer;
use socket2::SockRef;

use super::port::{MediaPort, PortSocket, receive};
use super::watch::Watch;
use crate::trace::{Channel, Datagram, Tap};

/// Octets of what waits in a socket, as far as the machine allows: 50 ms of 50,000 packets in a second. Only what waits
/// takes memory.
const ROOM: usize = 1024 * 1024;

/// The wire of a call.
pub(super) enum Wire {
    /// Two ports of its own.
    Rtp(RtpWire),
    /// A part of the thread's port for browsers.
    Browser(Box<Peer>),
}

/// The ports of a call over RTP.
pub(super) struct RtpWire {
    rtp: MediaPort,
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
        for socket in [&rtp, &rtcp] {
            // Less room is enough for calls alone.
            let _ = SockRef::from(socket).set_recv_buffer_size(ROOM);
        }
        Self {
            rtp: MediaPort::new(rtp),
            rtcp,
            lease,
            tap: None,
        }
    }

    /// Watches both sockets under two tokens, until they are closed.
    pub(super) fn watch(&self, watch: &Watch, rtp: u64, rtcp: u64) -> io::Result<()> {
        self.rtp.watch(watch, rtp)?;
        watch.add(&self.rtcp, rtcp)
    }

    /// Gives the far end a socket of its own when media has gone there for a while.
    pub(super) fn settle(&mut self, watch: &Watch, direct: u64) {
        if self.rtp.is_steady() {
            self.rtp.connect(watch, direct);
        }
    }

    /// Reads what came to one of the sockets of the RTP port, so many datagrams `at_most`.
    pub(super) fn read_rtp(
        &mut self,
        now: Instant,
        (socket, at_most): (PortSocket, usize),
        buffer: &mut [u8],
        mut take: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        for _ in 0..at_most {
            let Some((length, from)) = self.rtp.receive(socket, buffer) else {
                return;
            };
            let datagram = &mut buffer[..length];
            self.copy(now, (Channel::Rtp, Heading::Received), from, datagram);
            take(from, datagram);
        }
    }

    /// Reads what came to the RTCP port.
    pub(super) fn read_rtcp(
        &mut self,
        now: Instant,
        at_most: usize,
        buffer: &mut [u8],
        mut take: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        for _ in 0..at_most {
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
        if let Some((port, to, packet)) = packets.rtcp {
            self.send_from(now, port, to, packet);
        }
    }

    /// Sends what goes out besides.
    pub(super) fn send_outgoing(&mut self, now: Instant, outgoing: &Outgoing) {
        let Outgoing { port, to, octets } = outgoing;
        self.send_from(now, *port, *to, octets);
    }

    fn send_from(&mut self, now: Instant, port: Port, to: SocketAddr, packet: &[u8]) {
        match port {
            Port::Rtp => self.send_rtp(now, to, packet),
            Port::Rtcp => {
                // A packet the network does not take is a lost packet.
                let _ = self.rtcp.send_to(packet, to);
                self.copy(now, (Channel::Rtcp, Heading::Sent), to, packet);
            }
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
