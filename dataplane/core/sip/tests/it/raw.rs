//! One agent against messages written by hand.

use std::net::SocketAddr;

use bytes::Bytes;
use callplane_sip::{
    Command, Config, Ending, Event, Input, Instant, Output, Path, SessionId, StatusCode, UserAgent,
};

use crate::link::{ALICE, BOB, Link, address};

/// A request that Bob sends inside the call that Alice placed, made from her last INVITE and his
/// 200 to it.
pub(crate) fn in_dialog_from_bob(
    link: &Link,
    method: &str,
    cseq: u32,
    headers: &str,
    body: &str,
) -> String {
    let ok = link
        .sent
        .iter()
        .find(|(_, who, text)| *who == BOB && text.starts_with("SIP/2.0 200"))
        .map(|(.., text)| text.as_str())
        .unwrap();
    let line = |name: &str| {
        let start = format!("{name}: ");
        ok.lines()
            .find_map(|line| line.strip_prefix(start.as_str()))
            .unwrap()
            .to_owned()
    };
    let (from, to, call_id) = (line("To"), line("From"), line("Call-ID"));
    format!(
        "{method} sip:192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{method}{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An agent and what it said.
pub(crate) struct Server {
    pub(crate) agent: UserAgent,
    pub(crate) now: Instant,
    pub(crate) sent: Vec<(Path, String)>,
    pub(crate) events: Vec<(SessionId, Event)>,
}

pub(crate) fn peer() -> SocketAddr {
    "198.51.100.7:5080".parse().unwrap()
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            agent: UserAgent::new(Config::new(address(BOB)), [3; 32]),
            now: Instant::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    /// One that tells of its messages.
    pub(crate) fn tracing() -> Self {
        let config = Config {
            traces: true,
            ..Config::new(address(BOB))
        };
        Self {
            agent: UserAgent::new(config, [3; 32]),
            ..Self::new()
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.agent.handle(self.now, input);
        while let Some(output) = self.agent.poll() {
            match output {
                Output::Transmit { path, bytes } => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    self.sent.push((path, text));
                }
                Output::Event { session, event } => self.events.push((session, event)),
                Output::Connect { .. } | Output::Close { .. } => {}
            }
        }
    }

    /// Takes a datagram; gives what was sent for it.
    pub(crate) fn receive(&mut self, text: &[u8]) -> Vec<String> {
        self.sent.clear();
        let bytes = Bytes::copy_from_slice(text);
        self.input(Input::Datagram {
            source: peer(),
            bytes,
        });
        self.sent.iter().map(|(_, text)| text.clone()).collect()
    }

    /// The status of the one final answer, or `None` when nothing was answered.
    pub(crate) fn status(&mut self, text: &[u8]) -> Option<u16> {
        let answers = self.receive(text);
        let statuses: Vec<u16> = answers
            .iter()
            .map(|text| text[8..11].parse().unwrap())
            .filter(|status| *status >= 200)
            .collect();
        assert!(statuses.len() <= 1, "{answers:?}");
        statuses.first().copied()
    }

    pub(crate) fn command(&mut self, command: Command) {
        let session = self.events.last().unwrap().0;
        self.input(Input::Command { session, command });
    }
}

pub(crate) fn request(method: &str, extra: &str, body: &str) -> String {
    format!(
        "{method} sip:service@192.0.2.2 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK{method}1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@example.org>;tag=f1\r\nTo: <sip:service@192.0.2.2>\r\n\
         Call-ID: raw-1\r\nCSeq: 1 {method}\r\nContact: <sip:a@198.51.100.7:5080>\r\n\
         {extra}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn invite() -> String {
    request("INVITE", "Content-Type: application/sdp\r\n", "v=0\r\n")
}

#[test]
fn options_is_answered_and_503_while_draining() {
    let mut server = Server::new();
    let options = request("OPTIONS", "", "");
    let answers = server.receive(options.as_bytes());
    assert!(answers[0].starts_with("SIP/2.0 200 OK\r\n"), "{answers:?}");
    assert!(answers[0].contains("\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO\r\n"));
    assert!(answers[0].contains("\r\nAccept: application/sdp\r\n"));
    server.input(Input::Drain(true));
    let answers = server.receive(options.as_bytes());
    assert!(answers[0].starts_with("SIP/2.0 503"), "{answers:?}");
    assert!(answers[0].contains("\r\nRetry-After: 5\r\n"));
}

#[test]
fn what_the_agent_does_not_speak_is_refused_by_the_right_status() {
    let cases: [(&str, &str, &str, u16, &str); 9] = [
        ("REGISTER", "", "", 405, "Allow: INVITE"),
        ("SUBSCRIBE", "", "", 405, "Allow: INVITE"),
        ("FOO", "", "", 405, "Allow: INVITE"),
        (
            "INVITE",
            "Require: 100rel, timer\r\n",
            "",
            420,
            "Unsupported: 100rel, timer",
        ),
        ("OPTIONS", "Require: x\r\n", "", 420, "Unsupported: x"),
        (
            "INVITE",
            "Content-Type: text/plain\r\n",
            "hi",
            415,
            "Accept: application/sdp",
        ),
        (
            "INVITE",
            "Content-Encoding: gzip\r\n",
            "hi",
            415,
            "Accept-Encoding: identity",
        ),
        (
            "INVITE",
            "Accept: text/html\r\n",
            "",
            406,
            "Accept: application/sdp",
        ),
        ("BYE", "", "", 481, ""),
    ];
    for (method, extra, body, status, header) in cases {
        let mut server = Server::new();
        let answers = server.receive(request(method, extra, body).as_bytes());
        let answer = answers.last().unwrap();
        assert!(
            answer.starts_with(&format!("SIP/2.0 {status} ")),
            "{answer}"
        );
        assert!(answer.contains(header), "{answer}");
    }
}

#[test]
fn a_request_for_an_unknown_dialog_gets_481() {
    let mut server = Server::new();
    for method in ["BYE", "INVITE", "INFO"] {
        let text =
            request(method, "", "").replace("192.0.2.2>\r\nCall", "192.0.2.2>;tag=x\r\nCall");
        assert_eq!(server.status(text.as_bytes()), Some(481), "{method}");
    }
    assert_eq!(
        server.status(request("CANCEL", "", "").as_bytes()),
        Some(481)
    );
    assert_eq!(server.status(request("ACK", "", "").as_bytes()), None);
    assert!(server.events.is_empty());
}

#[test]
fn a_repeated_invite_is_one_call_and_gets_the_last_answer_again() {
    let mut server = Server::new();
    let first = server.receive(invite().as_bytes());
    assert!(first[0].starts_with("SIP/2.0 100"), "{first:?}");
    assert_eq!(server.receive(invite().as_bytes()), first);
    server.command(Command::Ring {
        status: StatusCode::RINGING,
        sdp: None,
    });
    let ringing = server.receive(invite().as_bytes());
    assert!(ringing[0].starts_with("SIP/2.0 180"), "{ringing:?}");
    assert_eq!(server.events.len(), 1);
}

#[test]
fn the_same_invite_by_another_way_is_a_loop() {
    let mut server = Server::new();
    server.receive(invite().as_bytes());
    let merged = invite().replace("z9hG4bKINVITE1", "z9hG4bKother");
    assert_eq!(server.status(merged.as_bytes()), Some(482));
}

#[test]
fn responses_go_where_via_says_and_to_the_source_with_rport() {
    let mut server = Server::new();
    let options = request("OPTIONS", "", "");
    let behind_nat = options.replace("198.51.100.7:5080;branch", "10.0.0.1:5062;rport;branch");
    let answers = server.receive(behind_nat.as_bytes());
    assert_eq!(server.sent[0].0, Path::Udp(peer()));
    assert!(
        answers[0].contains(
            "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKOPTIONS1;rport=5080;received=198.51.100.7\r\n"
        ),
        "{answers:?}"
    );
    let other_port = options.replace("198.51.100.7:5080;branch", "198.51.100.7:6000;branch");
    server.receive(other_port.as_bytes());
    let port_of_via = "198.51.100.7:6000".parse().unwrap();
    assert_eq!(server.sent[0].0, Path::Udp(port_of_via));
    let no_port = options.replace("198.51.100.7:5080;branch", "host.example;branch");
    let answers = server.receive(no_port.as_bytes());
    let default_port = "198.51.100.7:5060".parse().unwrap();
    assert_eq!(server.sent[0].0, Path::Udp(default_port));
    assert!(answers[0].contains(";received=198.51.100.7"), "{answers:?}");
}

#[test]
fn a_dialog_keeps_to_its_route_set() {
    let mut server = Server::new();
    let routed = "Content-Type: application/sdp\r\n\
        Record-Route: <sip:203.0.113.1;lr>, <sip:203.0.113.2:5070;lr>\r\n";
    server.receive(request("INVITE", routed, "v=0\r\n").as_bytes());
    let sdp = Bytes::from_static(b"v=0\r\n");
    server.sent.clear();
    server.command(Command::Answer { sdp });
    let ok = server.sent[0].1.clone();
    assert!(
        ok.contains("Record-Route: <sip:203.0.113.1;lr>, <sip:203.0.113.2:5070;lr>\r\n"),
        "{ok}"
    );
    let tag = ok.split(";tag=").nth(2).unwrap().lines().next().unwrap();
    let ack = request("ACK", "", "").replace(
        "192.0.2.2>\r\nCall",
        &format!("192.0.2.2>;tag={tag}\r\nCall"),
    );
    server.receive(ack.as_bytes());
    server.command(Command::Hangup);
    let (path, bye) = server.sent.last().unwrap();
    assert_eq!(*path, Path::Udp("203.0.113.1:5060".parse().unwrap()));
    assert!(
        bye.starts_with("BYE sip:a@198.51.100.7:5080 SIP/2.0\r\n"),
        "{bye}"
    );
    assert!(
        bye.contains("Route: <sip:203.0.113.1;lr>\r\nRoute: <sip:203.0.113.2:5070;lr>\r\n"),
        "{bye}"
    );
}

#[test]
fn a_private_contact_from_a_public_source_means_the_source() {
    let mut server = Server::new();
    let text = invite().replace(
        "Contact: <sip:a@198.51.100.7:5080>",
        "Contact: <sip:a@10.1.1.1>",
    );
    server.receive(text.as_bytes());
    let sdp = Bytes::from_static(b"v=0\r\n");
    server.sent.clear();
    server.command(Command::Answer { sdp });
    let ok = server.sent[0].1.clone();
    let tag = ok.split(";tag=").nth(2).unwrap().lines().next().unwrap();
    let ack = request("ACK", "", "").replace(
        "192.0.2.2>\r\nCall",
        &format!("192.0.2.2>;tag={tag}\r\nCall"),
    );
    server.receive(ack.as_bytes());
    server.command(Command::Hangup);
    let (path, bye) = server.sent.last().unwrap();
    assert_eq!(*path, Path::Udp(peer()));
    assert!(bye.starts_with("BYE sip:a@10.1.1.1 SIP/2.0\r\n"), "{bye}");
}

#[test]
fn an_invite_without_sdp_gets_the_answer_in_its_ack() {
    let mut server = Server::new();
    server.receive(request("INVITE", "", "").as_bytes());
    assert!(matches!(&server.events[0].1, Event::Incoming(invite) if invite.offer.is_none()));
    let sdp = Bytes::from_static(b"v=0\r\n");
    server.sent.clear();
    server.command(Command::Answer { sdp });
    let ok = server.sent[0].1.clone();
    let tag = ok.split(";tag=").nth(2).unwrap().lines().next().unwrap();
    let ack = request("ACK", "Content-Type: application/sdp\r\n", "v=0\r\nanswer").replace(
        "192.0.2.2>\r\nCall",
        &format!("192.0.2.2>;tag={tag}\r\nCall"),
    );
    server.receive(ack.as_bytes());
    assert!(matches!(
        &server.events.last().unwrap().1,
        Event::Acknowledged { sdp: Some(sdp) } if sdp == "v=0\r\nanswer"
    ));
}

#[test]
fn every_answer_of_a_fork_but_the_first_is_acknowledged_and_hung_up() {
    let mut link = Link::calm();
    let (hers, _) = link.established();
    let ok = link
        .sent
        .iter()
        .find(|(_, who, text)| *who == BOB && text.starts_with("SIP/2.0 200"))
        .map(|(.., text)| text.clone())
        .unwrap();
    let tag = ok.split(";tag=").nth(2).unwrap().lines().next().unwrap();
    let other = ok.replace(tag, "other-phone");
    link.inject(ALICE, address(BOB), other.as_bytes());
    link.inject(ALICE, address(BOB), other.as_bytes());
    let to_other = |method: &str| {
        let sent = link.sent.iter().filter(|(_, who, text)| {
            *who == ALICE && text.starts_with(method) && text.contains("other-phone")
        });
        sent.count()
    };
    assert_eq!(to_other("ACK"), 2, "one for each 200");
    assert_eq!(to_other("BYE"), 1);
    link.command(ALICE, hers, Command::Hangup);
    assert_eq!(link.ending(ALICE, hers), Ending::Local);
}

#[test]
fn a_response_with_a_foreign_via_is_dropped() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let invite = link.sent[0].2.clone();
    let head: String = invite
        .lines()
        .filter(|line| {
            ["Via", "From", "To", "Call-ID", "CSeq"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .map(|line| format!("{line}\r\n"))
        .collect();
    let busy = format!("SIP/2.0 486 Busy\r\n{head}\r\n");
    let foreign = busy.replacen("192.0.2.1:5060", "192.0.2.9:5060", 1);
    link.inject(ALICE, address(BOB), foreign.as_bytes());
    assert!(link.events.is_empty(), "{:?}", link.events);
    link.inject(ALICE, address(BOB), busy.as_bytes());
    assert!(
        matches!(link.ending(ALICE, hers), Ending::Failed { status, .. } if status.code() == 486)
    );
}

#[test]
fn numbers_and_names_stay_out_of_debug_output() {
    let mut server = Server::new();
    let text = invite().replace("sip:a@", "sip:+15551230001@");
    server.receive(text.as_bytes());
    let debug = format!("{:?}", server.events);
    assert!(!debug.contains("5551230001"), "{debug}");
}

#[test]
fn what_is_refused_by_itself_leaves_nothing_behind() {
    let mut server = Server::new();
    let foreign = |method: &str| {
        request(method, "", "").replace("192.0.2.2>\r\nCall", "192.0.2.2>;tag=x\r\nCall")
    };
    for (text, status) in [
        (foreign("BYE"), 481),
        (foreign("INVITE"), 481),
        (request("SUBSCRIBE", "", ""), 405),
        (request("INVITE", "Require: 100rel\r\n", ""), 420),
        (request("INVITE", "Content-Type: text/plain\r\n", "x"), 415),
    ] {
        assert_eq!(server.status(text.as_bytes()), Some(status));
        assert_eq!(server.agent.transaction_count(), 0, "{text}");
        let again = server.status(text.as_bytes());
        assert_eq!(again, Some(status), "the same request gets the same answer");
    }
    assert!(server.events.is_empty());
}

#[test]
fn a_stranger_is_turned_away_once_and_forgotten() {
    let mut server = Server::new();
    server.receive(invite().as_bytes());
    server.sent.clear();
    server.command(Command::TurnAway {
        status: StatusCode::FORBIDDEN,
    });
    assert_eq!(server.sent.len(), 1);
    assert!(server.sent[0].1.starts_with("SIP/2.0 403 "));
    assert!(matches!(
        server.events.last(),
        Some((_, Event::Ended(Ending::Local)))
    ));
    assert_eq!(server.agent.session_count(), 0);
    assert_eq!(server.agent.transaction_count(), 0);
    assert_eq!(server.agent.next_timeout(), None, "nothing is repeated");
    // Its 403 was lost: it asks again, and is told again.
    server.receive(invite().as_bytes());
    assert_eq!(server.events.len(), 3);
}
