//! What an agent counts is what was on the wire.

use std::time::Duration;

use callplane_sip::{Command, Ending, UserAgent};

use crate::link::{ALICE, BOB, Link, Weather};
use crate::raw::{Server, request};

fn sent_requests(agent: &UserAgent, method: &str) -> u64 {
    let counters = agent.counters();
    let mut counts = counters.requests_sent.iter();
    counts.find(|(name, _)| *name == method).unwrap().1
}

fn of(counts: impl Iterator<Item = (&'static str, u64)>, name: &str) -> u64 {
    let mut counts = counts;
    counts.find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn every_message_is_counted_by_method_or_class_as_it_goes_and_as_it_comes() {
    // Datagrams are lost and doubled, and the counters follow the wire.
    let weather = Weather {
        loss: 20,
        ..Weather::default()
    };
    for seed in 0..20 {
        let mut link = Link::new(seed, weather);
        let (hers, _) = link.established();
        link.command(ALICE, hers, Command::Hangup);
        link.settle();
        for who in [ALICE, BOB] {
            let agent = &link.agents[who];
            for method in ["INVITE", "ACK", "BYE"] {
                let on_the_wire = link.count(who, &format!("{method} ")) as u64;
                assert_eq!(sent_requests(agent, method), on_the_wire, "{method}");
            }
            let counters = agent.counters();
            for class in 1..=6 {
                let on_the_wire = link.count(who, &format!("SIP/2.0 {class}")) as u64;
                let name = format!("{class}xx");
                assert_eq!(of(counters.responses_sent.iter(), &name), on_the_wire);
            }
        }
        let (hers, his) = (link.agents[ALICE].counters(), link.agents[BOB].counters());
        for (sent, received) in [(&hers, &his), (&his, &hers)] {
            let lost_some = |sent: u64, received: u64| sent >= received;
            for (one, other) in sent
                .requests_sent
                .iter()
                .zip(received.requests_received.iter())
            {
                assert!(lost_some(one.1, other.1), "{one:?} {other:?}");
            }
            for (one, other) in sent
                .responses_sent
                .iter()
                .zip(received.responses_received.iter())
            {
                assert!(lost_some(one.1, other.1), "{one:?} {other:?}");
            }
        }
        assert!(of(his.requests_received.iter(), "INVITE") > 0);
        assert!(of(hers.responses_received.iter(), "2xx") > 0);
    }
}

#[test]
fn methods_that_a_peer_invents_are_one_count() {
    let mut server = Server::new();
    for serial in 0..50 {
        let method = format!("FOO{serial}");
        server.receive(request(&method, "", "").as_bytes());
    }
    let counters = server.agent.counters();
    assert_eq!(of(counters.requests_received.iter(), "other"), 50);
    assert_eq!(counters.requests_received.iter().count(), 14);
    assert_eq!(of(counters.responses_sent.iter(), "4xx"), 50, "405");
}

#[test]
fn noise_is_counted_as_malformed_and_as_nothing_else() {
    let mut server = Server::new();
    server.receive(b"INVITE sip:x SIP/2.0\r\nno colon\r\n\r\n");
    server.receive(b"\xff\xfe\x00noise");
    server.receive(b"\r\n\r\n");
    let counters = server.agent.counters();
    assert_eq!(counters.malformed, 2, "empty lines keep a NAT open");
    assert!(
        counters
            .requests_received
            .iter()
            .all(|(_, count)| count == 0)
    );
}

#[test]
fn a_transaction_that_nobody_answers_is_counted_once() {
    let mut link = Link::calm();
    link.lose = Some(Box::new(|_, _| true));
    let hers = link.call("c");
    assert_eq!(link.ending(ALICE, hers), Ending::Timeout);
    link.run_for(Duration::from_secs(60));
    let counters = link.agents[ALICE].counters();
    assert_eq!(counters.transactions_timed_out, 1);
    assert_eq!(counters.retransmissions, 6);
    assert_eq!(sent_requests(&link.agents[ALICE], "INVITE"), 7);
}
