use callplane_types::Instant;
use callplane_webrtc::{AudioUse, OfferError, Peer, PeerConfig};
use proptest::prelude::*;
use str0m::format::Codec;

use crate::browser::{Browser, config, origin};

/// What Chromium 140 offers for a microphone and a data channel, with a camera added.
const CHROMIUM: &str = include_str!("chromium.sdp");

fn answer(offer: &str) -> Result<String, OfferError> {
    Peer::answer(Instant::ZERO, config(origin()), offer).map(|(_, answer)| answer)
}

#[test]
fn who_listens_alone_may_offer_to_receive_alone() {
    let (_, good, _) = Browser::offer(origin(), Codec::Opus);
    let listens = |offer: &str| {
        let config = PeerConfig {
            audio: AudioUse::Listening,
            ..config(origin())
        };
        Peer::answer(Instant::ZERO, config, offer).map(|(_, answer)| answer)
    };
    let receives = good.replace("a=sendrecv", "a=recvonly");
    let answer = listens(&receives).unwrap();
    assert!(answer.contains("a=sendonly"), "{answer}");
    assert!(listens(&good).unwrap().contains("a=sendrecv"));
    for one_way in ["sendonly", "inactive"] {
        let offer = good.replace("sendrecv", one_way);
        assert_eq!(listens(&offer).unwrap_err(), OfferError::OneWay(one_way));
    }
}

#[test]
fn a_browser_with_a_camera_gets_audio_alone() {
    let answer = answer(CHROMIUM).unwrap();
    let lines: Vec<&str> = answer
        .lines()
        .filter(|line| line.starts_with("m="))
        .collect();
    assert_eq!(lines.len(), 3, "{answer}");
    assert!(
        lines[0].starts_with("m=audio 9 UDP/TLS/RTP/SAVPF 111"),
        "{answer}"
    );
    assert!(lines[1].starts_with("m=video 0 "), "{answer}");
    assert!(lines[2].starts_with("m=application "), "{answer}");
    for part in [
        "a=ice-lite",
        "a=rtcp-mux",
        "a=setup:passive",
        "a=sendrecv",
        "a=rtpmap:111 opus/48000/2",
        "a=candidate:",
        "192.0.2.1 40000 typ host",
        "192.0.2.1 40000 typ host tcptype passive",
        "a=end-of-candidates",
        "a=fingerprint:sha-256 ",
        "a=rtpmap:110 telephone-event/48000",
    ] {
        assert!(answer.contains(part), "{part} is missing in {answer}");
    }
    // UDP is better where it goes through.
    let priority = |transport: &str| -> u32 {
        let line = answer
            .lines()
            .find(|line| line.starts_with("a=candidate:") && line.contains(transport));
        line.unwrap().split(' ').nth(3).unwrap().parse().unwrap()
    };
    assert!(priority(" 1 udp ") > priority(" 1 tcp "), "{answer}");
    assert!(
        !answer.contains("G722") && !answer.contains("a=rtpmap:63 "),
        "{answer}"
    );
}

#[test]
fn what_is_wrong_with_an_offer_is_said() {
    let (_, good, _) = Browser::offer(origin(), Codec::Opus);
    assert!(answer(&good).is_ok());
    let without = |start: &str| -> String {
        let kept = good.lines().filter(|line| !line.starts_with(start));
        kept.map(|line| format!("{line}\r\n")).collect()
    };
    assert_eq!(
        answer(&without("a=fingerprint")).unwrap_err(),
        OfferError::NoFingerprint
    );
    assert_eq!(
        answer(&without("a=ice-ufrag")).unwrap_err(),
        OfferError::NoIce
    );
    assert_eq!(
        answer(&without("a=ice-pwd")).unwrap_err(),
        OfferError::NoIce
    );
    assert_eq!(answer(&without("m=")).unwrap_err(), OfferError::NoAudio);
    assert!(matches!(answer("").unwrap_err(), OfferError::Malformed(_)));
    assert!(matches!(
        answer("hello").unwrap_err(),
        OfferError::Malformed(_)
    ));
    let one_way = good.replace("a=sendrecv", "a=sendonly");
    assert_eq!(
        answer(&one_way).unwrap_err(),
        OfferError::OneWay("sendonly")
    );
    let one_way = good.replace("a=sendrecv", "a=recvonly");
    assert_eq!(
        answer(&one_way).unwrap_err(),
        OfferError::OneWay("recvonly")
    );
    let lite = good.replacen("a=group", "a=ice-lite\r\na=group", 1);
    assert_eq!(answer(&lite).unwrap_err(), OfferError::BothLite);
    let long = format!("{good}a=x:{}\r\n", "x".repeat(70_000));
    assert_eq!(answer(&long).unwrap_err(), OfferError::TooLong);
    let codecs = good
        .replace("opus/48000/2", "speex/16000")
        .replace("PCMU/8000", "CN/8000");
    let codecs = codecs
        .replace("SAVPF 111 0", "SAVPF 111 13")
        .replace("a=rtpmap:0 ", "a=rtpmap:13 ");
    assert_eq!(answer(&codecs).unwrap_err(), OfferError::NoCodec);
    let many = format!("{good}{}", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(20));
    assert!(matches!(
        answer(&many).unwrap_err(),
        OfferError::TooManyLines(21)
    ));
    let section = &good[good.find("m=audio").unwrap()..];
    assert_eq!(
        answer(&format!("{good}{section}")).unwrap_err(),
        OfferError::TooMuchAudio(2)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_broken_offer_is_an_error_and_no_panic(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        drop in any::<prop::sample::Index>(),
    ) {
        let mut octets = CHROMIUM.as_bytes().to_vec();
        for (at, octet) in cuts {
            let at = at.index(octets.len());
            octets[at] = octet & 0x7F;
        }
        let text = String::from_utf8(octets).unwrap();
        let skip = drop.index(text.lines().count());
        let kept: String = text
            .lines()
            .enumerate()
            .filter(|(place, _)| *place != skip)
            .map(|(_, line)| format!("{line}\r\n"))
            .collect();
        let _ = answer(&kept);
    }
}
