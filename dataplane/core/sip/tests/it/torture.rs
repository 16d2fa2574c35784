//! The torture messages of RFC 4475 and RFC 5118, which nobody on this project wrote.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use callplane_sip::{Event, Framed, Message, StreamReader};

use crate::raw::Server;

/// Where the messages are, or `None`, said aloud, where the environment names no place.
pub(crate) fn conformance_data(folder: &str) -> Option<PathBuf> {
    match std::env::var_os("CONFORMANCE_DATA") {
        Some(root) => Some(Path::new(&root).join(folder)),
        None => {
            println!("skipped: CONFORMANCE_DATA is not set, so {folder} cannot be read");
            None
        }
    }
}

/// What became of a message: the status, `accept` when it would be a call, or `drop`.
fn outcome(text: &[u8]) -> String {
    let mut server = Server::new();
    let status = server.status(text);
    let incoming = server
        .events
        .iter()
        .any(|(_, event)| matches!(event, Event::Incoming(_)));
    match status {
        Some(status) => {
            assert!(!incoming);
            status.to_string()
        }
        None if incoming => "accept".to_owned(),
        None => "drop".to_owned(),
    }
}

fn is_response(text: &[u8]) -> bool {
    text.starts_with(b"SIP/2.0")
}

fn allowed(expected: &str, outcome: &str, response: bool) -> bool {
    expected.split('|').any(|allowed| match allowed {
        "parse" if response => outcome == "drop",
        "parse" => !["400", "505", "drop"].contains(&outcome),
        "accept" => outcome == "accept" || (outcome != "drop" && !outcome.starts_with("400")),
        "2xx" => outcome.starts_with('2'),
        "4xx" => outcome.starts_with('4'),
        exact => exact == outcome,
    })
}

fn run(folder: &str, extension: &str) {
    let Some(folder) = conformance_data(folder) else {
        return;
    };
    let table = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (name, expected) = (columns[0], columns[3]);
        let expected = expected.split(' ').next().unwrap();
        let file = folder.join(format!("{name}{extension}"));
        let text = std::fs::read(file).unwrap();
        let outcome = outcome(&text);
        // This agent is no registrar: it refuses the method before it looks at credentials.
        let expected = match name {
            "regaut01" => "405",
            _ => expected,
        };
        count += 1;
        if !allowed(expected, &outcome, is_response(&text)) {
            wrong.push(format!("{name}: {outcome}, allowed {expected}"));
        }
    }
    assert!(count > 0);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rfc_4475_messages_have_an_allowed_outcome() {
    run("sip-rfc4475", ".dat");
}

#[test]
fn rfc_5118_messages_have_an_allowed_outcome() {
    run("sip-rfc5118", "");
}

#[test]
fn valid_torture_responses_parse() {
    let Some(folder) = conformance_data("sip-rfc4475") else {
        return;
    };
    for (name, parses) in [
        ("unreason", true),
        ("noreason", true),
        ("scalarlg", false),
        ("bigcode", false),
    ] {
        let text = Bytes::from(std::fs::read(folder.join(format!("{name}.dat"))).unwrap());
        assert_eq!(Message::parse_datagram(&text).is_ok(), parses, "{name}");
    }
}

#[test]
fn escapes_and_odd_users_read_as_the_rfc_says() {
    let Some(folder) = conformance_data("sip-rfc4475") else {
        return;
    };
    let user = |name: &str| {
        let text = Bytes::from(std::fs::read(folder.join(format!("{name}.dat"))).unwrap());
        match Message::parse_datagram(&text).unwrap() {
            Message::Request(request) => request.uri.user(),
            Message::Response(_) => unreachable!(),
        }
    };
    assert_eq!(user("semiuri").unwrap(), "user;par=u@example.net");
    assert_eq!(user("esc01").unwrap(), "sips:user@example.com");
}

#[test]
fn torture_messages_on_a_stream_never_stop_the_reader_for_good() {
    let Some(folder) = conformance_data("sip-rfc4475") else {
        return;
    };
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        for portion in [1, 13, 1_000] {
            let mut reader = StreamReader::default();
            let mut framed = 0;
            for bytes in text.chunks(portion) {
                reader.push(bytes);
                while let Some(next) = reader.next() {
                    framed += usize::from(!matches!(next, Framed::Ping));
                    assert!(framed < 10);
                }
            }
        }
    }
}
