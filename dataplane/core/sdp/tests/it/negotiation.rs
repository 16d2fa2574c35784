//! What is agreed on in one offer and one answer.

use std::net::SocketAddr;
use std::time::Duration;

use callplane_sdp::{
    Codec, Direction, LocalMedia, Negotiated, NegotiationError, OpusParameters, PayloadTypes,
    Protection, Session, SessionDescription, TelephoneEvents,
};

fn local() -> LocalMedia {
    LocalMedia {
        address: "198.51.100.1".parse().unwrap(),
        port: 20_000,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        packet_time_ms: 20,
    }
}

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes()).unwrap()
}

fn answer(offer: &str) -> Result<(String, Negotiated), NegotiationError> {
    let (answer, negotiated) = Session::new(7, local()).answer(&parse(offer))?;
    Ok((answer.to_string(), negotiated))
}

fn audio(attributes: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\n{attributes}"
    )
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn events(clock_rate: u32, send: u8, receive: u8) -> TelephoneEvents {
    TelephoneEvents {
        clock_rate,
        payload_types: PayloadTypes { send, receive },
    }
}

#[test]
fn the_answer_takes_our_first_codec_that_was_offered_and_the_offerers_numbers() {
    let (text, negotiated) = answer(&audio("")).unwrap();
    assert_eq!(
        text,
        "v=0\r\no=callplane 7 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\n\
         a=fmtp:96 0-15\r\na=ptime:20\r\na=maxptime:120\r\na=sendrecv\r\n"
    );
    assert_eq!(
        negotiated,
        Negotiated {
            remote: address("192.0.2.1:4000"),
            remote_rtcp: address("192.0.2.1:4001"),
            codec: Codec::Pcmu,
            payload_types: PayloadTypes {
                send: 0,
                receive: 0
            },
            receivable: vec![(0, Codec::Pcmu)],
            opus: OpusParameters::default(),
            telephone_events: vec![events(8000, 96, 96)],
            comfort_noise: None,
            packet_time: Duration::from_millis(20),
            direction: Direction::SendRecv,
            protection: Protection::Plain,
            ice: None,
            rtcp_mux: false,
        }
    );
}

#[test]
fn each_side_sends_with_the_numbers_of_the_other() {
    let mut session = Session::new(1, local());
    let offer = session.offer().to_string();
    assert!(
        offer.contains("m=audio 20000 RTP/AVP 0 8 101\r\n"),
        "{offer}"
    );
    let negotiated = session
        .accept(&parse(
            "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 111 0 97\r\n\
             a=rtpmap:111 pcma/8000\r\na=rtpmap:97 telephone-event/8000\r\n",
        ))
        .unwrap();
    assert_eq!(negotiated.codec, Codec::Pcma);
    assert_eq!(
        negotiated.payload_types,
        PayloadTypes {
            send: 111,
            receive: 8
        }
    );
    assert_eq!(negotiated.telephone_events, [events(8000, 97, 101)]);
    // The answer names both codecs, so either may come.
    assert_eq!(negotiated.receivable, [(0, Codec::Pcmu), (8, Codec::Pcma)]);
}

#[test]
fn codecs_are_known_by_name_and_not_by_number() {
    let offer = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0 120\r\n\
                 a=rtpmap:0 L16/44100\r\na=rtpmap:120 PCMU/8000\r\n";
    let (_, negotiated) = answer(offer).unwrap();
    assert_eq!(
        negotiated.payload_types,
        PayloadTypes {
            send: 120,
            receive: 120
        }
    );
    // Wideband and stereo variants are something else.
    for map in ["PCMU/16000", "PCMU/8000/2", "PCM/8000"] {
        let offer = format!(
            "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 120\r\na=rtpmap:120 {map}\r\n"
        );
        assert_eq!(answer(&offer).unwrap_err(), NegotiationError::NoCommonAudio);
    }
}

#[test]
fn without_telephone_events_there_are_none() {
    let offer = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0 101\r\n\
                 a=rtpmap:101 telephone-event/48000\r\n";
    let (text, negotiated) = answer(offer).unwrap();
    assert_eq!(negotiated.telephone_events, []);
    assert!(!text.contains("telephone-event"));
}

