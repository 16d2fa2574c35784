//! What must hold over the offers and answers of a whole dialog.

use callplane_sdp::{Codec, Direction, LocalMedia, NegotiationError, Session, SessionDescription};

fn party(id: u64, address: &str) -> Session {
    Session::new(
        id,
        LocalMedia {
            address: address.parse().unwrap(),
            port: 20_000,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            packet_time_ms: 20,
        },
    )
}

fn over_the_wire(description: &SessionDescription) -> SessionDescription {
    SessionDescription::parse(&description.to_bytes()).unwrap()
}

fn version(description: &SessionDescription) -> u64 {
    description
        .origin
        .as_ref()
        .unwrap()
        .version
        .parse()
        .unwrap()
}

#[test]
fn two_parties_agree_and_each_knows_the_other() {
    let (mut alice, mut bob) = (party(1, "192.0.2.1"), party(2, "192.0.2.2"));
    let offer = over_the_wire(&alice.offer());
    let (answer, bobs) = bob.answer(&offer).unwrap();
    let alices = alice.accept(&over_the_wire(&answer)).unwrap();
    assert_eq!(alices.remote, "192.0.2.2:20000".parse().unwrap());
    assert_eq!(bobs.remote, "192.0.2.1:20000".parse().unwrap());
    assert_eq!((alices.codec, bobs.codec), (Codec::Pcmu, Codec::Pcmu));
    assert_eq!(alices.telephone_events, bobs.telephone_events);
    assert_eq!(alices.receivable, [(0, Codec::Pcmu)]);
}

#[test]
fn hold_and_resume_go_through_both_sides() {
    let (mut alice, mut bob) = (party(1, "192.0.2.1"), party(2, "192.0.2.2"));
    let mut versions = Vec::new();
    for (wanted, alices, bobs) in [
        (
            Direction::SendRecv,
            Direction::SendRecv,
            Direction::SendRecv,
        ),
        (
            Direction::SendOnly,
            Direction::SendOnly,
            Direction::RecvOnly,
        ),
        (
            Direction::Inactive,
            Direction::Inactive,
            Direction::Inactive,
        ),
        (
            Direction::SendRecv,
            Direction::SendRecv,
            Direction::SendRecv,
        ),
    ] {
        alice.set_direction(wanted);
        let offer = over_the_wire(&alice.offer());
        versions.push(version(&offer));
        let (answer, negotiated) = bob.answer(&offer).unwrap();
        assert_eq!(negotiated.direction, bobs);
        let negotiated = alice.accept(&over_the_wire(&answer)).unwrap();
        assert_eq!(negotiated.direction, alices);
    }
    assert_eq!(versions, [1, 2, 3, 4]);
}

#[test]
fn the_version_grows_only_with_a_change() {
    let mut alice = party(1, "192.0.2.1");
    let first = alice.offer();
    assert_eq!(alice.offer(), first, "the same offer again");
    assert_eq!(alice.offer().origin, first.origin);
    alice.set_direction(Direction::Inactive);
    assert_eq!(version(&alice.offer()), 2);
    assert_eq!(version(&alice.offer()), 2);
    // Answers count too.
    let mut bob = party(2, "192.0.2.2");
    let (answer, _) = bob.answer(&first).unwrap();
    assert_eq!(version(&answer), 1);
    assert_eq!(version(&bob.answer(&first).unwrap().0), 1);
    let held = over_the_wire(&alice.offer());
    assert_eq!(version(&bob.answer(&held).unwrap().0), 2);
}

