//! Datagrams at the port of WebRTC: whose they are, and what a demultiplexer makes of them.

#![no_main]

use std::net::SocketAddr;

use callplane_webrtc::{Demux, stun};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let mut demux = Demux::default();
    demux.insert(1_u8, "ours");
    let from = SocketAddr::from(([192, 0, 2, 1], 9));
    let named = stun::local_ufrag(datagram);
    assert_eq!(demux.find(from, datagram).is_ok(), named == Some("ours"));
    if let Some(username) = stun::username(datagram) {
        assert!(username.len() <= 508 && datagram.len() >= 24);
    }
});
