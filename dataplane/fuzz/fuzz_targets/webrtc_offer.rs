//! Offers and fragments of a browser, and what is sent to the peer that an offer makes.

#![no_main]

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant as StdInstant;

use callplane_types::Instant;
use callplane_webrtc::{
    AudioUse, Credentials, Fragment, Identity, Peer, PeerConfig, Reoffer, TransportAddress,
};
use libfuzzer_sys::fuzz_target;

static IDENTITY: OnceLock<Identity> = OnceLock::new();

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = str::from_utf8(octets) else {
        return;
    };
    let fragment = Fragment::parse(text);
    let identity = IDENTITY.get_or_init(|| Identity::generate().expect("there is randomness"));
    let config = PeerConfig {
        identity: identity.clone(),
        credentials: Credentials::from_random([7; 32]),
        addresses: vec![TransportAddress::udp(SocketAddr::from((
            [192, 0, 2, 1],
            40_000,
        )))],
        audio: AudioUse::Listening,
        origin: StdInstant::now(),
    };
    let Ok((mut peer, answer)) = Peer::answer(Instant::ZERO, config, text) else {
        return;
    };
    assert!(answer.starts_with("v=0\r\n"));
    let from = TransportAddress::udp(SocketAddr::from(([192, 0, 2, 9], 1)));
    peer.handle(Instant::ZERO, from, octets);
    if let Ok(fragment) = fragment {
        let _ = peer.trickle(Instant::ZERO, fragment);
    }
    if let Ok(again) = Reoffer::read(identity, StdInstant::now(), peer.offer(), text) {
        let _ = peer.restart(Instant::ZERO, again);
    }
    while peer.poll().is_some() {}
});
