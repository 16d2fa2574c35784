//! Framing on TCP.

use bytes::Bytes;
use callplane_sip::{ConnectionId, Framed, Input, MAX_MESSAGE_BYTES, Path, StreamReader};

use crate::raw::{Server, peer, request};

fn over_tcp(text: &str) -> String {
    text.replace("SIP/2.0/UDP", "SIP/2.0/TCP")
}

fn connected() -> (Server, ConnectionId) {
    let mut server = Server::new();
    let connection = ConnectionId::accepted(1);
    let peer = peer();
    server.input(Input::StreamOpened { connection, peer });
    (server, connection)
}

fn push(server: &mut Server, connection: ConnectionId, text: &[u8]) {
    let bytes = Bytes::copy_from_slice(text);
    server.input(Input::StreamBytes { connection, bytes });
}

#[test]
fn messages_come_whole_out_of_any_portions() {
    let first = over_tcp(&request("OPTIONS", "", "body"));
    let second = over_tcp(&request("OPTIONS", "", "")).replace("OPTIONS1", "OPTIONS2");
    let stream = format!("\r\n{first}{second}");
    for portion in [1, 2, 7, 64, 10_000] {
        let (mut server, connection) = connected();
        for bytes in stream.as_bytes().chunks(portion) {
            push(&mut server, connection, bytes);
        }
        assert_eq!(server.sent.len(), 2, "portions of {portion}");
        for (path, text) in &server.sent {
            assert_eq!(*path, Path::Tcp(connection));
            assert!(text.starts_with("SIP/2.0 200"), "{text}");
        }
    }
}

#[test]
fn a_ping_is_answered_with_a_pong() {
    let (mut server, connection) = connected();
    push(&mut server, connection, b"\r\n\r\n");
    assert_eq!(server.sent, [(Path::Tcp(connection), "\r\n".to_owned())]);
}

#[test]
fn lengths_that_disagree_or_miss_break_the_stream() {
    for extra in [
        "Content-Length: 5\r\n",
        "Content-Length: -1\r\n",
        "l: 7\r\n",
    ] {
        let (mut server, connection) = connected();
        let text = over_tcp(&request("OPTIONS", extra, ""));
        push(&mut server, connection, text.as_bytes());
        assert!(
            server.sent[0].1.starts_with("SIP/2.0 400"),
            "{:?}",
            server.sent
        );
        push(&mut server, connection, text.as_bytes());
        assert_eq!(server.sent.len(), 1, "closed");
    }
    let (mut server, connection) = connected();
    let text = over_tcp(&request("OPTIONS", "", "")).replace("Content-Length: 0\r\n", "");
    push(&mut server, connection, text.as_bytes());
    assert!(
        server.sent[0].1.starts_with("SIP/2.0 400"),
        "{:?}",
        server.sent
    );
}

#[test]
fn a_malformed_message_leaves_the_next_one_readable() {
    let (mut server, connection) = connected();
    let bad = over_tcp(&request("OPTIONS", "", "")).replace("CSeq: 1", "CSeq: x");
    let good = over_tcp(&request("OPTIONS", "", ""));
    push(&mut server, connection, format!("{bad}{good}").as_bytes());
    assert!(
        server.sent[0].1.starts_with("SIP/2.0 400"),
        "{:?}",
        server.sent
    );
    assert!(
        server.sent[1].1.starts_with("SIP/2.0 200"),
        "{:?}",
        server.sent
    );
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let (mut server, connection) = connected();
    let text = over_tcp(&request("OPTIONS", "", ""))
        .replace("Content-Length: 0", "Content-Length: 4000000000");
    push(&mut server, connection, text.as_bytes());
    assert!(
        server.sent[0].1.starts_with("SIP/2.0 513"),
        "{:?}",
        server.sent
    );

    let mut reader = StreamReader::default();
    reader.push(&vec![b'a'; MAX_MESSAGE_BYTES + 1]);
    assert!(matches!(reader.next(), Some(Framed::Broken(_))));
    assert!(reader.next().is_none());
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let mut server = Server::new();
    for n in 0..=1_000_u64 {
        let connection = ConnectionId::accepted(n);
        let peer = format!("198.51.100.{}:5080", n % 250).parse().unwrap();
        server.input(Input::StreamOpened { connection, peer });
    }
    assert!(is_served(&mut server, 999));
    assert!(!is_served(&mut server, 1_000));
}

#[test]
fn one_address_does_not_take_all_connections() {
    let mut server = Server::new();
    for n in 0..=100 {
        let connection = ConnectionId::accepted(n);
        let peer = peer();
        server.input(Input::StreamOpened { connection, peer });
    }
    assert!(is_served(&mut server, 99));
    assert!(!is_served(&mut server, 100));
    let (connection, peer) = (ConnectionId::accepted(101), "192.0.2.9:5060");
    let peer = peer.parse().unwrap();
    server.input(Input::StreamOpened { connection, peer });
    assert!(is_served(&mut server, 101));
}

/// Whether a connection gets an answer.
fn is_served(server: &mut Server, connection: u64) -> bool {
    let options = over_tcp(&request("OPTIONS", "", ""));
    server.sent.clear();
    push(
        server,
        ConnectionId::accepted(connection),
        options.as_bytes(),
    );
    !server.sent.is_empty()
}
