//! Calls whose media is encrypted.

use std::time::Duration;

use callplane_call::{HangupCause, MediaSecurity, Opening, Profile};
use callplane_sdp::{Direction, NegotiationError};
use callplane_sip::{Command, Ending, Event, StatusCode};
use callplane_srtp::{Protector, Unprotector};

use crate::phone::{Line, PHONE, Plan, contexts, digits, phone};

const SECOND: Duration = Duration::from_secs(1);
const STRANGER: &str = "198.51.100.9:4001";
const REQUIRED: MediaSecurity = MediaSecurity::Required;

/// A call that talks.
fn encrypted() -> Line {
    let mut line = Line::secured(REQUIRED, REQUIRED);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line
}

/// The call goes on: what the phone presses arrives, and it is spoken to.
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
fn an_encrypted_call_is_heard_both_ways() {
    let mut line = encrypted();
    line.pass(3 * SECOND);
    assert!(line.rtcp_packets > 0 || line.heard_frames > 60);
    let facts = goes_on(line);
    assert_eq!(facts.encryption, Some(Profile::AeadAes128Gcm));
    assert_eq!((facts.refused.rtp, facts.refused.rtcp), (0, 0));
    assert!(facts.quality.unwrap().heard.mos > 4.0);
}

#[test]
fn an_allowed_call_is_as_the_phone_wants_it() {
    for (phone, encryption) in [
        (REQUIRED, Some(Profile::AeadAes128Gcm)),
        (MediaSecurity::Disabled, None),
    ] {
        let mut line = Line::secured(MediaSecurity::Allowed, phone);
        line.take_answer();
        line.sip(Event::Acknowledged { sdp: None });
        line.pass(3 * SECOND);
        assert_eq!(goes_on(line).encryption, encryption);
    }
}

#[test]
fn what_the_trunk_does_not_want_is_answered_488() {
    for (node, phone) in [
        (REQUIRED, MediaSecurity::Allowed),
        (MediaSecurity::Disabled, REQUIRED),
    ] {
        let line = Line::secured(node, phone);
        let Some(Command::Reject { status, .. }) = line.commands.last() else {
            panic!("{:?}", line.commands);
        };
        assert_eq!(*status, StatusCode::NOT_ACCEPTABLE_HERE);
        let facts = line.facts.unwrap();
        assert_eq!(facts.hangup.cause, HangupCause::IncompatibleDestination);
        assert_eq!(facts.disagreement, Some(NegotiationError::Security));
    }
}

#[test]
fn a_call_of_ours_is_encrypted_from_its_early_media_on() {
    let plan = Plan {
        security: REQUIRED,
        ..Plan::plain(Opening::Outbound)
    };
    let mut line = Line::new(digits(), phone(MediaSecurity::Allowed, 1), plan);
    let offer = line.offer.clone().unwrap();
    let sdp = line.answer_to(&offer);
    line.sip(Event::EarlyMedia { sdp: sdp.clone() });
    line.pass(SECOND);
    line.sip(Event::Answered { sdp });
    line.pass(3 * SECOND);
    assert_eq!(
        line.node_sources.len(),
        1,
        "the same answer changes nothing"
    );
    let facts = goes_on(line);
    assert_eq!(facts.encryption, Some(Profile::AeadAes128Gcm));
}

#[test]
fn packets_that_are_not_authentic_change_nothing() {
    let mut line = encrypted();
    // Plain packets in a row, which would move the media of a plain call.
    let mut plain = vec![0; 172];
    plain[0] = 0x80;
    for sequence in 0..20 {
        plain[3] = sequence;
        line.inject(STRANGER, &mut plain.clone());
        line.inject(PHONE, &mut plain.clone());
    }
    line.pass(2 * SECOND);
    let genuine = line.last_packet.clone();
    let mut junk = 40;
    for place in 0..genuine.len() {
        let mut forged = genuine.clone();
        forged[place] ^= 1;
        line.inject(STRANGER, &mut forged.clone());
        line.inject(PHONE, &mut forged);
        // The first bits say that it is RTP at all.
        junk += 2;
    }
    // The right one once more, from both.
    line.inject(STRANGER, &mut genuine.clone());
    line.inject(PHONE, &mut genuine.clone());
    line.inject(PHONE, &mut genuine[..20].to_vec());
    line.inject(PHONE, &mut []);
    let facts = goes_on(line);
    assert_eq!(facts.refused.rtp, junk + 3);
    let received = facts.quality.unwrap().received;
    assert_eq!((received.duplicates, received.source_changes), (0, 0));
}

#[test]
fn hold_and_resume_keep_counters_and_replay_window() {
    let mut line = encrypted();
    line.pass(2 * SECOND);
    let old = line.last_packet.clone();
    for direction in [Direction::SendOnly, Direction::SendRecv] {
        let offer = Some(line.offer(direction));
        line.sip(Event::Reinvite { offer });
        line.pass(SECOND);
        line.inject(PHONE, &mut old.clone());
    }
    assert_eq!(line.node_sources.len(), 1);
    let facts = goes_on(line);
    assert_eq!(facts.refused.rtp, 2, "each replay");
}

