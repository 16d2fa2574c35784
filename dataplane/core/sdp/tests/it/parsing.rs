//! Reading what phones send.

use std::net::IpAddr;

use callplane_sdp::{Direction, Host, ParseError, SessionDescription};
use proptest::prelude::*;

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes()).unwrap()
}

fn ip(text: &str) -> Host {
    Host::Ip(text.parse::<IpAddr>().unwrap())
}

#[test]
fn a_usual_offer_is_read_whole() {
    let session = parse(
        "v=0\r\no=- 3747 3747 IN IP4 192.0.2.10\r\ns=call\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000/1\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-16\r\na=ptime:30\r\na=sendonly\r\n",
    );
    let origin = session.origin.as_ref().unwrap();
    assert_eq!(
        (origin.session_id.as_str(), origin.version.as_str()),
        ("3747", "3747")
    );
    assert_eq!(session.name, "call");
    let media = &session.media[0];
    assert_eq!(session.connection_of(media), Some(&ip("192.0.2.10")));
    assert_eq!(media.port, 4000);
    assert_eq!(media.direction(), Some(Direction::SendOnly));
    assert_eq!(media.packet_time(), Some(30));
    let names: Vec<String> = media
        .rtp_maps()
        .into_iter()
        .map(|map| map.encoding)
        .collect();
    assert_eq!(names, ["PCMA", "PCMU", "telephone-event"]);
}

#[test]
fn any_line_end_and_any_missing_line_will_do() {
    for end in ["\r\n", "\n", "\r", "\r\n\r\n", " \n"] {
        let text = [
            "v=0",
            "o=- 1 1 IN IP4 192.0.2.1",
            "m=audio 4000 RTP/AVP 0",
            "c=IN IP4 192.0.2.1",
        ]
        .join(end);
        let session = parse(&text);
        assert_eq!(session.name, "-");
        assert_eq!(session.media[0].connection, Some(ip("192.0.2.1")));
    }
    assert!(parse("v=0").media.is_empty());
}

#[test]
fn octets_that_are_no_text_do_not_matter() {
    let mut body = b"v=0\r\no=caf\xE9 1 1 IN IP4 192.0.2.1\r\ns=\xFF\xFE\r\nz=\x00\r\n".to_vec();
    body.extend(b"garbage\r\n=x\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=\r\n");
    let session = SessionDescription::parse(&body).unwrap();
    assert_eq!(session.media[0].port, 4000);
}

#[test]
fn addresses_come_in_all_forms() {
    let connection = |value: &str| parse(&format!("v=0\r\nc={value}\r\n")).connection.unwrap();
    assert_eq!(connection("IN IP6 2001:db8::1"), ip("2001:db8::1"));
    assert_eq!(connection("IN IP4 224.2.1.1/127/3"), ip("224.2.1.1"));
    assert_eq!(connection("in ip6 [2001:db8::1]"), ip("2001:db8::1"));
    assert_eq!(
        connection("IN IP4 phone.example.com"),
        Host::Name("phone.example.com".into())
    );
}

#[test]
fn what_makes_media_unclear_is_refused() {
    for (text, error) in [
        ("", ParseError::NotSdp),
        ("hello", ParseError::NotSdp),
        ("v=1\r\n", ParseError::NotSdp),
        ("v=0\r\nm=audio\r\n", ParseError::Media),
        ("v=0\r\nm=audio 70000 RTP/AVP 0\r\n", ParseError::Media),
        ("v=0\r\nm=audio -1 RTP/AVP 0\r\n", ParseError::Media),
        ("v=0\r\nc=IN IP4\r\n", ParseError::Connection),
        ("v=0\r\nc=ATM NSAP 47.0091\r\n", ParseError::Connection),
    ] {
        assert_eq!(
            SessionDescription::parse(text.as_bytes()),
            Err(error),
            "{text:?}"
        );
    }
    let many = format!("v=0\r\n{}", "a=x\r\n".repeat(2000));
    assert_eq!(
        SessionDescription::parse(many.as_bytes()),
        Err(ParseError::TooManyLines)
    );
    let many = format!("v=0\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(40));
    assert_eq!(
        SessionDescription::parse(many.as_bytes()),
        Err(ParseError::TooManyLines)
    );
    let long = format!("v=0\r\ns={}", "x".repeat(70_000));
    assert_eq!(
        SessionDescription::parse(long.as_bytes()),
        Err(ParseError::TooLong)
    );
}

#[test]
fn a_second_description_in_one_body_is_ignored() {
    let session = parse(
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n\
         v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 5000 RTP/AVP 0\r\n",
    );
    assert_eq!(session.media.len(), 1);
    assert_eq!(session.media[0].connection, None);
}

#[test]
fn a_packet_time_that_is_none_is_ignored() {
    let time = |attributes: &str| {
        parse(&format!("v=0\r\nm=audio 1 RTP/AVP 0\r\n{attributes}")).media[0].packet_time()
    };
    assert_eq!(time("a=ptime:0\r\n"), None);
    assert_eq!(time("a=ptime:x\r\n"), None);
    assert_eq!(time("a=ptime:5000\r\n"), None);
    assert_eq!(time("a=ptime:40\r\na=maxptime:30\r\n"), Some(40));
    assert_eq!(time("a=ptime: 2.5\r\n"), Some(2));
}

proptest! {
    #[test]
    fn no_octets_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = SessionDescription::parse(&body);
    }

    /// Lines that look like SDP, and their writing again.
    #[test]
    fn what_was_read_writes_and_reads_the_same(
        lines in proptest::collection::vec(
            prop_oneof![
                "[osctbaimkurpe]=[ -~]{0,40}",
                "m=(audio|video) [0-9]{1,5} RTP/S?AVPF? [0-9 ]{1,20}",
                "c=IN IP[46] [0-9a-f:.]{1,20}",
                "a=(rtpmap|fmtp|ptime|rtcp):[ -~]{0,30}",
                "o=[!-~]{1,9} [0-9]{1,30} [0-9]{1,30} IN IP4 [0-9.]{7,15}",
            ],
            0..30),
    ) {
        let body = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
        if let Ok(session) = SessionDescription::parse(body.as_bytes()) {
            for media in &session.media {
                let _ = media.rtp_maps();
                let _ = media.packet_time();
            }
            let once = session.to_bytes();
            let again = SessionDescription::parse(&once).unwrap();
            prop_assert_eq!(again.to_bytes(), once);
            prop_assert_eq!(again.media, session.media);
        }
    }
}
