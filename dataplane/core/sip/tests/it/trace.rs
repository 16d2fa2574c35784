//! What the agent tells of its messages, and what others may see of them.

use bytes::Bytes;
use callplane_sip::{ConnectionId, Heading, Input, Ladder, Traced, Transport, mask};
use proptest::prelude::*;

use crate::raw::{Server, peer, request};

fn masked(message: &str) -> String {
    let mut octets = message.as_bytes().to_vec();
    mask(&mut octets);
    assert_eq!(octets.len(), message.len(), "the length stays");
    String::from_utf8(octets).unwrap()
}

const INVITE: &str = "INVITE sip:+15551230001;npdi@192.0.2.1:5060;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK-77\r\n\
    From: \"Ada L. 15557770001\" <sip:+15557770001@198.51.100.7?Subject=4155550100>;tag=9\r\n\
    To: <tel:+15551230001;phone-context=example.com>\r\n\
    Contact: sip:15557770001@198.51.100.7:5080\r\n\
    Call-ID: 15557770001-77@198.51.100.7\r\n\
    P-Asserted-Identity: \"Ada\" <sip:15557770001@carrier.example>, <tel:+15557770001>\r\n\
    Diversion: <sip:15557770009@h>;reason=unconditional;counter=1\r\n\
    Authorization: Digest username=\"15557770001\", response=\"abcdef0123\"\r\n\
    Identity: eyJhbGciOi.eyJhdHRlc3QiOiJBIn0\r\n\
    X-Customer: 15557770001 Ada\r\n\
    Subject: 15557770001\r\n\
    \x20 and more of 15557770001\r\n\
    CSeq: 1 INVITE\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 0\r\n\r\n\
    v=0\r\no=15557770001 1 1 IN IP4 198.51.100.7\r\ns=Ada\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
    m=audio 40000 RTP/SAVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n\
    a=ice-pwd:secretsecretsecretsecret\r\na=ssrc:77 cname:ada@example.com\r\n\
    k=clear:secretsecret\r\na=sendrecv\r\n";

