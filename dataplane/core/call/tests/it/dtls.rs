//! Calls whose keys come of a handshake.

use std::time::Duration;

use callplane_call::{Facts, HangupCause, KeyExchange, MediaSecurity, Opening, Port};
use callplane_sip::{Command, Ending, Event, StatusCode};
use callplane_srtp::Profile;

use crate::far::{Far, Terms, answer, call, certificate, fingerprint};
use crate::phone::{Line, PHONE, Plan, digits, phone};

const SECOND: Duration = Duration::from_secs(1);
const STRANGER: &str = "198.51.100.9:4001";
const ALLOWED: MediaSecurity = MediaSecurity::Allowed;

fn begun(terms: Terms) -> (Line, Far) {
    let certificate = certificate();
    let line = call(ALLOWED, terms.description(&fingerprint(&certificate)));
    let is_client = terms.setup != "passive";
    let far = Far::new(line.now, certificate, is_client);
    (line, far)
}

/// The call goes on: what the phone presses arrives, and it is spoken to.
fn goes_on(line: &mut Line, far: &mut Far) -> Facts {
    let before = line.heard_frames;
    line.press("1204");
    far.pass(line, 8 * SECOND);
    assert!(line.heard_frames > before + 20, "{}", line.heard_frames);
    let facts = line.facts.take().unwrap();
    assert_eq!(facts.variables["pin"], "1204");
    facts
}

#[test]
fn a_handshake_brings_the_keys_whoever_begins_it() {
    for (setup, answered) in [
        ("actpass", "passive"),
        ("active", "passive"),
        ("passive", "active"),
    ] {
        for mux in [false, true] {
            for protocol in ["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "RTP/SAVP"] {
                let terms = Terms {
                    protocol,
                    setup,
                    mux,
                    more: "",
                };
                let (mut line, mut far) = begun(terms);
                let answer = answer(&line);
                assert!(
                    answer.contains(&format!("a=setup:{answered}\r\n")),
                    "{answer}"
                );
                assert_eq!(answer.contains("a=rtcp-mux"), mux, "{answer}");
                assert!(
                    answer.contains(&format!(" {protocol} 0 101\r\n")),
                    "{answer}"
                );
                far.pass(&mut line, 3 * SECOND);
                assert!(far.has_keys(Port::Rtp), "{setup} {mux}");
                // RTCP has a handshake of its own where it has a port of its own.
                assert_eq!(far.has_keys(Port::Rtcp), !mux, "{setup} {mux}");
                far.pass(&mut line, 6 * SECOND);
                let (port, to, report) = line.reports.last().cloned().unwrap();
                let control = if mux { Port::Rtp } else { Port::Rtcp };
                assert_eq!((port, to.port()), (control, if mux { 4000 } else { 4001 }));
                assert!(far.opens_report(port, &report), "{setup} {mux}");
                let facts = goes_on(&mut line, &mut far);
                assert_eq!(facts.encryption, far.profile());
                assert!(facts.quality.unwrap().heard.mos > 4.0);
            }
        }
    }
}

#[test]
fn a_call_of_ours_asks_for_a_handshake_where_its_trunk_wants_one() {
    for setup in ["active", "passive"] {
        let plan = Plan {
            security: MediaSecurity::Required,
            exchange: KeyExchange::Dtls,
            ..Plan::plain(Opening::Outbound)
        };
        let mut line = Line::new(digits(), phone(MediaSecurity::Disabled, 1), plan);
        let offer = String::from_utf8(line.offer.clone().unwrap().to_vec()).unwrap();
        for said in [
            "m=audio 20000 UDP/TLS/RTP/SAVP 0 8 101\r\n",
            "a=setup:actpass\r\n",
            "a=fingerprint:sha-256 ",
            "a=rtcp-mux\r\n",
            "a=ice-lite\r\n",
            "a=candidate:1 1 UDP 2130706431 192.0.2.1 20000 typ host\r\n",
        ] {
            assert!(offer.contains(said), "{said} in {offer}");
        }
        let certificate = certificate();
        let terms = Terms {
            protocol: "UDP/TLS/RTP/SAVP",
            setup,
            mux: true,
            more: "",
        };
        let sdp = terms.description(&fingerprint(&certificate)).into();
        let mut far = Far::new(line.now, certificate, setup == "active");
        line.sip(Event::Answered { sdp });
        far.pass(&mut line, 3 * SECOND);
        let facts = goes_on(&mut line, &mut far);
        assert_eq!(facts.encryption, far.profile(), "{setup}");
        assert!(facts.encryption.is_some());
    }
}

