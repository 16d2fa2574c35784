//! Encrypted media in offers and answers.

use callplane_sdp::{
    Attribute, Codec, Direction, LocalMedia, MediaCrypto, MediaSecurity, Negotiated,
    NegotiationError, Session, SessionDescription,
};
use callplane_srtp::{KeySource, Profile};

/// The octets 0 to 29, and others.
const KEY: &str = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";
const OTHER_KEY: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
const GCM_KEY: &str = "inline:bQJXGzEPXJPClrd78xwALdaZDs/dLttBLfLE5Q==";

fn party(id: u64, security: MediaSecurity) -> Session {
    let local = LocalMedia {
        address: [192, 0, 2, id as u8].into(),
        port: 20_000,
        codecs: vec![Codec::Pcmu],
        packet_time_ms: 20,
    };
    Session::new(id, local).secured(security, KeySource::new([id as u8; 32]))
}

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes()).unwrap()
}

fn over_the_wire(description: &SessionDescription) -> SessionDescription {
    SessionDescription::parse(&description.to_bytes()).unwrap()
}

/// A line of a profile with these attributes.
fn line(profile: &str, crypto: &[&str]) -> String {
    let crypto: String = crypto.iter().map(|c| format!("a=crypto:{c}\r\n")).collect();
    format!("m=audio 4000 {profile} 0\r\n{crypto}")
}

fn described(lines: &str) -> SessionDescription {
    parse(&format!("v=0\r\nc=IN IP4 192.0.2.9\r\n{lines}"))
}

fn cm80(tag: u32, key: &str) -> String {
    format!("{tag} AES_CM_128_HMAC_SHA1_80 {key}")
}

/// What is agreed on, if anything: nothing for plain media, else the suite.
fn answer(security: MediaSecurity, lines: &str) -> Result<Option<Profile>, NegotiationError> {
    let (_, negotiated) = party(1, security).answer(&described(lines))?;
    Ok(negotiated.crypto().map(MediaCrypto::profile))
}

fn agree(
    alice: &mut Session,
    bob: &mut Session,
) -> Result<(Negotiated, Negotiated), NegotiationError> {
    let (answer, bobs) = bob.answer(&over_the_wire(&alice.offer()))?;
    Ok((alice.accept(&over_the_wire(&answer))?, bobs))
}

#[test]
fn each_policy_takes_what_it_says() {
    use MediaSecurity::{Allowed, Disabled, Required};
    use NegotiationError::Security;
    let key = cm80(1, KEY);
    let (plain, encrypted) = (line("RTP/AVP", &[]), line("RTP/SAVP", &[&key]));
    let both = format!("{plain}{encrypted}");
    let cm = Some(Profile::AesCm128HmacSha1Tag80);
    for (policy, lines, agreed) in [
        (Disabled, &plain, Ok(None)),
        (Disabled, &encrypted, Err(Security)),
        (Disabled, &both, Ok(None)),
        (Allowed, &plain, Ok(None)),
        (Allowed, &encrypted, Ok(cm)),
        (Allowed, &both, Ok(cm)),
        (Required, &plain, Err(Security)),
        (Required, &encrypted, Ok(cm)),
        (Required, &both, Ok(cm)),
    ] {
        assert_eq!(answer(policy, lines), agreed, "{policy:?} {lines}");
    }
    let feedback = line("RTP/SAVPF", &[&key]);
    assert_eq!(answer(Allowed, &feedback), Ok(cm));
    // Keys that come from a handshake, and keys where no RFC has them.
    let dtls = line("UDP/TLS/RTP/SAVP", &[&key]);
    assert_eq!(answer(Allowed, &dtls), Err(NegotiationError::Handshake));
    let sloppy = line("RTP/AVP", &[&key]);
    assert_eq!(answer(Allowed, &sloppy), Ok(None));
    assert_eq!(answer(Required, &sloppy), Err(Security));
}

#[test]
fn each_policy_offers_what_it_says() {
    for (policy, profile) in [
        (MediaSecurity::Disabled, "RTP/AVP"),
        (MediaSecurity::Allowed, "RTP/AVP"),
        (MediaSecurity::Required, "RTP/SAVP"),
    ] {
        let offer = party(1, policy).offer().to_string();
        let wanted = format!("m=audio 20000 {profile} 0 101\r\n");
        assert!(offer.contains(&wanted), "{policy:?}: {offer}");
        assert_eq!(offer.contains("a=crypto"), profile == "RTP/SAVP", "{offer}");
    }
}