#[test]
fn our_later_offer_keeps_lines_and_numbers() {
    let mut bob = party(2, "192.0.2.2");
    let offer = SessionDescription::parse(
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
          m=video 5000 RTP/AVP 31\r\n\
          m=audio 4000 RTP/AVP 8 100\r\na=rtpmap:100 telephone-event/8000\r\n",
    )
    .unwrap();
    bob.answer(&offer).unwrap();
    let ours = bob.offer();
    assert_eq!(ours.media.len(), 2);
    assert_eq!(
        (ours.media[0].kind.as_str(), ours.media[0].port),
        ("video", 0)
    );
    assert_eq!(ours.media[1].formats, ["0", "8", "100"]);
    // The other side answers with its video still off.
    let answer = SessionDescription::parse(
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=video 0 RTP/AVP 31\r\n\
          m=audio 4000 RTP/AVP 8 100\r\na=rtpmap:100 telephone-event/8000\r\n",
    )
    .unwrap();
    let negotiated = bob.accept(&answer).unwrap();
    assert_eq!(negotiated.codec, Codec::Pcma);
    let events = negotiated.telephone_events[0].payload_types;
    assert_eq!((events.send, events.receive), (100, 100));
}

#[test]
fn a_re_offer_that_moves_the_stream_is_followed() {
    let mut bob = party(2, "192.0.2.2");
    let offer = |line: &str| {
        SessionDescription::parse(format!("v=0\r\nc=IN IP4 192.0.2.1\r\n{line}").as_bytes())
            .unwrap()
    };
    let remote = |bob: &mut Session, line: &str| bob.answer(&offer(line)).unwrap().1.remote.port();
    assert_eq!(remote(&mut bob, "m=audio 4000 RTP/AVP 0\r\n"), 4000);
    assert_eq!(remote(&mut bob, "m=audio 4100 RTP/AVP 0\r\n"), 4100);
    // A second audio line does not take the stream away, its removal does.
    let two = "m=audio 4100 RTP/AVP 0\r\nm=audio 4200 RTP/AVP 0\r\n";
    assert_eq!(remote(&mut bob, two), 4100);
    let moved = "m=audio 0 RTP/AVP 0\r\nm=audio 4200 RTP/AVP 0\r\n";
    assert_eq!(remote(&mut bob, moved), 4200);
    let both = "m=audio 4300 RTP/AVP 0\r\nm=audio 4200 RTP/AVP 0\r\n";
    assert_eq!(remote(&mut bob, both), 4200, "the line in use stays in use");
}

#[test]
fn an_offer_that_cannot_be_answered_changes_nothing() {
    let mut bob = party(2, "192.0.2.2");
    let good = over_the_wire(&party(1, "192.0.2.1").offer());
    let (before, _) = bob.answer(&good).unwrap();
    let bad = SessionDescription::parse(b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=video 1 RTP/AVP 31\r\n");
    assert_eq!(
        bob.answer(&bad.unwrap()).unwrap_err(),
        NegotiationError::NoCommonAudio
    );
    assert_eq!(bob.answer(&good).unwrap().0, before);
}

#[test]
fn answers_that_fit_no_offer_are_refused() {
    let answer = |line: &str| {
        SessionDescription::parse(format!("v=0\r\nc=IN IP4 192.0.2.2\r\n{line}").as_bytes())
            .unwrap()
    };
    let good = answer("m=audio 4000 RTP/AVP 0\r\n");
    let mut alice = party(1, "192.0.2.1");
    assert_eq!(alice.accept(&good), Err(NegotiationError::UnexpectedAnswer));
    alice.offer();
    for (line, error) in [
        ("", NegotiationError::MismatchedAnswer),
        (
            "m=video 4000 RTP/AVP 31\r\n",
            NegotiationError::MismatchedAnswer,
        ),
        ("m=audio 0 RTP/AVP 0\r\n", NegotiationError::Refused),
        (
            "m=audio 4000 RTP/AVP 18\r\n",
            NegotiationError::NoCommonAudio,
        ),
    ] {
        assert_eq!(alice.accept(&answer(line)), Err(error), "{line}");
    }
    // In a 183 and again in the 200.
    assert!(alice.accept(&good).is_ok());
    assert!(alice.accept(&good).is_ok());
}

#[test]
fn the_session_id_fits_sixty_three_bits() {
    let id = party(u64::MAX, "192.0.2.1")
        .offer()
        .origin
        .unwrap()
        .session_id;
    assert!(id.parse::<i64>().is_ok());
}
