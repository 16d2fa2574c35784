//! Calls whose phones check where the node is (ICE), and prove where they are.

use std::time::Duration;

use aws_lc_rs::hmac;
use callplane_call::{MediaSecurity, Port};
use callplane_sip::Event;
use is::stun::{StunMessage, TransId};

use crate::far::{Far, Terms, answer, call, certificate, fingerprint};
use crate::phone::{Line, PHONE};

const SECOND: Duration = Duration::from_secs(1);
const OTHER: &str = "198.51.100.9:4001";
const THEIRS: &str = "HeKGV6f";
const SAYS_ICE: &str = "a=ice-ufrag:HeKGV6f\r\na=ice-pwd:ezWcM4OSh2VPr5D5g1AiPKkeEyseCHd\r\n\
    a=candidate:0a630002 1 UDP 2113929471 192.0.2.9 4000 typ host\r\n\
    a=candidate:0a630002 2 UDP 2113929470 192.0.2.9 4001 typ host\r\n";
const PLAIN: Terms = Terms {
    protocol: "RTP/AVP",
    setup: "actpass",
    mux: true,
    more: SAYS_ICE,
};

fn attribute(answer: &str, name: &str) -> String {
    let prefix = format!("a={name}:");
    let mut lines = answer.lines();
    let value = lines.find_map(|line| line.strip_prefix(&*prefix));
    value
        .unwrap_or_else(|| panic!("no {name} in {answer}"))
        .to_owned()
}

fn sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    hmac::sign(&key, &parts.concat())
        .as_ref()
        .try_into()
        .unwrap()
}

/// A check as the description of the node wants it.
fn check(answer: &str, nominates: bool) -> Vec<u8> {
    let username = format!("{}:{THEIRS}", attribute(answer, "ice-ufrag"));
    let password = attribute(answer, "ice-pwd");
    let id = TransId::new();
    let message = StunMessage::binding_request(&username, id, true, 7, 1_000, nominates);
    let mut octets = vec![0; 512];
    let length = message.to_bytes(Some(password.as_bytes()), &mut octets, sha1);
    octets.truncate(length.unwrap());
    octets
}

/// Whether a check from there is answered, from the port that it came to.
fn checks(line: &mut Line, from: &str, check: &[u8]) -> bool {
    line.inject(from, &mut check.to_vec());
    let Some(outgoing) = line.call.poll_outgoing() else {
        return false;
    };
    let response = StunMessage::parse(&outgoing.octets).unwrap();
    assert!(response.is_successful_binding_response());
    assert_eq!(response.mapped_address(), Some(from.parse().unwrap()));
    assert_eq!(
        (outgoing.port, outgoing.to),
        (Port::Rtp, from.parse().unwrap())
    );
    assert!(line.call.poll_outgoing().is_none());
    true
}

fn goes_on(mut line: Line) -> callplane_call::Facts {
    let before = line.heard_frames;
    line.press("1204");
    line.pass(5 * SECOND);
    assert!(line.heard_frames > before + 20, "{}", line.heard_frames);
    let facts = line.facts.unwrap();
    assert_eq!(facts.variables["pin"], "1204");
    facts
}

#[test]
fn what_we_are_is_said() {
    let line = call(MediaSecurity::Allowed, PLAIN.description("none"));
    let said = answer(&line);
    assert!(said.contains("a=ice-lite\r\n"), "{said}");
    let candidates: Vec<&str> = said
        .lines()
        .filter(|l| l.starts_with("a=candidate"))
        .collect();
    assert_eq!(
        candidates,
        ["a=candidate:1 1 UDP 2130706431 192.0.2.1 20000 typ host"]
    );
    let terms = Terms {
        mux: false,
        ..PLAIN
    };
    let line = call(MediaSecurity::Allowed, terms.description("none"));
    let said = answer(&line);
    assert!(
        said.contains("a=candidate:1 2 UDP 2130706430 192.0.2.1 20001 typ host\r\n"),
        "{said}"
    );
    assert!(!said.contains("rtcp-mux"), "{said}");
}

#[test]
fn who_does_not_speak_it_to_us_is_found_as_ever() {
    let offer = PLAIN.description("none");
    // Who is lite as well; whose address was changed on the way; whose password is none.
    let lite = offer.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n");
    let changed = offer.replace(" 192.0.2.9 4000 typ", " 10.0.0.9 4000 typ");
    let short = offer.replace("ezWcM4OSh2VPr5D5g1AiPKkeEyseCHd", "short");
    for (offer, mismatch) in [(lite, false), (changed, true), (short, false)] {
        let mut line = call(MediaSecurity::Allowed, offer);
        let said = answer(&line);
        assert!(
            !said.contains("ice-ufrag") && !said.contains("a=ice-lite"),
            "{said}"
        );
        assert_eq!(said.contains("a=ice-mismatch\r\n"), mismatch, "{said}");
        line.pass(2 * SECOND);
        goes_on(line);
    }
}

#[test]
fn before_a_check_nobody_is_heard_or_spoken_to() {
    let mut line = call(MediaSecurity::Allowed, PLAIN.description("none"));
    line.pass(2 * SECOND);
    assert_eq!((line.node_packets, line.heard_frames), (0, 0));
    assert!(line.call.quality(line.now).is_none());
    let said = answer(&line);
    assert!(checks(&mut line, PHONE, &check(&said, true)));
    line.pass(SECOND);
    assert!(line.call.quality(line.now).is_some());
    let facts = goes_on(line);
    assert!(facts.refused.rtp >= 100, "{}", facts.refused.rtp);
}

