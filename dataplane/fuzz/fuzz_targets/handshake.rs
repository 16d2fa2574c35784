//! Datagrams at the port of a SIP call whose phone speaks DTLS and ICE: each is preceded by its length in two octets,
//! and all by our role.

#![no_main]

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant as StdInstant};

use callplane_dtls::{Association, Fingerprint, HashFunction, Identity, Role, Vouched};
use callplane_ice::{Credentials, LiteAgent};
use callplane_rtp::{Datagram, classify};
use callplane_types::Instant;
use libfuzzer_sys::fuzz_target;

static IDENTITY: OnceLock<Identity> = OnceLock::new();

fuzz_target!(|octets: &[u8]| {
    let Some((role, mut rest)) = octets.split_first() else {
        return;
    };
    let role = match role & 1 {
        0 => Role::Server,
        _ => Role::Client,
    };
    let identity = IDENTITY
        .get_or_init(|| Identity::generate(StdInstant::now()).expect("there is randomness"));
    let nobody = Fingerprint::of(HashFunction::Sha256, b"nobody");
    let vouched = Vouched::new([nobody]).expect("there is one");
    let mut now = Instant::ZERO;
    let mut association = Association::new(now, identity, role, vouched);
    let mut agent = LiteAgent::new(Credentials::from_random([7; 32]), "theirs");
    let from = SocketAddr::from(([192, 0, 2, 9], 4_000));
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (datagram, after) = after.split_at(after.len().min(length));
        rest = after;
        now = now + Duration::from_millis(20);
        match classify(datagram) {
            Datagram::Stun => {
                let mut answer = Vec::new();
                assert_eq!(agent.handle(from, datagram, &mut answer), None);
                assert!(answer.is_empty() && !agent.admits(from));
            }
            _ => {
                if let Ok(keys) = association.handle(now, datagram, &mut |_| {}) {
                    assert_eq!(keys, None);
                }
            }
        }
        let _ = association.advance(now, &mut |_| {});
    }
});
