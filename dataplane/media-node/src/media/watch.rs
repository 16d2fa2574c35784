//! Which sockets have something.

use std::io;
use std::net::UdpSocket;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

/// Sockets found in one look.
const MAX_EVENTS: usize = 1_024;

/// Tells of sockets for as long as a datagram waits in them (level-triggered), so that each look may be followed by one
/// read of each socket: to read until there is nothing more, as edges want it, is a second call of the system for
/// every packet, since there is hardly ever a second one.
#[derive(Debug)]
pub(super) struct Watch(OwnedFd);

/// What a look found. It stays on its thread.
pub(super) struct Found(Vec<epoll::Event>);

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Tells of `socket` by `token` from now on, until it is closed.
    pub(super) fn add(&self, socket: &UdpSocket, token: u64) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::add(&self.0, socket, data, EventFlags::IN)?)
    }

    /// Finds the sockets that have something now.
    pub(super) fn look(&self, found: &mut Found) -> io::Result<()> {
        let at_once = Timespec::default();
        found.0.clear();
        epoll::wait(&self.0, spare_capacity(&mut found.0), Some(&at_once))?;
        Ok(())
    }
}

impl Found {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(MAX_EVENTS))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|event| event.data.u64())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_socket_is_told_of_for_as_long_as_something_waits_in_it() {
        let (watch, mut found) = (Watch::new().unwrap(), Found::new());
        let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (one, other, sender) = (bind(), bind(), bind());
        watch.add(&one, 1).unwrap();
        watch.add(&other, 2).unwrap();
        let mut found = || {
            watch.look(&mut found).unwrap();
            found.tokens().collect::<Vec<_>>()
        };
        assert!(found().is_empty());
        for _ in 0..2 {
            sender.send_to(b"x", one.local_addr().unwrap()).unwrap();
        }
        for _ in 0..2 {
            assert_eq!(found(), [1]);
            one.recv(&mut [0; 8]).unwrap();
        }
        assert!(found().is_empty());
        sender.send_to(b"x", other.local_addr().unwrap()).unwrap();
        assert_eq!(found(), [2]);
        drop(other);
        assert!(found().is_empty(), "it is closed");
    }
}
