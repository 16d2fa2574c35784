//! A conversation with one agent. The input is a text of steps, each ended by the line `%%`:
//!
//! - `!answer`, `!ring`, `!reject`, `!challenge`, `!hangup`: a command to the latest session;
//! - `!wait`: four seconds;
//! - `!stream`, then octets: they arrive on a TCP connection;
//! - anything else: a datagram. `$TAG` in it becomes the To tag of the agent's latest response,
//!   so that the fuzzer gets inside dialogs.

#![no_main]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use callplane_sip::{
    Challenge, Command, Config, ConnectionId, Event, Input, Instant, Output, SessionId, StatusCode,
    UserAgent,
};
use libfuzzer_sys::fuzz_target;

const OPTIONS: &[u8] = b"OPTIONS sip:s SIP/2.0\r\n\
    Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK-last-question\r\n\
    From: <sip:f>;tag=last\r\nTo: <sip:s>\r\nCall-ID: last\r\nCSeq: 1 OPTIONS\r\n\
    Content-Length: 0\r\n\r\n";

struct Peer {
    agent: UserAgent,
    now: Instant,
    tag: Vec<u8>,
    latest: Option<SessionId>,
    open: HashSet<SessionId>,
    statuses: HashMap<Vec<u8>, usize>,
}

impl Peer {
    fn input(&mut self, input: Input) {
        self.agent.handle(self.now, input);
        while let Some(output) = self.agent.poll() {
            match output {
                Output::Transmit { bytes, .. } => self.note(&bytes),
                Output::Event { session, event } => match event {
                    Event::Incoming(_) => {
                        self.latest = Some(session);
                        assert!(self.open.insert(session), "a session began twice");
                    }
                    Event::Ended(_) => {
                        assert!(self.open.remove(&session), "a session ended twice");
                    }
                    _ => assert!(self.open.contains(&session), "an event after the end"),
                },
                Output::Connect { .. } | Output::Close { .. } => {}
            }
        }
        if let Some(at) = self.agent.next_timeout() {
            assert!(at > self.now, "a timer that is due was left");
        }
    }

    fn note(&mut self, message: &[u8]) {
        if message.starts_with(b"SIP/2.0 ") {
            *self.statuses.entry(message[8..11].to_vec()).or_default() += 1;
            let to = find(message, b"\r\nTo: ").unwrap_or(0);
            if let Some(at) = find(&message[to..], b";tag=") {
                let tag = &message[to + at + 5..];
                let end = tag.iter().position(|b| *b == b'\r').unwrap_or(0);
                self.tag = tag[..end].to_vec();
            }
        }
    }

    fn command(&mut self, command: Command) {
        if let Some(session) = self.latest {
            self.input(Input::Command { session, command });
        }
    }

    fn step(&mut self, step: &[u8]) {
        let sdp = Bytes::from_static(b"v=0\r\n");
        match step {
            b"!answer" => {
                self.command(Command::Answer { sdp: sdp.clone() });
                self.command(Command::AnswerReinvite { sdp });
            }
            b"!ring" => self.command(Command::Ring {
                status: StatusCode::RINGING,
                sdp: None,
            }),
            b"!reject" => self.command(Command::Reject {
                status: StatusCode::BUSY_HERE,
                reason: String::new(),
                retry_after: None,
            }),
            b"!challenge" => self.command(Command::Challenge(Challenge::md5("fuzz"))),
            b"!hangup" => self.command(Command::Hangup),
            b"!wait" => {
                let until = self.now + Duration::from_secs(4);
                while let Some(at) = self.agent.next_timeout().filter(|at| *at <= until) {
                    self.now = at;
                    self.input(Input::Timeout);
                }
                self.now = until;
            }
            _ => self.receive(step),
        }
    }

    fn receive(&mut self, step: &[u8]) {
        let mut bytes = step.to_vec();
        while let Some(at) = find(&bytes, b"$TAG").filter(|_| find(&self.tag, b"$TAG").is_none()) {
            bytes.splice(at..at + 4, self.tag.iter().copied());
        }
        match bytes.strip_prefix(b"!stream\r\n") {
            Some(octets) => {
                let connection = ConnectionId::accepted(1);
                let bytes = Bytes::copy_from_slice(octets);
                self.input(Input::StreamBytes { connection, bytes });
            }
            None => {
                let source = "203.0.113.9:5060".parse().expect("an address");
                let bytes = Bytes::from(bytes);
                self.input(Input::Datagram { source, bytes });
            }
        }
    }
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len())
        .position(|window| window == needle)
}

fuzz_target!(|text: &[u8]| {
    let config = Config::new("192.0.2.1:5060".parse().expect("an address"));
    let mut peer = Peer {
        agent: UserAgent::new(config, [1; 32]),
        now: Instant::ZERO,
        tag: Vec::new(),
        latest: None,
        open: HashSet::new(),
        statuses: HashMap::new(),
    };
    peer.input(Input::StreamOpened {
        connection: ConnectionId::accepted(1),
        peer: "203.0.113.9:41000".parse().expect("an address"),
    });
    let mut rest = text;
    while !rest.is_empty() {
        let end = find(rest, b"%%\r\n").unwrap_or(rest.len());
        peer.step(&rest[..end]);
        rest = rest.get(end + 4..).unwrap_or_default();
    }

    // Whatever came, the next question is answered, and what is over is forgotten.
    let before = peer.statuses.get(b"200".as_slice()).copied();
    peer.receive(OPTIONS);
    assert!(peer.statuses.get(b"200".as_slice()).copied() > before);
    for _ in 0..100 {
        let sessions: Vec<SessionId> = peer.open.iter().copied().collect();
        for session in sessions {
            let command = Command::Hangup;
            peer.input(Input::Command { session, command });
        }
        peer.step(b"!wait");
    }
    assert!(peer.open.is_empty());
    assert_eq!(peer.agent.session_count(), 0);
    assert_eq!(peer.agent.transaction_count(), 0);
});