#[test]
fn nothing_of_who_calls_whom_and_no_secret_is_left() {
    let text = masked(INVITE);
    for secret in [
        "555", "Ada", "4155", "abcdef", "eyJ", "WVNf", "secret", "ada@",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn names_that_look_like_addresses_hide_nothing() {
    for from in [
        "\"sip:x Ada\" <sip:+15557770001@h>;tag=1",
        "\"sip:x\" <sip:+15557770001@h>, \"Ada, 15557770001\" <tel:15557770001>",
        "sip:x <sip:15557770001@h>",
        "<sip:15557770001>",
        "<sips:Ada:secret@h>",
        "<sip:h?From=Ada>",
        "<sip:h>;q=1, \"Ada, L\" <sip:a@h>",
        "Ada",
    ] {
        let text = masked(&format!("BYE sip:h SIP/2.0\r\nFrom: {from}\r\n\r\n"));
        assert!(!text.contains("555") && !text.contains("Ada"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn what_helps_to_understand_a_call_is_left() {
    let text = masked(INVITE);
    for shown in [
        "INVITE sip:xxxxxxxxxxxx",
        "@192.0.2.1:5060;user=phone SIP/2.0\r\n",
        "Via: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK-77\r\n",
        "@198.51.100.7:5080\r\n",
        "reason=unconditional;counter=1\r\n",
        "Authorization: Digest ",
        "CSeq: 1 INVITE\r\n",
        "m=audio 40000 RTP/SAVP 0 101\r\n",
        "a=rtpmap:0 PCMU/8000\r\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxx",
        "c=IN IP4 198.51.100.7\r\n",
        "a=sendrecv\r\n",
    ] {
        assert!(text.contains(shown), "no {shown:?} in {text}");
    }
    let status = "SIP/2.0 486 Busy Here\r\nWarning: 399 host \"line of 15557770001\"\r\n\r\n";
    let shown = "SIP/2.0 486 Busy Here\r\nWarning: 399 host \"line of xxxxxxxxxxx\"\r\n\r\n";
    assert_eq!(masked(status), shown);
}

#[test]
fn keys_that_were_pressed_are_a_body_and_not_shown() {
    let info = "INFO sip:a@h SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";
    assert!(!masked(info).contains('5'), "{}", masked(info));
}

proptest! {
    #[test]
    fn no_octets_panic_and_no_length_changes(mut octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let length = octets.len();
        mask(&mut octets);
        prop_assert_eq!(octets.len(), length);
    }

    /// However a message is damaged, a run of digits as long as a number is not left of its addresses.
    #[test]
    fn a_cut_message_shows_no_number(cut in 0..INVITE.len()) {
        let mut octets = INVITE.as_bytes()[..cut].to_vec();
        mask(&mut octets);
        let text = String::from_utf8_lossy(&octets);
        prop_assert!(!text.contains("1555777") && !text.contains("1555123"), "{}", text);
    }
}

fn traced(heading: Heading, text: &str) -> Traced {
    Traced {
        at: callplane_sip::Instant::ZERO,
        heading,
        peer: peer(),
        transport: Transport::Udp,
        call_id: Bytes::from_static(b"a"),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    }
}

#[test]
fn a_ladder_counts_repetitions_and_holds_so_many_steps_of_so_many_octets() {
    let mut ladder = Ladder::default();
    ladder.push(0, &traced(Heading::Received, INVITE));
    ladder.push(1, &traced(Heading::Sent, "SIP/2.0 100 Trying\r\n\r\n"));
    ladder.push(2, &traced(Heading::Received, INVITE));
    let steps = ladder.steps();
    assert_eq!((steps.len(), steps[0].times, steps[0].at), (2, 2, 0));
    assert!(steps[0].start_line().starts_with("INVITE sip:xxxxx"));
    assert_eq!(steps[0].header("cseq"), Some("1 INVITE"));
    assert!(!steps[0].head.contains("m=audio"), "heads only");
    let long = format!(
        "OPTIONS sip:h SIP/2.0\r\nUser-Agent: {}\r\n\r\n",
        "a".repeat(5_000)
    );
    ladder.push(3, &traced(Heading::Received, &long));
    assert_eq!(ladder.steps()[2].head.len(), Ladder::<u32>::MAX_OCTETS);
    for serial in 0..100 {
        let text = format!("SIP/2.0 200 OK\r\nCSeq: {serial} INFO\r\n\r\n");
        ladder.push(4, &traced(Heading::Sent, &text));
    }
    assert_eq!(ladder.steps().len(), Ladder::<u32>::MAX_STEPS);
    assert_eq!(ladder.left_out(), 100 + 3 - Ladder::<u32>::MAX_STEPS as u64);
}

fn told(server: &mut Server) -> Vec<(Heading, Transport, String, String)> {
    std::iter::from_fn(|| server.agent.poll_traced())
        .map(|traced| {
            assert_eq!(traced.peer, peer());
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let first = text(&traced.bytes).lines().next().unwrap().to_owned();
            (
                traced.heading,
                traced.transport,
                text(&traced.call_id),
                first,
            )
        })
        .collect()
}

#[test]
fn messages_are_told_in_their_order_with_the_call_they_belong_to() {
    let mut server = Server::tracing();
    let datagram = request("OPTIONS", "", "");
    let call_id = datagram
        .lines()
        .find_map(|line| line.strip_prefix("Call-ID: "))
        .unwrap()
        .to_owned();
    server.receive(datagram.as_bytes());
    let connection = ConnectionId::accepted(1);
    server.input(Input::StreamOpened {
        connection,
        peer: peer(),
    });
    let stream = datagram.replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    for bytes in stream.as_bytes().chunks(50) {
        let bytes = Bytes::copy_from_slice(bytes);
        server.input(Input::StreamBytes { connection, bytes });
    }
    server.receive(b"no SIP at all\r\n\r\n");
    let told = told(&mut server);
    let expected = [Transport::Udp, Transport::Tcp]
        .into_iter()
        .flat_map(|transport| {
            let asked = "OPTIONS sip:service@192.0.2.2 SIP/2.0";
            [
                (Heading::Received, asked),
                (Heading::Sent, "SIP/2.0 200 OK"),
            ]
            .map(|(heading, first)| (heading, transport, call_id.clone(), first.to_owned()))
        });
    assert_eq!(told, expected.collect::<Vec<_>>());
}

#[test]
fn nothing_is_kept_unless_it_was_asked_for_and_then_no_more_than_so_much() {
    let mut server = Server::new();
    server.receive(request("OPTIONS", "", "").as_bytes());
    assert!(told(&mut server).is_empty());
    let mut server = Server::tracing();
    for _ in 0..1_000 {
        server.receive(request("OPTIONS", "", "").as_bytes());
    }
    assert_eq!(told(&mut server).len(), 256);
}