#[test]
fn a_stranger_is_neither_answered_nor_latched_to() {
    let mut line = call(MediaSecurity::Allowed, PLAIN.description("none"));
    let said = answer(&line);
    let wrong = said.replace(&attribute(&said, "ice-pwd"), "AAAAAAAAAAAAAAAAAAAAAAAA");
    assert!(!checks(&mut line, OTHER, &check(&wrong, true)));
    let mut corrupted = check(&said, true);
    corrupted[40] ^= 1;
    assert!(!checks(&mut line, OTHER, &corrupted));
    // What would be latched to without ICE: packets in a row, and the phone's own address.
    line.address = OTHER.to_owned();
    line.pass(SECOND);
    line.address = PHONE.to_owned();
    line.pass(SECOND);
    assert!(line.call.quality(line.now).is_none());
    assert!(checks(&mut line, PHONE, &check(&said, true)));
    goes_on(line);
}

#[test]
fn media_follows_what_is_nominated_and_the_nat_that_rebinds() {
    let mut line = call(MediaSecurity::Allowed, PLAIN.description("none"));
    let said = answer(&line);
    assert!(checks(&mut line, PHONE, &check(&said, true)));
    line.pass(SECOND);
    // Proved, and not taken: the node goes on to send to the other, and hears both.
    assert!(checks(&mut line, OTHER, &check(&said, false)));
    line.pass(SECOND);
    for address in [OTHER, "198.51.100.9:62000"] {
        assert!(checks(&mut line, address, &check(&said, true)));
        line.address = address.to_owned();
        // `deliver` sees to it that all goes there.
        line.pass(SECOND);
    }
    let facts = goes_on(line);
    assert_eq!(facts.refused.rtp, 0);
}

#[test]
fn reports_have_a_component_of_their_own_where_they_have_a_port() {
    let terms = Terms {
        mux: false,
        ..PLAIN
    };
    let mut line = call(MediaSecurity::Allowed, terms.description("none"));
    let said = answer(&line);
    assert!(checks(&mut line, PHONE, &check(&said, true)));
    line.pass(8 * SECOND);
    assert!(line.reports.is_empty(), "nobody is there");
    let control = "203.0.113.4:50000".parse().unwrap();
    let wall = line.wall();
    let mut octets = check(&said, true);
    line.call.rtcp(line.now, wall, control, &mut octets);
    let outgoing = line.call.poll_outgoing().unwrap();
    assert_eq!((outgoing.port, outgoing.to), (Port::Rtcp, control));
    line.pass(6 * SECOND);
    let (port, to, _) = line.reports.first().unwrap();
    assert_eq!((*port, *to), (Port::Rtcp, control));
}

#[test]
fn a_restart_has_other_passwords_and_media_goes_on() {
    let offer = PLAIN.description("none");
    let mut line = call(MediaSecurity::Allowed, offer.clone());
    let before = answer(&line);
    assert!(checks(&mut line, PHONE, &check(&before, true)));
    line.pass(SECOND);
    let reinvite = |line: &mut Line, offer: &str| {
        let offer = Some(offer.to_owned().into());
        line.sip(Event::Reinvite { offer });
        answer(line)
    };
    assert_eq!(
        attribute(&reinvite(&mut line, &offer), "ice-pwd"),
        attribute(&before, "ice-pwd"),
        "no restart"
    );
    let restarted = offer.replace("ezWcM4OSh2VPr5D5g1AiPKkeEyseCHd", "0123456789012345678901");
    let after = reinvite(&mut line, &restarted);
    assert_ne!(
        attribute(&after, "ice-ufrag"),
        attribute(&before, "ice-ufrag")
    );
    assert_ne!(attribute(&after, "ice-pwd"), attribute(&before, "ice-pwd"));
    // Media goes on meanwhile.
    let heard = line.heard_frames;
    line.pass(SECOND);
    assert!(line.heard_frames > heard);
    assert!(!checks(&mut line, OTHER, &check(&before, true)));
    assert!(checks(&mut line, OTHER, &check(&after, true)));
    line.address = OTHER.to_owned();
    line.pass(SECOND);
    goes_on(line);
}

#[test]
fn a_handshake_goes_where_the_checks_lead_and_with_nobody_else() {
    for setup in ["actpass", "passive"] {
        let certificate = certificate();
        let terms = Terms {
            setup,
            mux: true,
            more: SAYS_ICE,
            ..Terms::default()
        };
        let mut line = call(
            MediaSecurity::Required,
            terms.description(&fingerprint(&certificate)),
        );
        let said = answer(&line);
        let mut far = Far::new(line.now, certificate, setup == "actpass");
        // Its own address, and no check came from there.
        far.pass(&mut line, SECOND);
        assert!(far.received.is_empty(), "{setup}");
        line.address = "203.0.113.5:61000".to_owned();
        let address = line.address.clone();
        assert!(checks(&mut line, &address, &check(&said, true)));
        let at = line.now;
        far.forget(at);
        far.pass(&mut line, 4 * SECOND);
        assert!(far.has_keys(Port::Rtp), "{setup}");
        let to = address.parse().unwrap();
        assert!(far.received.iter().all(|outgoing| outgoing.to == to));
        line.press("1204");
        far.pass(&mut line, 5 * SECOND);
        let facts = line.facts.unwrap();
        assert_eq!(facts.variables["pin"], "1204");
        assert_eq!(facts.encryption, far.profile());
    }
}