#[test]
fn a_phone_that_begins_before_its_answer_is_there_need_not_begin_again() {
    for mux in [true, false] {
        let plan = Plan {
            security: MediaSecurity::Required,
            exchange: KeyExchange::Dtls,
            ..Plan::plain(Opening::Outbound)
        };
        let mut line = Line::new(digits(), phone(MediaSecurity::Disabled, 1), plan);
        let certificate = certificate();
        let terms = Terms {
            protocol: "UDP/TLS/RTP/SAVP",
            setup: "active",
            mux,
            more: "",
        };
        let sdp = terms.description(&fingerprint(&certificate)).into();
        let mut far = Far::new(line.now, certificate, true);
        line.sends_audio = false;
        far.pass(&mut line, SECOND / 10);
        line.sip(Event::Answered { sdp });
        // What is lost is sent again after 400 ms.
        far.pass(&mut line, SECOND / 5);
        assert!(far.has_keys(Port::Rtp), "{mux}");
        assert_eq!(far.has_keys(Port::Rtcp), !mux);
        line.sends_audio = true;
        assert!(goes_on(&mut line, &mut far).encryption.is_some());
    }
}

#[test]
fn a_network_that_loses_and_repeats_delays_the_keys() {
    for (seed, setup) in (1..=10).flat_map(|seed| [(seed, "actpass"), (seed, "passive")]) {
        let terms = Terms {
            setup,
            mux: true,
            ..Terms::default()
        };
        let (mut line, far) = begun(terms);
        let mut far = far.losing(seed, 30);
        far.pass(&mut line, 14 * SECOND);
        assert!(line.facts.is_none(), "{setup} {seed}: {:?}", line.facts);
        assert!(far.has_keys(Port::Rtp), "{setup} {seed}");
        assert!(
            line.call.quality(line.now).is_some(),
            "{setup} {seed}: nothing was heard"
        );
    }
}

#[test]
fn another_certificate_ends_the_call_and_nothing_of_it_is_heard() {
    for setup in ["actpass", "passive"] {
        let (shown, said) = (certificate(), certificate());
        let terms = Terms {
            setup,
            mux: true,
            ..Terms::default()
        };
        let mut line = call(ALLOWED, terms.description(&fingerprint(&said)));
        let mut far = Far::new(line.now, shown, setup == "actpass");
        far.pass(&mut line, 3 * SECOND);
        assert!(matches!(line.commands.last(), Some(Command::Hangup)));
        let facts = line.facts.unwrap();
        assert_eq!(facts.hangup.cause, HangupCause::HandshakeFailed, "{setup}");
        assert_eq!(facts.encryption, None);
        assert!(facts.quality.is_none(), "something was heard");
        assert_eq!((line.node_packets, line.heard_frames), (0, 0));
        assert!(facts.refused.rtp > 0);
        // The control: the certificate of the description.
        let mut line = call(ALLOWED, terms.description(&fingerprint(&said)));
        let mut far = Far::new(line.now, said, setup == "actpass");
        far.pass(&mut line, 3 * SECOND);
        assert!(goes_on(&mut line, &mut far).encryption.is_some());
    }
}

#[test]
fn a_phone_that_hangs_up_because_its_handshake_failed_does_not_end_the_call_as_others_do() {
    for (honest, cause) in [
        (false, HangupCause::HandshakeFailed),
        (true, HangupCause::NormalClearing),
    ] {
        let (shown, other) = (certificate(), certificate());
        let said = if honest { &shown } else { &other };
        let mut line = call(ALLOWED, Terms::default().description(&fingerprint(said)));
        let mut far = Far::new(line.now, shown, true);
        // One frame: the node has not looked at what became of it yet.
        far.pass(&mut line, SECOND / 50);
        line.sip(Event::Ended(Ending::Bye));
        assert_eq!(line.facts.unwrap().hangup.cause, cause, "{honest}");
    }
}