#[test]
fn of_the_suites_offered_we_take_the_one_we_like_best_under_its_tag() {
    let (cm32, gcm) = (
        format!("7 AES_CM_128_HMAC_SHA1_32 {KEY}"),
        format!("9 AEAD_AES_128_GCM {GCM_KEY}"),
    );
    let key = cm80(8, KEY);
    let unknown = format!("6 F8_128_HMAC_SHA1_80 {KEY}");
    for (offered, taken) in [
        (&[&*cm32][..], "7 AES_CM_128_HMAC_SHA1_32 "),
        (&[&cm32, &key], "8 AES_CM_128_HMAC_SHA1_80 "),
        (&[&unknown, &cm32, &key, &gcm], "9 AEAD_AES_128_GCM "),
    ] {
        let mut bob = party(1, MediaSecurity::Allowed);
        let (answer, _) = bob.answer(&described(&line("RTP/SAVP", offered))).unwrap();
        let answer = answer.to_string();
        let lines: Vec<&str> = answer
            .lines()
            .filter_map(|line| line.strip_prefix("a=crypto:"))
            .collect();
        assert!(lines.len() == 1 && lines[0].starts_with(taken), "{answer}");
    }
}

#[test]
fn attributes_that_we_cannot_do_are_as_good_as_not_there() {
    let unencrypted = format!("{} UNENCRYPTED_SRTP", cm80(1, KEY));
    let unauthenticated = format!("{} UNAUTHENTICATED_SRTP", cm80(1, KEY));
    let unknown = format!("1 F8_128_HMAC_SHA1_80 {KEY}");
    for bad in [&*unencrypted, &unauthenticated, &unknown, "", "1"] {
        let only = line("RTP/SAVP", &[bad]);
        for policy in [MediaSecurity::Allowed, MediaSecurity::Required] {
            assert_eq!(
                answer(policy, &only),
                Err(NegotiationError::Crypto),
                "{bad}"
            );
        }
        let with_plain = format!("{only}{}", line("RTP/AVP", &[]));
        assert_eq!(answer(MediaSecurity::Allowed, &with_plain), Ok(None));
        let with_good = line("RTP/SAVP", &[bad, &cm80(2, KEY)]);
        assert!(answer(MediaSecurity::Required, &with_good).is_ok(), "{bad}");
    }
    let none = line("RTP/SAVP", &[]);
    assert_eq!(
        answer(MediaSecurity::Required, &none),
        Err(NegotiationError::Crypto)
    );
}

#[test]
fn each_end_opens_what_the_other_protects() {
    let mut alice = party(1, MediaSecurity::Required);
    let mut bob = party(2, MediaSecurity::Allowed);
    let (alices, bobs) = agree(&mut alice, &mut bob).unwrap();
    let (alices, bobs) = (
        alices.crypto().unwrap().clone(),
        bobs.crypto().unwrap().clone(),
    );
    assert_eq!(alices.profile(), Profile::AeadAes128Gcm);
    assert_eq!(alices.local, bobs.remote);
    assert_eq!(alices.remote, bobs.local);
    assert_ne!(alices.local, alices.remote);
}

#[test]
fn an_answer_must_have_a_tag_and_a_suite_of_the_offer() {
    let accept = |profile: &str, crypto: &[&str]| {
        let mut alice = party(1, MediaSecurity::Required);
        alice.offer();
        let accepted = alice.accept(&described(&line(profile, crypto)));
        accepted.map(|negotiated| negotiated.crypto().map(MediaCrypto::profile))
    };
    let crypto = Err(NegotiationError::Crypto);
    let good = cm80(2, KEY);
    assert_eq!(
        accept("RTP/SAVP", &[&good]),
        Ok(Some(Profile::AesCm128HmacSha1Tag80))
    );
    for wrong in [
        &[][..],
        &[&*cm80(1, KEY)],
        &[&cm80(4, KEY)],
        &[&good, &good],
        &[&format!("{good} UNENCRYPTED_SRTP")],
        &[&format!("2 AEAD_AES_256_GCM {GCM_KEY}")],
    ] {
        assert_eq!(accept("RTP/SAVP", wrong), crypto, "{wrong:?}");
    }
    assert_eq!(
        accept("RTP/AVP", &[&good]),
        Err(NegotiationError::MismatchedAnswer)
    );
}

