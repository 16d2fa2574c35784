use std::net::SocketAddr;

use callplane_webrtc::{Closed, Demux, Dropped, Output, TransportAddress};
use str0m::format::Codec;

use crate::browser::{Pair, share, tone};

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

/// A binding request with this user name, and nothing more.
pub(crate) fn check(username: &str) -> Vec<u8> {
    let padded = username.len().next_multiple_of(4);
    let mut datagram = vec![0, 1];
    datagram.extend(u16::try_from(4 + padded).unwrap().to_be_bytes());
    datagram.extend([0x21, 0x12, 0xA4, 0x42]);
    datagram.extend([7; 12]);
    datagram.extend([0, 6]);
    datagram.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
    datagram.extend(username.as_bytes());
    datagram.resize(24 + padded, 0);
    datagram
}

/// Whose it may be.
fn owners(demux: &Demux<u32>, from: SocketAddr, datagram: &[u8]) -> Vec<u32> {
    let found = demux.find(from, datagram);
    found.into_iter().flatten().collect()
}

#[test]
fn a_check_finds_its_peer_and_a_stranger_finds_nobody() {
    let mut demux = Demux::default();
    demux.insert(1, "ours");
    demux.insert(2, "other");
    assert_eq!(owners(&demux, address(1), &check("ours:theirs")), [1]);
    assert_eq!(owners(&demux, address(1), &check("other:theirs")), [2]);
    assert_eq!(
        demux.find(address(1), &check("nobody:theirs")),
        Err(Dropped)
    );
    assert_eq!(demux.find(address(1), &[0x80; 40]), Err(Dropped));
    assert_eq!(demux.find(address(1), b""), Err(Dropped));
}

#[test]
fn an_address_is_a_peers_once_it_sends_there() {
    let mut demux = Demux::default();
    demux.insert(1, "ours");
    demux.learn(1, address(1));
    assert_eq!(owners(&demux, address(1), &[0x80; 40]), [1]);
    demux.learn(9, address(2));
    assert_eq!(
        demux.find(address(2), &[0x80; 40]),
        Err(Dropped),
        "no such peer"
    );
    demux.insert(2, "other");
    assert_eq!(
        owners(&demux, address(1), &check("other:x")),
        [2],
        "a new call from there"
    );
    demux.remove(1);
    demux.learn(2, address(1));
    assert_eq!(owners(&demux, address(1), &[0x80; 40]), [2]);
    demux.remove(2);
    assert_eq!(demux.find(address(1), &[0x80; 40]), Err(Dropped));
    assert_eq!(demux.find(address(1), &check("other:x")), Err(Dropped));
}

#[test]
fn an_address_that_others_send_to_as_well_stays_a_peers() {
    let mut demux = Demux::default();
    for key in 1..=9 {
        demux.insert(key, &key.to_string());
        demux.learn(key, address(1));
        // Who sends on, as calls do, is found again even among many.
        demux.learn(1, address(1));
        let owners = owners(&demux, address(1), &[0x80; 40]);
        assert!(owners.contains(&1) && owners.contains(&key), "{owners:?}");
        assert!(owners.len() <= 4, "{owners:?}");
    }
    for key in 2..=9 {
        demux.remove(key);
    }
    assert_eq!(owners(&demux, address(1), &[0x80; 40]), [1]);
}

#[test]
fn a_restart_keeps_both_fragments_and_neither_they_nor_addresses_pile_up() {
    let mut demux = Demux::default();
    demux.insert(1, "first");
    demux.insert(1, "second");
    assert_eq!(owners(&demux, address(1), &check("first:x")), [1]);
    assert_eq!(owners(&demux, address(1), &check("second:x")), [1]);
    for port in 1..100 {
        demux.insert(1, &port.to_string());
        demux.learn(1, address(port));
    }
    assert_eq!(owners(&demux, address(99), &[0x80; 40]), [1]);
    assert_eq!(demux.find(address(1), &[0x80; 40]), Err(Dropped));
    assert_eq!(owners(&demux, address(1), &check("99:x")), [1]);
    assert_eq!(demux.find(address(1), &check("first:x")), Err(Dropped));
}

/// Two calls at one port, as a media thread drives them.
struct Port {
    demux: Demux<usize>,
    pairs: [Pair; 2],
}

impl Port {
    /// 20 ms of both calls, with what each browser sends coming from `from`.
    fn frame(&mut self, number: usize, from: [SocketAddr; 2]) {
        for at in 0..2 {
            let pair = &mut self.pairs[at];
            pair.speak(&tone(500.0 + 200.0 * at as f64, number), &[0; 160]);
        }
        loop {
            let mut quiet = true;
            for at in 0..2 {
                for datagram in self.pairs[at].sent_by_browser() {
                    quiet = false;
                    for owner in self.demux.find(from[at], &datagram).into_iter().flatten() {
                        let owner = &mut self.pairs[owner];
                        let now = owner.now;
                        let from = TransportAddress::udp(from[at]);
                        owner.peer.handle(now, from, &datagram);
                    }
                }
                for (to, datagram) in self.pairs[at].sent_by_peer() {
                    quiet = false;
                    self.demux.learn(at, to);
                    // Who has the address gets it, whoever it was meant for.
                    for (other, address) in from.iter().enumerate() {
                        if to == *address {
                            self.pairs[other].received_by_browser(&datagram);
                        }
                    }
                }
            }
            if quiet {
                break;
            }
        }
        for pair in &mut self.pairs {
            pair.hear();
        }
    }
}

#[test]
fn whoever_sends_from_an_address_of_somebody_else_makes_neither_deaf() {
    let (own, forger) = (address(1), address(2));
    let mut port = Port {
        demux: Demux::default(),
        pairs: [Pair::new(Codec::Opus), Pair::new(Codec::Opus)],
    };
    for (at, pair) in port.pairs.iter().enumerate() {
        port.demux.insert(at, pair.peer.ufrag());
    }
    for number in 0..200 {
        port.frame(number, [own, forger]);
    }
    assert!(port.pairs.iter().all(|pair| pair.browser.connected));
    // The second has the first's address now, by forging it, or because a NAT gave it away.
    for pair in &mut port.pairs {
        pair.heard.clear();
    }
    for number in 0..500 {
        port.frame(number, [own, own]);
    }
    for (at, pair) in port.pairs.iter().enumerate() {
        let tail = &pair.heard[pair.heard.len() - 24_000..];
        let heard = share(tail, 8_000.0, 500.0 + 200.0 * at as f64);
        assert!(heard > 0.9, "call {at} hears {heard} of its own caller");
        let closed = [Closed::ByPeer, Closed::ConsentExpired, Closed::Failed].map(Output::Closed);
        assert!(
            closed.iter().all(|end| !pair.outputs.contains(end)),
            "{:?}",
            pair.outputs
        );
    }
}
