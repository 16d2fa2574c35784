//! Keys of a handshake, ICE and one port for both in offers and answers.

use callplane_dtls::{Fingerprint, HashFunction, Role};
use callplane_sdp::{
    Codec, DtlsTerms, KeyExchange, LocalMedia, MediaSecurity, Negotiated, NegotiationError,
    Protection, Session, SessionDescription,
};
use callplane_srtp::KeySource;

const CRYPTO: &str =
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n";
const SAYS_ICE: &str = "a=ice-ufrag:HeKGV6f\r\na=ice-pwd:ezWcM4OSh2VPr5D5g1AiPKkeEyseCHd\r\n\
    a=candidate:1 1 UDP 2113929471 192.0.2.9 4000 typ host\r\n";

fn fingerprint(of: &[u8]) -> Fingerprint {
    Fingerprint::of(HashFunction::Sha256, of)
}

fn party(id: u64, security: MediaSecurity) -> Session {
    let local = LocalMedia {
        address: [192, 0, 2, id as u8].into(),
        port: 20_000,
        codecs: vec![Codec::Pcmu],
        packet_time_ms: 20,
    };
    Session::new(id, local)
        .secured(security, KeySource::new([id as u8; 32]))
        .certified(fingerprint(&[id as u8]), KeyExchange::Dtls)
}

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes()).unwrap()
}

/// A description: what it says above its line, the protocol of that, and what it says below.
fn described(above: &str, protocol: &str, below: &str) -> SessionDescription {
    parse(&format!(
        "v=0\r\nc=IN IP4 192.0.2.9\r\n{above}m=audio 4000 {protocol} 0\r\n{below}"
    ))
}

fn terms(negotiated: &Negotiated) -> &DtlsTerms {
    match &negotiated.protection {
        Protection::Dtls(terms) => terms,
        other => panic!("no handshake: {other:?}"),
    }
}

#[test]
fn what_the_line_says_of_a_certificate_counts_more_than_what_the_session_says() {
    let (ours, theirs) = (fingerprint(b"line"), fingerprint(b"session"));
    let (line, session) = (
        format!("a=fingerprint:{ours}\r\n"),
        format!("a=fingerprint:{theirs}\r\n"),
    );
    for (above, below, shown) in [
        (&*session, "", b"session".as_slice()),
        ("", &*line, b"line"),
        (&session, &line, b"line"),
    ] {
        let offer = described(above, "UDP/TLS/RTP/SAVP", below);
        let (_, agreed) = party(1, MediaSecurity::Allowed).answer(&offer).unwrap();
        assert!(terms(&agreed).vouched.includes(shown));
        assert!(!terms(&agreed).vouched.includes(b"nobody"));
        // Nobody who leaves out who begins waits (RFC 4145 section 4).
        assert_eq!(terms(&agreed).role, Role::Server);
    }
}

#[test]
fn keys_of_a_handshake_come_before_those_of_the_description() {
    let said = format!(
        "a=fingerprint:{}\r\na=setup:actpass\r\n",
        fingerprint(b"phone")
    );
    let both = described("", "RTP/SAVP", &format!("{CRYPTO}{said}"));
    let (answer, agreed) = party(1, MediaSecurity::Allowed).answer(&both).unwrap();
    assert_eq!(terms(&agreed).role, Role::Server);
    let answer = answer.to_string();
    assert!(
        answer.contains(" RTP/SAVP 0\r\n") && !answer.contains("a=crypto"),
        "{answer}"
    );
    // On two lines as well, in whatever order.
    let lines = format!("{CRYPTO}m=audio 4002 UDP/TLS/RTP/SAVP 0\r\n{said}");
    let offer = described("", "RTP/SAVP", &lines);
    let (answer, agreed) = party(1, MediaSecurity::Allowed).answer(&offer).unwrap();
    terms(&agreed);
    assert_eq!((answer.media[0].port, answer.media[1].port), (0, 20_000));
    // Where the certificate is vouched for too weakly, the description has keys.
    let weak = format!("{CRYPTO}a=fingerprint:sha-1 00\r\n");
    let (_, agreed) = party(1, MediaSecurity::Allowed)
        .answer(&described("", "RTP/SAVP", &weak))
        .unwrap();
    assert!(agreed.crypto().is_some());
}

#[test]
fn without_a_certificate_of_ours_there_is_no_handshake() {
    let said = format!("a=fingerprint:{}\r\n", fingerprint(b"phone"));
    let local = LocalMedia {
        address: [192, 0, 2, 1].into(),
        port: 20_000,
        codecs: vec![Codec::Pcmu],
        packet_time_ms: 20,
    };
    let mut bare = Session::new(1, local).secured(MediaSecurity::Allowed, KeySource::new([1; 32]));
    let offer = described(&said, "UDP/TLS/RTP/SAVP", "");
    assert_eq!(
        bare.answer(&offer).unwrap_err(),
        NegotiationError::Handshake
    );
    let mut disabled = party(1, MediaSecurity::Disabled);
    assert_eq!(
        disabled.answer(&offer).unwrap_err(),
        NegotiationError::Security
    );
}

