//! One call on a media thread: its state machine, its sockets, its way out.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use callplane_call::{Call, Input, Output};
use callplane_transport::rtp::MediaSockets;
use callplane_types::{Instant, WallTime};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Datagrams read from one socket at a time, so that a flood on one port does not stop the others.
const MAX_BURST: usize = 64;
/// Outputs that may wait while the other side of the channel is slow. What is beyond is lost
/// recording; nothing else comes in such numbers.
const MAX_WAITING: usize = 512;

/// A call on a thread.
pub(super) struct Seat {
    call: Call,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// Gives the ports back when the seat is dropped.
    _lease: callplane_transport::rtp::Lease,
    outputs: mpsc::Sender<Output>,
    waiting: VecDeque<Output>,
    abandoned: bool,
}

impl Seat {
    pub(super) fn new(call: Call, sockets: MediaSockets, outputs: mpsc::Sender<Output>) -> Self {
        let MediaSockets { rtp, rtcp, lease } = sockets;
        Self {
            call,
            rtp: UdpSocket::from_std(rtp),
            rtcp: UdpSocket::from_std(rtcp),
            _lease: lease,
            outputs,
            waiting: VecDeque::with_capacity(16),
            abandoned: false,
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

    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        self.call.handle(now, input);
        self.flush();
    }

    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        self.call.recycle(buffer);
    }

    /// Reads what came on the RTP port.
    pub(super) fn read_rtp(&mut self, now: Instant, buffer: &mut [u8]) {
        for _ in 0..MAX_BURST {
            match receive(&self.rtp, buffer) {
                Some((length, from)) => self.call.rtp(now, from, &buffer[..length]),
                None => return,
            }
        }
    }

    /// Reads what came on the RTCP port.
    pub(super) fn read_rtcp(&mut self, now: Instant, wall: WallTime, buffer: &mut [u8]) {
        for _ in 0..MAX_BURST {
            match receive(&self.rtcp, buffer) {
                Some((length, from)) => self.call.rtcp(now, wall, from, &buffer[..length]),
                None => return,
            }
        }
    }

    /// 20 ms: sends what is due.
    pub(super) fn tick(&mut self, now: Instant, wall: WallTime) {
        let packets = self.call.tick(now, wall);
        // A packet the network does not take is a lost packet.
        if let Some((to, packet)) = packets.rtp {
            let _ = self.rtp.send_to(packet, to);
        }
        if let Some((to, packet)) = packets.rtcp {
            let _ = self.rtcp.send_to(packet, to);
        }
        self.flush();
    }

    /// Whether nothing is left to do: the call is over and all was handed out, or nobody is there
    /// to take it.
    pub(super) fn is_done(&self) -> bool {
        self.abandoned || (self.call.is_over() && self.waiting.is_empty())
    }

    /// Hands out what the call wants. Never waits: what the channel does not take now is offered
    /// again with the next frame.
    pub(super) fn flush(&mut self) {
        while let Some(output) = self.call.poll() {
            let full = self.waiting.len() >= MAX_WAITING;
            if !(full && matches!(output, Output::Recorded(_))) {
                self.waiting.push_back(output);
            }
        }
        while let Some(output) = self.waiting.pop_front() {
            match self.outputs.try_send(output) {
                Ok(()) => {}
                Err(TrySendError::Full(output)) => {
                    self.waiting.push_front(output);
                    return;
                }
                Err(TrySendError::Closed(_)) => {
                    self.abandoned = true;
                    return;
                }
            }
        }
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
