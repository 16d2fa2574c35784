//! Offers and answers that other people wrote.

use std::path::PathBuf;

use callplane_sdp::{Codec, LocalMedia, NegotiationError, Session, SessionDescription};

fn data() -> Option<serde_json::Value> {
    let Some(folder) = std::env::var_os("CONFORMANCE_DATA") else {
        println!("SKIPPED: CONFORMANCE_DATA is not set");
        return None;
    };
    let file = PathBuf::from(folder).join("sdp/re_sdp.json");
    Some(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

fn session() -> Session {
    Session::new(
        1,
        LocalMedia {
            address: "198.51.100.1".parse().unwrap(),
            port: 20_000,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            packet_time_ms: 20,
        },
    )
}

#[test]
fn the_examples_of_rfc_4317_are_answered_as_the_rfc_says() {
    let Some(data) = data() else {
        return;
    };
    let examples = data["rfc4317"].as_array().unwrap();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let section = example["section"].as_str().unwrap();
        let read = |name: &str| {
            SessionDescription::parse(example[name].as_str().unwrap().as_bytes()).unwrap()
        };
        let (offer, theirs) = (read("offer"), read("answer"));
        assert_eq!(offer.media.len(), theirs.media.len(), "{section}");
        if offer.media.is_empty() {
            // Section 5.1 starts a call without media; a voice agent has nothing to do in it.
            assert_eq!(
                session().answer(&offer),
                Err(NegotiationError::NoCommonAudio)
            );
            continue;
        }
        let (answer, negotiated) = session().answer(&offer).unwrap();
        // All of them offer PCMU first, and something beside audio we must refuse in its place.
        assert_eq!(negotiated.codec, Codec::Pcmu, "{section}");
        assert_eq!(
            negotiated.remote,
            "1.2.3.4:49170".parse().unwrap(),
            "{section}"
        );
        assert_eq!(answer.media.len(), offer.media.len(), "{section}");
        for (ours, offered) in answer.media.iter().zip(&offer.media) {
            assert_eq!(
                (&ours.kind, &ours.protocol),
                (&offered.kind, &offered.protocol)
            );
        }
        assert!(
            answer.media[1..].iter().all(|line| line.port == 0),
            "{section}"
        );
    }
}

#[test]
fn the_answers_of_rfc_4317_fit_our_offer() {
    let Some(data) = data() else {
        return;
    };
    for example in data["rfc4317"].as_array().unwrap() {
        let text = example["answer"].as_str().unwrap();
        let answer = SessionDescription::parse(text.as_bytes()).unwrap();
        let mut session = session();
        session.offer();
        let accepted = session.accept(&answer);
        match text.contains("RTP/AVP 0") {
            true => assert_eq!(
                accepted.unwrap().remote.ip(),
                answer.connection.unwrap().ip().unwrap()
            ),
            false => assert!(accepted.is_err(), "{text}"),
        }
    }
}

#[test]
fn what_vendors_send_is_understood() {
    let Some(data) = data() else {
        return;
    };
    let expected = [
        (Codec::Pcmu, "84.209.220.122:24484", Some(101)),
        (Codec::Pcma, "1.2.3.4:16610", Some(99)),
        // The third has no address at the session, and neither session name nor time.
        (Codec::Pcma, "1.2.3.4:16610", None),
        (Codec::Pcmu, "192.168.9.74:49200", Some(96)),
        (Codec::Pcmu, "192.168.1.55:5062", Some(101)),
    ];
    for (text, (codec, remote, event)) in
        data["vendor_sdps"].as_array().unwrap().iter().zip(expected)
    {
        let text = text.as_str().unwrap();
        let offer = SessionDescription::parse(text.as_bytes()).unwrap();
        let (answer, negotiated) = session().answer(&offer).unwrap();
        assert_eq!(negotiated.codec, codec, "{text}");
        assert_eq!(negotiated.remote, remote.parse().unwrap(), "{text}");
        assert_eq!(
            negotiated
                .telephone_events
                .first()
                .map(|event| event.payload_types.send),
            event,
            "{text}"
        );
        assert_eq!(answer.media.len(), offer.media.len());
    }
}