#[test]
fn a_phone_that_vanishes_before_the_keys_ends_the_call() {
    for (setup, answers) in [
        ("actpass", 0),
        ("actpass", 1),
        ("passive", 0),
        ("passive", 1),
    ] {
        let terms = Terms {
            setup,
            ..Terms::default()
        };
        let (mut line, mut far) = begun(terms);
        far.answers = answers;
        line.sends_audio = false;
        far.pass(&mut line, 20 * SECOND);
        assert!(!far.has_keys(Port::Rtp));
        let facts = line.facts.unwrap();
        assert_eq!(facts.hangup.cause, HangupCause::HandshakeFailed);
        let took = facts.ended_at.unix_micros() - facts.connected_at.unwrap().unix_micros();
        assert!(took <= 15_100_000, "{setup}: {took}");
        // The first of ours, and it again: never more, for nobody says that anybody is there.
        assert!(far.received.len() < 40, "{}", far.received.len());
        assert_eq!(line.node_packets, 0);
    }
}

#[test]
fn before_the_keys_media_is_neither_sent_nor_taken() {
    let (mut line, mut far) = begun(Terms::default());
    far.is_gone = true;
    // The phone sends, as it would without a handshake.
    line.pass(2 * SECOND);
    assert_eq!((line.node_packets, line.heard_frames), (0, 0));
    assert!(line.call.quality(line.now).is_none());
    far.is_gone = false;
    let at = line.now;
    far.forget(at);
    far.pass(&mut line, 2 * SECOND);
    let facts = goes_on(&mut line, &mut far);
    assert!(facts.refused.rtp >= 100, "{}", facts.refused.rtp);
}

#[test]
fn a_stranger_neither_stops_the_handshake_nor_is_heard() {
    let (mut line, mut far) = begun(Terms::default());
    let mut hello = vec![0; 120];
    hello[..3].copy_from_slice(&[22, 0xFE, 0xFD]);
    hello[13] = 1;
    for port in 1..200 {
        line.inject(&format!("198.51.100.9:{port}"), &mut hello.clone());
    }
    // One that would be heard if its certificate were that of the description.
    let mut stranger = Far::new(line.now, certificate(), true);
    line.address = STRANGER.to_owned();
    stranger.pass(&mut line, SECOND);
    line.crypto = None;
    line.address = PHONE.to_owned();
    assert!(line.facts.is_none());
    let at = line.now;
    far.forget(at);
    far.pass(&mut line, 2 * SECOND);
    assert!(goes_on(&mut line, &mut far).encryption.is_some());
}

#[test]
fn a_phone_behind_a_nat_is_found_by_its_handshake() {
    let (mut line, mut far) = begun(Terms {
        mux: true,
        ..Terms::default()
    });
    line.address = "203.0.113.5:61000".to_owned();
    far.pass(&mut line, 3 * SECOND);
    assert!(goes_on(&mut line, &mut far).encryption.is_some());
}

#[test]
fn a_reinvite_with_the_same_certificate_keeps_the_association() {
    let certificate = certificate();
    let description = Terms::default().description(&fingerprint(&certificate));
    let mut line = call(ALLOWED, description.clone());
    let mut far = Far::new(line.now, certificate, true);
    far.pass(&mut line, 3 * SECOND);
    let received = far.received.len();
    for direction in ["a=sendonly", "a=sendrecv"] {
        let offer = description.replace("a=sendrecv", direction);
        line.sip(Event::Reinvite {
            offer: Some(offer.into()),
        });
        assert!(answer(&line).contains("a=setup:passive"));
        far.pass(&mut line, SECOND);
    }
    assert_eq!(far.received.len(), received, "no other handshake");
    assert_eq!(line.node_sources.len(), 1, "no other source");
    let facts = goes_on(&mut line, &mut far);
    assert_eq!(facts.refused.rtp, 1, "what came before the keys");
}

