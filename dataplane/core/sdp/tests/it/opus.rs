//! Opus and the telephone events that go with it (RFC 7587, RFC 4733).

use callplane_sdp::{
    Codec, LocalMedia, Negotiated, NegotiationError, OpusParameters, Session, SessionDescription,
};

fn session(codecs: &[Codec]) -> Session {
    let media = LocalMedia {
        address: "198.51.100.1".parse().unwrap(),
        port: 20_000,
        codecs: codecs.to_vec(),
        packet_time_ms: 20,
    };
    Session::new(7, media)
}

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes()).unwrap()
}

fn answer(codecs: &[Codec], lines: &str) -> Result<(String, Negotiated), NegotiationError> {
    let offer = parse(&format!("v=0\r\nc=IN IP4 192.0.2.1\r\n{lines}"));
    let (answer, negotiated) = session(codecs).answer(&offer)?;
    Ok((answer.to_string(), negotiated))
}

/// Clock and both numbers of the events, those to be sent first.
fn events(negotiated: &Negotiated) -> Vec<(u32, u8, u8)> {
    let events = negotiated.telephone_events.iter();
    events
        .map(|event| {
            let types = event.payload_types;
            (event.clock_rate, types.send, types.receive)
        })
        .collect()
}

#[test]
fn what_a_browser_like_phone_offers_is_answered_with_its_numbers_and_its_clock() {
    let (text, negotiated) = answer(
        &[Codec::Opus, Codec::Pcmu],
        "m=audio 4000 RTP/AVP 0 97 98 99\r\na=rtpmap:97 opus/48000/2\r\n\
         a=fmtp:97 minptime=10; useinbandfec=1;maxaveragebitrate=20000;maxplaybackrate=8000\r\n\
         a=rtpmap:98 telephone-event/8000\r\na=rtpmap:99 telephone-event/48000\r\n",
    )
    .unwrap();
    assert_eq!(negotiated.codec, Codec::Opus);
    assert_eq!(negotiated.receivable, [(97, Codec::Opus)]);
    assert_eq!(events(&negotiated), [(48_000, 99, 99)]);
    assert_eq!(
        negotiated.opus,
        OpusParameters {
            in_band_fec: true,
            dtx: false,
            max_average_bitrate: Some(20_000),
        }
    );
    assert!(text.contains("m=audio 20000 RTP/AVP 97 99\r\n"), "{text}");
    assert!(text.contains("a=rtpmap:97 opus/48000/2\r\n"), "{text}");
    let ours = "a=fmtp:97 useinbandfec=1;usedtx=1;maxplaybackrate=16000\r\n";
    assert!(text.contains(ours), "{text}");
    assert!(
        text.contains("a=rtpmap:99 telephone-event/48000\r\n"),
        "{text}"
    );
}

#[test]
fn who_speaks_opus_may_know_events_of_8000_only_and_the_reverse_is_nothing() {
    let offer = "m=audio 4000 RTP/AVP 96 0 101\r\na=rtpmap:96 OPUS/48000/2\r\n\
                 a=rtpmap:101 telephone-event/8000\r\n";
    let (_, negotiated) = answer(&[Codec::Opus], offer).unwrap();
    assert_eq!(events(&negotiated), [(8000, 101, 101)]);
    let offer = offer.replace("event/8000", "event/48000");
    let (_, negotiated) = answer(&[Codec::Pcmu], &offer).unwrap();
    assert_eq!(events(&negotiated), []);
}

#[test]
fn only_opus_of_48000_is_opus() {
    let codecs = [Codec::Opus];
    for (map, is_opus) in [
        ("opus/48000", true),
        ("opus/16000/2", false),
        ("opus/48000/6", false),
    ] {
        let offer = format!("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 {map}\r\n");
        assert_eq!(answer(&codecs, &offer).is_ok(), is_opus, "{map}");
    }
}

#[test]
fn both_clocks_are_offered_and_each_side_sends_with_the_numbers_of_the_other() {
    let mut ours = session(&[Codec::Opus, Codec::Pcma]);
    let offer = ours.offer();
    assert_eq!(offer.media[0].formats, ["111", "8", "101", "110"]);
    let negotiated = ours
        .accept(&parse(
            "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8 96 97 98\r\n\
             a=rtpmap:96 opus/48000/2\r\na=fmtp:96 usedtx=1\r\n\
             a=rtpmap:97 telephone-event/48000\r\na=rtpmap:98 telephone-event/8000\r\n",
        ))
        .unwrap();
    assert_eq!(negotiated.codec, Codec::Pcma);
    assert_eq!(
        negotiated.opus,
        OpusParameters::default(),
        "it is not spoken"
    );
    assert_eq!(
        negotiated.receivable,
        [(111, Codec::Opus), (8, Codec::Pcma)]
    );
    assert_eq!(events(&negotiated), [(8000, 98, 101), (48_000, 97, 110)]);
}

#[test]
fn numbers_of_the_other_side_leave_no_number_with_two_meanings() {
    let mut ours = session(&[Codec::Opus, Codec::Pcma]);
    // What we call events of 48000, they call Opus, and our Opus is their events.
    let offer = parse(
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 110 111\r\n\
         a=rtpmap:110 opus/48000/2\r\na=rtpmap:111 telephone-event/8000\r\n",
    );
    ours.answer(&offer).unwrap();
    let formats = ours.offer().media[0].formats.clone();
    assert_eq!(formats[..3], ["110", "8", "111"]);
    let mut different = formats.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), formats.len(), "{formats:?}");
}
