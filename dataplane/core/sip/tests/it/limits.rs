//! What strangers and peers can make an agent hold.

use std::time::Duration;

use callplane_sip::{Command, Config, Ending, Event, Refused, Transport};

use crate::link::{ALICE, BOB, Link, address, invite};
use crate::raw::{Server, request};

/// Bob's 200 to the call that Alice placed.
fn answer_of_bob(link: &Link) -> String {
    let answers =
        |(_, who, text): &&(_, usize, String)| *who == BOB && text.starts_with("SIP/2.0 200");
    link.sent.iter().find(answers).unwrap().2.clone()
}

#[test]
fn a_callee_that_answers_with_a_thousand_tags_costs_eight_transactions() {
    let mut link = Link::calm();
    let (hers, _) = link.established();
    let ok = answer_of_bob(&link);
    let tag = ok.split(";tag=").nth(2).unwrap().lines().next().unwrap();
    for fork in 0..1_000 {
        let other = ok.replace(tag, &format!("fork-{fork}"));
        link.inject(ALICE, address(BOB), other.as_bytes());
    }
    // Those of the INVITE and of the BYEs to the seven that were heard besides the first.
    assert_eq!(link.agents[ALICE].transaction_count(), 8);
    link.command(ALICE, hers, Command::Hangup);
    assert_eq!(link.ending(ALICE, hers), Ending::Local);
    link.settle();
    link.assert_forgotten();
}

#[test]
fn connections_are_not_opened_beyond_the_limit_for_calls_nor_for_contacts() {
    let mut config = Config::new(address(ALICE));
    config.limits.connections = 1;
    let mut link = Link::calm();
    link.replace_agent(ALICE, config);
    let _first = link.call_by("c1", Transport::Tcp);
    let mut other = invite("c2");
    other.next_hop.transport = Transport::Tcp;
    other.next_hop.address = "192.0.2.77:5060".parse().unwrap();
    let refused = link.agents[ALICE].invite(link.now, other);
    assert_eq!(refused, Err(Refused::Full));

    // A caller over UDP whose Contact wants TCP gets its BYE where it called from.
    let mut server = Server::new();
    let mut config = Config::new(address(BOB));
    config.limits.connections = 0;
    server.agent = callplane_sip::UserAgent::new(config, [3; 32]);
    let sdp = "Content-Type: application/sdp\r\n";
    let invite = request("INVITE", sdp, "v=0\r\n").replace(
        "<sip:a@198.51.100.7:5080>",
        "<sip:a@203.0.113.5:99;transport=tcp>",
    );
    server.receive(invite.as_bytes());
    server.command(Command::Answer {
        sdp: bytes::Bytes::from_static(b"v=0\r\n"),
    });
    let ok = server.sent.last().unwrap().1.clone();
    let to = ok.lines().find(|line| line.starts_with("To:")).unwrap();
    let ack = request("ACK", "", "").replace("To: <sip:service@192.0.2.2>", to);
    server.receive(ack.as_bytes());
    server.sent.clear();
    server.command(Command::Hangup);
    let (path, bye) = server.sent.last().unwrap();
    assert!(bye.starts_with("BYE "), "{bye}");
    assert_eq!(*path, callplane_sip::Path::Udp(crate::raw::peer()));
}

#[test]
fn invites_that_are_never_acknowledged_are_forgotten() {
    let mut server = Server::new();
    for call in 0..200 {
        let text = request("INVITE", "Content-Type: application/sdp\r\n", "v=0\r\n")
            .replace("raw-1", &format!("raw-{call}"))
            .replace("z9hG4bKINVITE1", &format!("z9hG4bK{call}"));
        server.receive(text.as_bytes());
        server.command(Command::Answer {
            sdp: bytes::Bytes::from_static(b"v=0\r\n"),
        });
    }
    assert_eq!(server.agent.session_count(), 200);
    while let Some(due) = server.agent.next_timeout() {
        server.now = due;
        server.input(callplane_sip::Input::Timeout);
    }
    assert!(
        server.now.since_origin() < Duration::from_secs(70),
        "{:?}",
        server.now
    );
    assert_eq!(server.agent.session_count(), 0);
    assert_eq!(server.agent.transaction_count(), 0);
    let ended = |(_, event): &&(_, Event)| matches!(event, Event::Ended(Ending::NotAcknowledged));
    assert_eq!(server.events.iter().filter(ended).count(), 200);
}

#[test]
fn a_call_id_with_control_characters_is_malformed() {
    let mut server = Server::new();
    for bad in ["raw\u{0}1", "raw\u{7f}1", "raw\u{1}1"] {
        let text = request("INVITE", "", "").replace("raw-1", bad);
        assert_eq!(server.status(text.as_bytes()), Some(400), "{bad:?}");
    }
    assert!(server.events.is_empty());
}
