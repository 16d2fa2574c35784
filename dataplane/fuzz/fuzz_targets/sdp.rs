//! Any body of a SIP message.

#![no_main]

use callplane_dtls::{Fingerprint, HashFunction};
use callplane_sdp::{Codec, KeyExchange, LocalMedia, MediaSecurity, Session, SessionDescription};
use callplane_srtp::KeySource;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(description) = SessionDescription::parse(body) else {
        return;
    };
    let again = SessionDescription::parse(&description.to_bytes()).expect("what we write is valid");
    assert_eq!(again.media, description.media);

    let local = LocalMedia {
        address: [192, 0, 2, 1].into(),
        port: 20_000,
        codecs: vec![Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma],
        packet_time_ms: 20,
    };
    let session = |security| {
        Session::new(1, local.clone())
            .secured(security, KeySource::new([1; 32]))
            .certified(
                Fingerprint::of(HashFunction::Sha256, b"ours"),
                KeyExchange::Dtls,
            )
    };
    let mut session_with_offer = session(MediaSecurity::Allowed);
    if let Ok((answer, negotiated)) = session_with_offer.answer(&description) {
        assert_eq!(answer.media.len(), description.media.len());
        assert!(
            negotiated
                .receivable
                .iter()
                .any(|(_, codec)| *codec == negotiated.codec)
        );
        let offer = session_with_offer.offer();
        assert_eq!(offer.media.len(), description.media.len());
    }
    for security in [MediaSecurity::Disabled, MediaSecurity::Required] {
        let mut session = session(security);
        session.offer();
        let _ = session.accept(&description);
    }
});