#[test]
fn a_new_key_of_the_phone_is_followed_whether_it_counts_on_or_anew() {
    for counts_on in [true, false] {
        // The phone's sequence numbers have wrapped: its rollover counter is 1.
        let mut line = encrypted();
        line.pass(2 * SECOND);
        let old = line.last_packet.clone();
        let agreed = line.reoffer(Some(phone(REQUIRED, 2)));
        let agreed = agreed.crypto().unwrap().clone();
        // Packets under the old key are still on their way.
        line.pass(SECOND / 10);
        let (protector, _) = line.crypto.as_mut().unwrap();
        *protector = match counts_on {
            true => Protector::resume(&agreed.local, protector.positions()).unwrap(),
            false => Protector::new(&agreed.local),
        };
        line.pass(SECOND);
        line.inject(PHONE, &mut old.clone());
        // Who has the new key may never have known our rollover counter.
        assert_eq!(line.node_sources.len(), 2);
        let facts = goes_on(line);
        assert_eq!(facts.refused.rtp, 1, "only the replay");
        assert_eq!(facts.encryption, Some(Profile::AeadAes128Gcm));
    }
}

#[test]
fn with_another_key_of_ours_we_are_another_source() {
    let mut line = encrypted();
    line.pass(2 * SECOND);
    let offer = line.offer(Direction::SendRecv);
    let offer = String::from_utf8(offer.to_vec()).unwrap();
    // The phone drops the suite that was used.
    let offer: String = offer
        .split_inclusive("\r\n")
        .filter(|line| !line.contains("AEAD"))
        .collect();
    let offer = Some(offer.into());
    line.sip(Event::Reinvite { offer });
    let Some(Command::AnswerReinvite { sdp }) = line.commands.last().cloned() else {
        panic!("{:?}", line.commands);
    };
    let agreed = line.accept(&sdp).crypto().unwrap().clone();
    assert_eq!(agreed.profile(), Profile::AesCm128HmacSha1Tag80);
    let (protector, _) = line.crypto.take().unwrap();
    let resumed = Protector::resume(&agreed.local, protector.positions()).unwrap();
    line.crypto = Some((resumed, Unprotector::new(&agreed.remote)));
    line.pass(SECOND);
    assert_eq!(line.node_sources.len(), 2);
    let facts = goes_on(line);
    assert_eq!(facts.encryption, Some(Profile::AesCm128HmacSha1Tag80));
    assert!(facts.quality.unwrap().sent_packets > 150, "under both");
}

#[test]
fn a_call_that_was_plain_for_a_while_was_not_encrypted() {
    let mut line = Line::secured(MediaSecurity::Allowed, REQUIRED);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(SECOND);
    line.reoffer(Some(phone(MediaSecurity::Disabled, 1)));
    line.crypto = None;
    line.pass(SECOND);
    let agreed = line.reoffer(Some(phone(REQUIRED, 2)));
    line.crypto = agreed.crypto().map(contexts);
    line.pass(SECOND);
    assert_eq!(line.node_sources.len(), 2, "no SSRC comes twice");
    assert_eq!(goes_on(line).encryption, None);
}

#[test]
fn keys_that_come_again_after_plain_media_take_no_packet_twice() {
    let mut line = Line::secured(MediaSecurity::Allowed, REQUIRED);
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(2 * SECOND);
    let old = line.last_packet.clone();
    let before = line.offer(Direction::SendRecv);
    let (protector, _) = line.crypto.take().unwrap();
    line.reoffer(Some(phone(MediaSecurity::Disabled, 1)));
    line.pass(SECOND);
    let agreed = line.reoffer(Some(phone(REQUIRED, 1)));
    let agreed = agreed.crypto().unwrap().clone();
    let key = |offer: &[u8]| {
        let offer = String::from_utf8_lossy(offer).into_owned();
        let line = offer.lines().find(|line| line.contains("inline:"));
        line.unwrap().to_owned()
    };
    assert_eq!(
        key(&before),
        key(&line.offer(Direction::SendRecv)),
        "the keys come again"
    );
    line.crypto = Some((protector, Unprotector::new(&agreed.remote)));
    line.inject(PHONE, &mut old.clone());
    line.pass(SECOND);
    line.inject(PHONE, &mut old.clone());
    assert_eq!(line.node_sources.len(), 2, "no SSRC comes twice");
    assert_eq!(goes_on(line).refused.rtp, 2, "each replay");
}

#[test]
fn a_required_call_does_not_become_plain() {
    let mut line = encrypted();
    line.pass(SECOND);
    let offer = phone(MediaSecurity::Disabled, 1).offer().to_string();
    let offer = Some(offer.into());
    line.sip(Event::Reinvite { offer });
    assert!(matches!(
        line.commands.last(),
        Some(Command::RejectReinvite { status }) if *status == StatusCode::NOT_ACCEPTABLE_HERE
    ));
    line.pass(SECOND);
    let facts = goes_on(line);
    assert_eq!(facts.encryption, Some(Profile::AeadAes128Gcm));
}

#[test]
fn an_answer_that_is_not_encrypted_ends_a_call_of_ours() {
    let plan = Plan {
        security: REQUIRED,
        ..Plan::plain(Opening::Outbound)
    };
    let mut line = Line::new(digits(), phone(MediaSecurity::Allowed, 1), plan);
    let offer = line.offer.clone().unwrap();
    let answer = String::from_utf8(line.answer_to(&offer).to_vec()).unwrap();
    let plain = answer.replace("RTP/SAVP", "RTP/AVP");
    line.sip(Event::Answered { sdp: plain.into() });
    assert!(matches!(line.commands.last(), Some(Command::Hangup)));
    line.sip(Event::Ended(Ending::Local));
    let facts = line.facts.unwrap();
    assert_eq!(facts.hangup.cause, HangupCause::IncompatibleDestination);
    assert_eq!(line.node_packets, 0);
}
