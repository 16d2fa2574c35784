//! Any body of a SIP message.

#![no_main]

use callplane_sdp::{Codec, LocalMedia, Session, SessionDescription};
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
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        packet_time_ms: 20,
    };
    let mut session = Session::new(1, local.clone());
    if let Ok((answer, negotiated)) = session.answer(&description) {
        assert_eq!(answer.media.len(), description.media.len());
        assert!(
            negotiated
                .receivable
                .iter()
                .any(|(_, codec)| *codec == negotiated.codec)
        );
        assert_eq!(session.offer().media.len(), description.media.len());
    }
    let mut session = Session::new(1, local);
    session.offer();
    let _ = session.accept(&description);
});
