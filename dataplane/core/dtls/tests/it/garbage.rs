//! Octets of nobody, and certificates of anybody.

use callplane_dtls::{Association, Role};
use callplane_types::Instant;
use dimpl::DtlsCertificate;
use proptest::prelude::*;

use crate::peer::{Pair, certificate, identity, vouched};

proptest! {
    #[test]
    fn no_octets_panic(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..8),
        is_client: bool,
        is_handshake: bool,
    ) {
        let role = if is_client { Role::Client } else { Role::Server };
        let expected = vouched(b"nobody");
        let mut ours = Association::new(Instant::ZERO, &identity(), role, expected);
        for mut datagram in datagrams {
            if is_handshake && datagram.len() > 13 {
                let length = (datagram.len() - 13) as u16;
                datagram[..3].copy_from_slice(&[22, 0xFE, 0xFD]);
                datagram[3..11].fill(0);
                datagram[11..13].copy_from_slice(&length.to_be_bytes());
            }
            if let Ok(keys) = ours.handle(Instant::ZERO, &datagram, &mut |_| {}) {
                prop_assert_eq!(keys, None);
            }
        }
    }
}

#[test]
fn a_certificate_as_long_as_nobody_has_one_does_no_harm() {
    for (length, role) in [
        (20_000, Role::Server),
        (60_000, Role::Server),
        (20_000, Role::Client),
    ] {
        let DtlsCertificate {
            mut certificate,
            private_key,
        } = certificate();
        // What follows the end of DER is nobody's, and is hashed all the same.
        certificate.resize(length, 0);
        let shown = DtlsCertificate {
            certificate: certificate.clone(),
            private_key,
        };
        let mut pair = Pair::new(role, shown, vouched(&certificate), 1);
        pair.pass(std::time::Duration::from_secs(20));
        assert!(pair.keys.len() <= 1, "{length}: {:?}", pair.failure);
    }
}