#[test]
fn a_reinvite_with_another_certificate_is_another_association() {
    let (first, second) = (certificate(), certificate());
    let of = |certificate: &_| Terms::default().description(&fingerprint(certificate));
    let (offer, another) = (of(&first), of(&second));
    let mut line = call(ALLOWED, offer);
    let mut far = Far::new(line.now, first, true);
    far.pass(&mut line, 3 * SECOND);
    let old = line.last_packet.clone();
    line.sip(Event::Reinvite {
        offer: Some(another.into()),
    });
    // Nobody is who they were: nothing is sent, and what is under the keys of before is refused.
    let sent = line.node_packets;
    far.is_gone = true;
    far.pass(&mut line, SECOND / 2);
    assert_eq!(line.node_packets, sent);
    line.crypto = None;
    let mut far = Far::new(line.now, second, true);
    far.pass(&mut line, 2 * SECOND);
    assert!(far.has_keys(Port::Rtp));
    line.inject(PHONE, &mut old.clone());
    assert_eq!(line.node_sources.len(), 2, "another source");
    let facts = goes_on(&mut line, &mut far);
    assert!(facts.refused.rtp > 20, "{}", facts.refused.rtp);
}

#[test]
fn keys_of_the_description_and_of_a_handshake_may_follow_each_other() {
    let certificate = certificate();
    let offer = Terms::default().description(&fingerprint(&certificate));
    let sdes = offer
        .replace("UDP/TLS/RTP/SAVPF", "RTP/SAVP")
        .replace("a=fingerprint:", "a=other:")
        + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n";
    let mut line = call(ALLOWED, offer);
    let mut far = Far::new(line.now, certificate, true);
    far.pass(&mut line, 3 * SECOND);
    assert!(far.has_keys(Port::Rtp));
    let sent = line.node_packets;
    line.crypto = None;
    line.sends_audio = false;
    line.sip(Event::Reinvite {
        offer: Some(sdes.into()),
    });
    assert!(answer(&line).contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 "));
    assert!(!answer(&line).contains("a=fingerprint"));
    // What the node sends under the new keys is not readable as plain RTP, but it is sent.
    let facts = {
        let mut call = line.into_call();
        let now = callplane_types::Instant::ZERO + 9 * SECOND;
        let wall = callplane_types::WallTime::from_unix_micros(1_700_000_009_000_000);
        assert!(call.tick(now, wall).rtp.iter().any(Option::is_some));
        call.handle(now, callplane_call::Input::HangUp(HangupCause::NodeDrain));
        std::iter::from_fn(|| call.poll())
            .find_map(|output| match output {
                callplane_call::Output::Finished(facts) => Some(facts),
                _ => None,
            })
            .unwrap()
    };
    assert_eq!(facts.encryption, Some(Profile::AesCm128HmacSha1Tag80));
    assert!(sent > 0);
}

#[test]
fn what_a_trunk_forbids_is_refused() {
    let offer = Terms::default().description(&fingerprint(&certificate()));
    let weak = "sha-1 A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
    for (security, offer) in [
        (MediaSecurity::Disabled, offer),
        (ALLOWED, Terms::default().description(weak)),
        (
            MediaSecurity::Required,
            Terms {
                setup: "holdconn",
                ..Terms::default()
            }
            .description(&fingerprint(&certificate())),
        ),
    ] {
        let line = call(security, offer);
        assert!(matches!(
            line.commands.last(),
            Some(Command::Reject { status, .. }) if *status == StatusCode::NOT_ACCEPTABLE_HERE
        ));
    }
}

#[test]
fn an_answer_without_a_handshake_ends_a_call_of_ours_that_wants_one() {
    let plan = Plan {
        security: MediaSecurity::Required,
        exchange: KeyExchange::Dtls,
        ..Plan::plain(Opening::Outbound)
    };
    let mut line = Line::new(digits(), phone(MediaSecurity::Disabled, 1), plan);
    let sdp = Terms::default()
        .description("none")
        .replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    line.sip(Event::Answered { sdp: sdp.into() });
    assert!(matches!(line.commands.last(), Some(Command::Hangup)));
    line.sip(Event::Ended(Ending::Local));
    let facts = line.facts.unwrap();
    assert_eq!(facts.hangup.cause, HangupCause::IncompatibleDestination);
    assert_eq!(line.node_packets, 0);
}