#[test]
fn both_sides_agree_on_who_begins_and_keep_to_it() {
    let (mut alice, mut bob) = (
        party(1, MediaSecurity::Required),
        party(2, MediaSecurity::Required),
    );
    let (answer, bobs) = bob.answer(&parse(&alice.offer().to_string())).unwrap();
    let alices = alice.accept(&parse(&answer.to_string())).unwrap();
    assert_eq!(
        (terms(&alices).role, terms(&bobs).role),
        (Role::Client, Role::Server)
    );
    assert!(terms(&alices).vouched.includes(&[2]) && terms(&bobs).vouched.includes(&[1]));
    assert!(alices.rtcp_mux && bobs.rtcp_mux);
    assert_eq!(alices.remote_rtcp, alices.remote);
    // Both are lite, so neither checks.
    assert_eq!((&alices.ice, &bobs.ice), (&None, &None));
    // The other way round it is the same association.
    let (answer, again) = alice.answer(&parse(&bob.offer().to_string())).unwrap();
    assert_eq!(again.protection, alices.protection);
    assert_eq!(
        bob.accept(&parse(&answer.to_string())).unwrap().protection,
        bobs.protection
    );
}

#[test]
fn an_answer_that_leads_to_no_handshake_does_not_fit() {
    let said = |setup: &str| format!("a=fingerprint:{}\r\na=setup:{setup}\r\n", fingerprint(b"x"));
    let accept = |protocol: &str, below: &str| {
        let mut alice = party(1, MediaSecurity::Required);
        alice.offer();
        let accepted = alice.accept(&described("", protocol, below))?;
        Ok(terms(&accepted).role)
    };
    let dtls = "UDP/TLS/RTP/SAVP";
    assert_eq!(accept(dtls, &said("active")), Ok(Role::Server));
    assert_eq!(accept(dtls, &said("passive")), Ok(Role::Client));
    for bad in [
        &*said("actpass"),
        &said("holdconn"),
        "a=setup:active\r\n",
        CRYPTO,
    ] {
        assert_eq!(accept(dtls, bad), Err(NegotiationError::Handshake), "{bad}");
    }
    let plain = accept("RTP/AVP", &said("active"));
    assert_eq!(plain, Err(NegotiationError::MismatchedAnswer));
}

#[test]
fn one_port_for_both_is_for_those_who_may_need_it() {
    let mux = |protocol: &str, below: &str| {
        let below = format!("{below}a=rtcp-mux\r\n");
        let mut session = party(1, MediaSecurity::Allowed);
        let (answer, agreed) = session.answer(&described("", protocol, &below)).unwrap();
        assert_eq!(answer.to_string().contains("a=rtcp-mux"), agreed.rtcp_mux);
        agreed.rtcp_mux
    };
    assert!(!mux("RTP/AVP", ""));
    assert!(!mux("RTP/SAVP", CRYPTO));
    assert!(mux("RTP/AVP", SAYS_ICE));
    let said = format!("a=fingerprint:{}\r\n", fingerprint(b"phone"));
    assert!(mux("UDP/TLS/RTP/SAVP", &said));
}

#[test]
fn our_offer_after_theirs_says_the_same() {
    let mut session = party(1, MediaSecurity::Allowed);
    let said = format!(
        "a=fingerprint:{}\r\na=setup:active\r\na=rtcp-mux\r\n{SAYS_ICE}",
        fingerprint(b"x")
    );
    let offer = described("", "UDP/TLS/RTP/SAVPF", &said);
    let (answer, agreed) = session.answer(&offer).unwrap();
    assert_eq!(agreed.ice.as_ref().unwrap().theirs, "HeKGV6f");
    let ours = session.offer().to_string();
    for line in answer.to_string().lines() {
        let changes = ["o=", "m=", "a=setup", "a=rtpmap", "a=fmtp"];
        if !changes.iter().any(|start| line.starts_with(start)) {
            assert!(ours.contains(line), "{line} is not in {ours}");
        }
    }
    assert!(
        ours.contains("UDP/TLS/RTP/SAVPF") && ours.contains("a=setup:actpass"),
        "{ours}"
    );
    let again = session.accept(&parse(&described_answer(&said))).unwrap();
    assert_eq!(
        (again.protection, again.ice),
        (agreed.protection, agreed.ice)
    );
}

fn described_answer(below: &str) -> String {
    described("", "UDP/TLS/RTP/SAVPF", below).to_string()
}