#[test]
fn hold_is_understood_in_all_its_forms() {
    for (attributes, ours, text) in [
        ("a=sendonly\r\n", Direction::RecvOnly, "a=recvonly"),
        ("a=recvonly\r\n", Direction::SendOnly, "a=sendonly"),
        ("a=inactive\r\n", Direction::Inactive, "a=inactive"),
        ("a=sendrecv\r\n", Direction::SendRecv, "a=sendrecv"),
        // The hold of RFC 2543.
        ("c=IN IP4 0.0.0.0\r\n", Direction::RecvOnly, "a=recvonly"),
        (
            "c=IN IP6 ::\r\na=inactive\r\n",
            Direction::Inactive,
            "a=inactive",
        ),
    ] {
        let (answer, negotiated) = answer(&audio(attributes)).unwrap();
        assert_eq!(negotiated.direction, ours, "{attributes}");
        assert!(
            answer.ends_with(&format!("{text}\r\n")),
            "{attributes}: {answer}"
        );
    }
    // For the whole session; a line of its own overrules it.
    let offer = audio("").replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n");
    assert_eq!(answer(&offer).unwrap().1.direction, Direction::Inactive);
    let (_, negotiated) = answer(&format!("{offer}a=sendrecv\r\n")).unwrap();
    assert_eq!(negotiated.direction, Direction::SendRecv);
}

#[test]
fn every_other_media_line_is_refused_in_its_place() {
    let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                 m=video 5000 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000\r\n\
                 m=audio 4002 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xyz\r\n\
                 m=audio 0 RTP/AVP 0\r\n\
                 m=audio 4004 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n\
                 m=audio 4006 RTP/AVPF 0\r\n\
                 m=audio 4008 RTP/AVP 0\r\n\
                 m=image 4010 udptl t38\r\n";
    let (text, negotiated) = answer(offer).unwrap();
    assert_eq!(negotiated.remote, address("192.0.2.1:4006"));
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        lines,
        [
            "m=video 0 RTP/AVP 31 32",
            "m=audio 0 RTP/SAVP 0",
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/AVP 97",
            "m=audio 20000 RTP/AVPF 0",
            "m=audio 0 RTP/AVP 0",
            "m=image 0 udptl t38",
        ]
    );
}

#[test]
fn an_offer_with_nothing_for_us_is_refused() {
    for offer in [
        "v=0\r\nc=IN IP4 192.0.2.1\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=video 5000 RTP/AVP 31\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 18\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 0\r\n",
    ] {
        assert_eq!(
            answer(offer).unwrap_err(),
            NegotiationError::NoCommonAudio,
            "{offer}"
        );
    }
    for offer in [
        "v=0\r\nm=audio 5000 RTP/AVP 0\r\n",
        "v=0\r\nc=IN IP4 phone.example.com\r\nm=audio 5000 RTP/AVP 0\r\n",
    ] {
        assert_eq!(
            answer(offer).unwrap_err(),
            NegotiationError::NoAddress,
            "{offer}"
        );
    }
}

#[test]
fn media_and_its_control_go_where_the_other_side_says() {
    for (attributes, rtp, rtcp) in [
        ("", "192.0.2.1:4000", "192.0.2.1:4001"),
        ("c=IN IP4 192.0.2.9\r\n", "192.0.2.9:4000", "192.0.2.9:4001"),
        ("a=rtcp:5555\r\n", "192.0.2.1:4000", "192.0.2.1:5555"),
        (
            "a=rtcp:5555 IN IP4 192.0.2.7\r\n",
            "192.0.2.1:4000",
            "192.0.2.7:5555",
        ),
        ("a=rtcp:none\r\n", "192.0.2.1:4000", "192.0.2.1:4001"),
        (
            "c=IN IP6 2001:db8::5\r\n",
            "[2001:db8::5]:4000",
            "[2001:db8::5]:4001",
        ),
    ] {
        let (_, negotiated) = answer(&audio(attributes)).unwrap();
        assert_eq!(negotiated.remote, address(rtp), "{attributes}");
        assert_eq!(negotiated.remote_rtcp, address(rtcp), "{attributes}");
    }
}

#[test]
fn an_address_of_ours_may_be_ipv6() {
    let address = "2001:db8::7".parse().unwrap();
    let offer = Session::new(1, LocalMedia { address, ..local() })
        .offer()
        .to_string();
    assert!(offer.contains("c=IN IP6 2001:db8::7\r\n"));
    assert!(offer.contains("o=callplane 1 1 IN IP6 2001:db8::7\r\n"));
}

