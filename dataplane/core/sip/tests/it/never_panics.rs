//! Whatever comes in, the agent goes on and answers the next OPTIONS.

use bytes::Bytes;
use callplane_sip::{ConnectionId, Input, Message, StreamReader};
use proptest::prelude::*;

use crate::raw::{Server, peer, request};

fn answers_options(server: &mut Server) {
    let options = request("OPTIONS", "", "").replace("OPTIONS1", "OPTIONS9");
    assert_eq!(server.status(options.as_bytes()), Some(200));
}

/// A valid message with a few bytes changed, cut or doubled: gets far deeper than noise.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let methods = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "PRACK"];
    let extras = [
        "",
        "Content-Type: application/sdp\r\n",
        "Record-Route: <sip:p1;lr>,<sip:p2>\r\n",
        "Authorization: Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"d\", response=\"e\"\r\n",
        "Via: SIP/2.0/TCP [::1]:5060;branch=z9hG4bK7\r\n folded: no\r\n",
        "Require: a,,b\r\nAccept: */*;q=0\r\n",
    ];
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (
        prop::sample::select(methods.to_vec()),
        prop::sample::select(extras.to_vec()),
        prop::collection::vec(edit, 0..6),
    )
        .prop_map(|(method, extra, edits)| {
            let mut text = request(method, extra, "v=0\r\n").into_bytes();
            for (index, byte, kind) in edits {
                if text.is_empty() {
                    break;
                }
                let at = index.index(text.len());
                match kind {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    2 => text.truncate(at),
                    _ => {
                        let tail = text[at..].to_vec();
                        text.extend(tail);
                    }
                }
            }
            text
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn arbitrary_datagrams(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut server = Server::new();
        server.receive(&bytes);
        answers_options(&mut server);
    }

    #[test]
    fn damaged_messages(texts in prop::collection::vec(damaged(), 1..4)) {
        let mut server = Server::new();
        for text in &texts {
            server.receive(text);
        }
        answers_options(&mut server);
    }

    #[test]
    fn damaged_streams(texts in prop::collection::vec(damaged(), 1..4), portion in 1..200_usize) {
        let mut server = Server::new();
        let connection = ConnectionId::accepted(1);
        server.input(Input::StreamOpened { connection, peer: peer() });
        for text in &texts {
            for bytes in text.chunks(portion) {
                let bytes = Bytes::copy_from_slice(bytes);
                server.input(Input::StreamBytes { connection, bytes });
            }
        }
        answers_options(&mut server);
    }

    /// Cutting a stream into portions changes nothing.
    #[test]
    fn portions_do_not_matter(text in damaged(), portion in 1..50_usize) {
        let read = |portion: usize| {
            let mut reader = StreamReader::default();
            let mut out = Vec::new();
            for bytes in text.chunks(portion) {
                reader.push(bytes);
                while let Some(framed) = reader.next() {
                    out.push(format!("{framed:?}"));
                }
            }
            out
        };
        prop_assert_eq!(read(portion), read(usize::MAX));
    }

    /// What a datagram and a stream of the same bytes give is the same message.
    #[test]
    fn datagram_and_stream_agree(text in damaged()) {
        let datagram = Message::parse_datagram(&Bytes::from(text.clone()));
        let mut reader = StreamReader::default();
        reader.push(&text);
        if let (Ok(message), Some(callplane_sip::Framed::Message(framed))) = (datagram, reader.next()) {
            prop_assert_eq!(format!("{message:?}"), format!("{framed:?}"));
        }
    }
}