#[test]
fn plain_offers_have_plain_answers() {
    let mut alice = party(1, MediaSecurity::Allowed);
    alice.offer();
    let encrypted = described(&line("RTP/SAVP", &[&cm80(1, KEY)]));
    assert_eq!(
        alice.accept(&encrypted),
        Err(NegotiationError::MismatchedAnswer)
    );
    assert_eq!(
        alice
            .accept(&described(&line("RTP/AVP", &[])))
            .unwrap()
            .crypto()
            .cloned(),
        None
    );
}

#[test]
fn the_same_keys_are_said_again_until_somebody_has_new_ones() {
    let mut bob = party(2, MediaSecurity::Required);
    let offer = |key: &str, direction: &str| {
        described(&format!(
            "{}a={direction}\r\n",
            line("RTP/SAVP", &[&cm80(1, key)])
        ))
    };
    let (first, agreed) = bob.answer(&offer(KEY, "sendrecv")).unwrap();
    let (again, unchanged) = bob.answer(&offer(KEY, "sendrecv")).unwrap();
    assert_eq!(first, again);
    assert_eq!(agreed.crypto(), unchanged.crypto());
    // Hold is no reason for new keys.
    let (_, held) = bob.answer(&offer(KEY, "sendonly")).unwrap();
    assert_eq!(held.direction, Direction::RecvOnly);
    assert_eq!(held.crypto(), agreed.crypto());
    // A new key of theirs is no reason for one of ours: each is for its direction.
    let (_, rekeyed) = bob.answer(&offer(OTHER_KEY, "sendrecv")).unwrap();
    let (before, after) = (
        agreed.crypto().unwrap().clone(),
        rekeyed.crypto().unwrap().clone(),
    );
    assert_ne!(before.remote, after.remote);
    assert_eq!(before.local, after.local);
    // Another suite has another key.
    let gcm = line("RTP/SAVP", &[&format!("1 AEAD_AES_128_GCM {GCM_KEY}")]);
    let (_, moved) = bob.answer(&described(&gcm)).unwrap();
    assert_ne!(moved.crypto().unwrap().clone().local, after.local);
}

#[test]
fn our_later_offer_says_our_keys_again() {
    let mut alice = party(1, MediaSecurity::Required);
    let mut bob = party(2, MediaSecurity::Allowed);
    let first = alice.offer();
    assert_eq!(alice.offer(), first);
    let (alices, bobs) = agree(&mut alice, &mut bob).unwrap();
    // Bob allows plain media, and does not ask for it where there was none.
    let (again_bobs, again_alices) = agree(&mut bob, &mut alice).unwrap();
    assert_eq!(again_alices.crypto(), alices.crypto());
    assert_eq!(again_bobs.crypto(), bobs.crypto());
}

#[test]
fn a_call_may_become_plain_where_that_is_allowed() {
    let encrypted = described(&line("RTP/SAVP", &[&cm80(1, KEY)]));
    let plain = described(&line("RTP/AVP", &[]));
    let mut allowed = party(1, MediaSecurity::Allowed);
    assert!(allowed.answer(&encrypted).unwrap().1.crypto().is_some());
    assert!(allowed.answer(&plain).unwrap().1.crypto().is_none());
    let mut required = party(1, MediaSecurity::Required);
    let before = required.answer(&encrypted).unwrap();
    assert_eq!(
        required.answer(&plain).unwrap_err(),
        NegotiationError::Security
    );
    assert_eq!(required.answer(&encrypted).unwrap(), before);
}

#[test]
fn keys_are_not_shown_by_accident() {
    let mut session = party(1, MediaSecurity::Required);
    let offer = session.offer();
    let key = offer.to_string();
    let key = key.split("inline:").nth(1).unwrap();
    let key = key.lines().next().unwrap();
    let crypto = cm80(1, KEY);
    let (_, negotiated) = party(2, MediaSecurity::Required)
        .answer(&described(&line("RTP/SAVP", &[&crypto])))
        .unwrap();
    let shown = format!(
        "{offer:?} {session:?} {negotiated:?} {:?}",
        Attribute::with("Crypto", &*crypto)
    );
    assert!(
        !shown.contains(key) && !shown.contains(&KEY[7..]),
        "{shown}"
    );
}