#[test]
fn packets_are_as_long_as_the_other_side_wants_or_nearly_so_and_never_longer_than_it_takes() {
    for (attributes, millis) in [
        ("a=ptime:10\r\n", 10),
        ("a=ptime:20\r\n", 20),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:40\r\n", 40),
        ("a=ptime:60\r\n", 60),
        ("a=ptime:25\r\n", 20),
        ("a=ptime:200\r\n", 60),
        ("a=ptime:2.5\r\n", 10),
        ("a=ptime:40\r\na=maxptime:30\r\n", 30),
        ("a=maxptime:150\r\n", 20),
        ("a=maxptime:10\r\n", 10),
        ("a=maxptime:5\r\n", 10),
        ("", 20),
    ] {
        let (text, negotiated) = answer(&audio(attributes)).unwrap();
        let time = Duration::from_millis(millis);
        assert_eq!(negotiated.packet_time, time, "{attributes}");
        assert!(
            text.contains(&format!("a=ptime:{millis}\r\na=maxptime:120\r\n")),
            "{text}"
        );
    }
}

#[test]
fn comfort_noise_is_taken_where_it_is_offered_and_said_again_then() {
    let lines = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0 13 101\r\n\
                 a=rtpmap:13 CN/8000\r\na=rtpmap:101 telephone-event/8000\r\n";
    let mut ours = Session::new(1, local());
    assert!(!ours.offer().to_string().contains("CN/"));
    let (answer, negotiated) = ours.answer(&parse(lines)).unwrap();
    assert_eq!(negotiated.comfort_noise, Some(13));
    assert_eq!(answer.media[0].formats, ["0", "13", "101"]);
    assert!(answer.to_string().contains("a=rtpmap:13 CN/8000\r\n"));
    assert!(ours.offer().to_string().contains("a=rtpmap:13 CN/8000\r\n"));
    assert_eq!(ours.accept(&parse(lines)).unwrap().comfort_noise, Some(13));
    // For other clocks it is something else.
    let other = lines.replace("CN/8000", "CN/16000");
    let (_, negotiated) = Session::new(1, local()).answer(&parse(&other)).unwrap();
    assert_eq!(negotiated.comfort_noise, None);
}

#[test]
fn opus_has_frames_of_some_lengths_only() {
    let local = LocalMedia {
        codecs: vec![Codec::Opus],
        ..local()
    };
    for (wanted, millis) in [
        (10, 10),
        (20, 20),
        (30, 20),
        (40, 40),
        (50, 40),
        (60, 60),
        (120, 60),
    ] {
        let offer = format!(
            "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n\
             a=ptime:{wanted}\r\n"
        );
        let (_, negotiated) = Session::new(1, local.clone())
            .answer(&parse(&offer))
            .unwrap();
        assert_eq!(
            negotiated.packet_time,
            Duration::from_millis(millis),
            "{wanted}"
        );
    }
}

#[test]
fn the_order_of_preference_is_ours_within_what_is_offered() {
    let taken = |ours: &[Codec], theirs: &str| {
        let local = LocalMedia {
            codecs: ours.to_vec(),
            ..local()
        };
        let offer = format!("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP {theirs}\r\n");
        let answered = Session::new(1, local).answer(&parse(&offer));
        answered.ok().map(|(_, negotiated)| negotiated.codec)
    };
    use Codec::{G722, Pcma, Pcmu};
    assert_eq!(taken(&[Pcmu], "8 0"), Some(Pcmu));
    assert_eq!(taken(&[Pcmu, Pcma], "8 0"), Some(Pcmu));
    assert_eq!(taken(&[G722, Pcma], "0 8 9"), Some(G722));
    assert_eq!(taken(&[Pcma, G722], "18 9 8"), Some(Pcma));
    assert_eq!(taken(&[G722], "0 8"), None);
}

#[test]
fn g722_has_a_clock_of_8000_though_it_samples_at_16() {
    let local = LocalMedia {
        codecs: vec![Codec::G722, Codec::Pcmu],
        ..local()
    };
    let mut session = Session::new(1, local.clone());
    let offer = session.offer().to_string();
    assert!(
        offer.contains("m=audio 20000 RTP/AVP 9 0 101\r\n"),
        "{offer}"
    );
    assert!(offer.contains("a=rtpmap:9 G722/8000\r\n"), "{offer}");
    let answer = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 9\r\n";
    assert_eq!(session.accept(&parse(answer)).unwrap().codec, Codec::G722);
    // Who says 16000 means something that no RFC has.
    let offer =
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 96\r\na=rtpmap:96 G722/16000\r\n";
    let refused = Session::new(1, local).answer(&parse(offer));
    assert_eq!(refused.unwrap_err(), NegotiationError::NoCommonAudio);
}
