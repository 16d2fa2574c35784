//! Calls between two agents on a link that works.

use std::time::Duration;

use bytes::Bytes;
use callplane_sip::{Command, Config, Ending, Event, Input, Refused, StatusCode, Transport};

use crate::link::{ALICE, ANSWER, BOB, Link, OFFER, address, invite};

#[test]
fn a_call_rings_is_answered_and_ends_with_bye() {
    let mut link = Link::calm();
    let hers = link.call("attempt-7");
    let (his, event) = link.wait(|who, _, event| who == BOB && matches!(event, Event::Incoming(_)));
    let Event::Incoming(invite) = event else {
        unreachable!()
    };
    assert_eq!(invite.call_id, "attempt-7");
    assert_eq!(invite.request_uri.user().as_deref(), Some("bob"));
    assert_eq!(invite.from.uri.user().as_deref(), Some("alice"));
    assert_eq!(invite.source, address(ALICE));
    assert_eq!(invite.offer.as_deref(), Some(OFFER));
    assert!(invite.credentials.is_none());
    assert_eq!(invite.headers.named("X-Attempt").unwrap(), "1Injected: yes");
    assert!(invite.headers.named("Injected").is_none());

    let status = StatusCode::RINGING;
    link.command(BOB, his, Command::Ring { status, sdp: None });
    link.expect(
        ALICE,
        hers,
        |event| matches!(event, Event::Ringing { status } if status.code() == 180),
    );
    link.answer(his);
    link.expect(
        ALICE,
        hers,
        |event| matches!(event, Event::Answered { sdp } if sdp == ANSWER),
    );
    link.expect(BOB, his, |event| {
        matches!(event, Event::Acknowledged { sdp: None })
    });
    link.command(ALICE, hers, Command::Hangup);
    assert_eq!(link.ending(ALICE, hers), Ending::Local);
    assert_eq!(link.ending(BOB, his), Ending::Bye);
    link.settle();
    link.assert_forgotten();
    assert_eq!(link.count(ALICE, "INVITE"), 1);
    assert_eq!(link.count(ALICE, "ACK"), 1);
    assert_eq!(link.count(ALICE, "BYE"), 1);
    assert!(link.events.is_empty(), "{:?}", link.events);
}

#[test]
fn the_callee_can_hang_up() {
    let mut link = Link::calm();
    let (hers, his) = link.established();
    link.command(BOB, his, Command::Hangup);
    assert_eq!(link.ending(BOB, his), Ending::Local);
    assert_eq!(link.ending(ALICE, hers), Ending::Bye);
    link.settle();
    link.assert_forgotten();
}

#[test]
fn early_media_arrives_before_the_answer() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let his = link.incoming();
    let ring = Command::Ring {
        status: StatusCode::SESSION_PROGRESS,
        sdp: Some(Bytes::from_static(ANSWER)),
    };
    link.command(BOB, his, ring);
    link.expect(
        ALICE,
        hers,
        |event| matches!(event, Event::EarlyMedia { sdp } if sdp == ANSWER),
    );
}

#[test]
fn a_rejection_tells_status_reason_and_when_to_try_again() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let his = link.incoming();
    let reject = Command::Reject {
        status: StatusCode::BUSY_HERE,
        reason: "Quota reached\r\nInjected: yes".to_owned(),
        retry_after: Some(Duration::from_secs(30)),
    };
    link.command(BOB, his, reject);
    let expected = Ending::Failed {
        status: StatusCode::BUSY_HERE,
        reason: "Quota reachedInjected: yes".to_owned(),
        retry_after: Some(Duration::from_secs(30)),
    };
    assert_eq!(link.ending(ALICE, hers), expected);
    assert_eq!(link.ending(BOB, his), Ending::Local);
    link.settle();
    link.assert_forgotten();
    assert_eq!(
        link.count(ALICE, "ACK"),
        1,
        "the transaction acknowledges failures"
    );
}

#[test]
fn cancel_before_answer_ends_both_sides_and_487_is_acknowledged() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let his = link.incoming();
    let status = StatusCode::RINGING;
    link.command(BOB, his, Command::Ring { status, sdp: None });
    link.expect(ALICE, hers, |event| matches!(event, Event::Ringing { .. }));
    link.command(ALICE, hers, Command::Cancel);
    assert_eq!(link.ending(BOB, his), Ending::Cancelled);
    assert_eq!(link.ending(ALICE, hers), Ending::Cancelled);
    link.settle();
    link.assert_forgotten();
    assert_eq!(link.count(ALICE, "CANCEL"), 1);
    assert_eq!(link.count(BOB, "SIP/2.0 487"), 1);
    assert_eq!(link.count(ALICE, "ACK"), 1);
}

#[test]
fn cancel_waits_for_a_provisional_answer() {
    let mut link = Link::calm();
    let hers = link.call("c");
    link.command(ALICE, hers, Command::Cancel);
    assert_eq!(
        link.count(ALICE, "CANCEL"),
        0,
        "nothing came back yet (RFC 3261 section 9.1)"
    );
    let his = link.incoming();
    assert_eq!(link.ending(BOB, his), Ending::Cancelled);
    assert_eq!(link.ending(ALICE, hers), Ending::Cancelled);
    assert_eq!(link.count(ALICE, "CANCEL"), 1);
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let his = link.incoming();
    link.run_for(Duration::from_millis(100));
    link.answer(his);
    link.command(ALICE, hers, Command::Cancel);
    assert_eq!(link.ending(ALICE, hers), Ending::Cancelled);
    assert_eq!(link.ending(BOB, his), Ending::Bye);
    link.settle();
    link.assert_forgotten();
    assert_eq!(link.count(ALICE, "ACK"), 1);
    assert_eq!(link.count(ALICE, "BYE"), 1);
}

#[test]
fn a_reinvite_is_answered_by_the_application() {
    let mut link = Link::calm();
    let (hers, _his) = link.established();
    let invite = crate::raw::in_dialog_from_bob(
        &link,
        "INVITE",
        7,
        "Contact: <sip:192.0.2.2>\r\nContent-Type: application/sdp\r\n",
        "v=0\r\nhold",
    );
    link.inject(ALICE, address(BOB), invite.as_bytes());
    let event = link.expect(ALICE, hers, |event| matches!(event, Event::Reinvite { .. }));
    assert!(matches!(event, Event::Reinvite { offer: Some(sdp) } if sdp == "v=0\r\nhold"));
    let sdp = Bytes::from_static(b"v=0\r\nheld");
    link.command(ALICE, hers, Command::AnswerReinvite { sdp });
    let ok = link.sent.last().unwrap().2.clone();
    assert!(
        ok.starts_with("SIP/2.0 200") && ok.ends_with("v=0\r\nheld"),
        "{ok}"
    );
    let ack = crate::raw::in_dialog_from_bob(&link, "ACK", 7, "", "");
    link.inject(ALICE, address(BOB), ack.as_bytes());
    link.expect(ALICE, hers, |event| {
        matches!(event, Event::Acknowledged { .. })
    });
    link.command(ALICE, hers, Command::Hangup);
    link.settle();
    link.assert_forgotten();
}

#[test]
fn info_reaches_the_application_and_is_answered() {
    let mut link = Link::calm();
    let (hers, _) = link.established();
    let info = crate::raw::in_dialog_from_bob(
        &link,
        "INFO",
        7,
        "Content-Type: application/dtmf-relay\r\n",
        "Signal=5\r\nDuration=160\r\n",
    );
    link.inject(ALICE, address(BOB), info.as_bytes());
    link.inject(ALICE, address(BOB), info.as_bytes());
    let event = link.expect(ALICE, hers, |event| matches!(event, Event::Info { .. }));
    let Event::Info { content_type, body } = event else {
        unreachable!()
    };
    assert_eq!(content_type, b"application/dtmf-relay");
    assert!(body.starts_with(b"Signal=5"));
    assert_eq!(link.count(ALICE, "SIP/2.0 200"), 2, "the repetition too");
    assert!(
        link.events.is_empty(),
        "a repeated INFO is no second digit: {:?}",
        link.events
    );
}

#[test]
fn over_tcp_a_call_takes_one_connection_and_no_retransmission() {
    let mut link = Link::calm();
    let hers = link.call_by("c", Transport::Tcp);
    let his = link.incoming();
    link.run_for(Duration::from_secs(10));
    link.answer(his);
    link.expect(ALICE, hers, |event| matches!(event, Event::Answered { .. }));
    link.expect(BOB, his, |event| {
        matches!(event, Event::Acknowledged { .. })
    });
    link.command(BOB, his, Command::Hangup);
    assert_eq!(link.ending(ALICE, hers), Ending::Bye);
    link.settle();
    link.assert_forgotten();
    assert_eq!(link.agents[ALICE].counters().retransmissions, 0);
}

#[test]
fn when_the_connection_is_gone_bye_takes_a_new_one() {
    for who_hangs_up in [ALICE, BOB] {
        let mut link = Link::calm();
        let hers = link.call_by("c", Transport::Tcp);
        let his = link.incoming();
        link.answer(his);
        link.expect(BOB, his, |event| {
            matches!(event, Event::Acknowledged { .. })
        });
        link.cut_connections();
        let sessions = [hers, his];
        link.command(who_hangs_up, sessions[who_hangs_up], Command::Hangup);
        let other = 1 - who_hangs_up;
        assert_eq!(link.ending(other, sessions[other]), Ending::Bye);
    }
}

#[test]
fn a_connection_that_breaks_during_the_invite_ends_the_call() {
    let mut link = Link::calm();
    let hers = link.call_by("c", Transport::Tcp);
    let _ = link.incoming();
    link.cut_connections();
    assert_eq!(link.ending(ALICE, hers), Ending::TransportFailed);
}

#[test]
fn a_full_agent_refuses_with_503_and_keeps_nothing() {
    let mut link = Link::calm();
    let mut config = Config::new(address(BOB));
    config.limits.sessions = 1;
    link.replace_agent(BOB, config);
    let first = link.call("c1");
    let his = link.incoming();
    let second = link.call("c2");
    let Ending::Failed {
        status,
        retry_after,
        ..
    } = link.ending(ALICE, second)
    else {
        panic!("not refused")
    };
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(retry_after, Some(Duration::from_secs(5)));
    assert_eq!(link.agents[BOB].counters().overload_refusals, 1);
    link.answer(his);
    link.expect(ALICE, first, |event| {
        matches!(event, Event::Answered { .. })
    });
}

#[test]
fn a_draining_agent_refuses_new_calls_and_keeps_those_it_has() {
    let mut link = Link::calm();
    let (hers, his) = link.established();
    link.input(BOB, Input::Drain(true));
    let second = link.call("c2");
    assert!(
        matches!(link.ending(ALICE, second), Ending::Failed { status, .. } if status.code() == 503)
    );
    assert_eq!(
        link.agents[BOB].invite(link.now, invite("out")),
        Err(Refused::Draining)
    );
    link.command(ALICE, hers, Command::Hangup);
    assert_eq!(link.ending(BOB, his), Ending::Bye);
}

#[test]
fn one_call_id_is_one_call() {
    let mut link = Link::calm();
    link.call("same");
    let again = link.agents[ALICE].invite(link.now, invite("same"));
    assert_eq!(again, Err(Refused::Duplicate));
    let mut bad = invite("with space");
    assert_eq!(
        link.agents[ALICE].invite(link.now, bad.clone()),
        Err(Refused::Malformed)
    );
    bad.call_id = "ok".to_owned();
    bad.headers = vec![("Evil: x\r\nHeader".to_owned(), String::new())];
    assert_eq!(
        link.agents[ALICE].invite(link.now, bad),
        Err(Refused::Malformed)
    );
}

#[test]
fn a_call_that_rings_for_ever_is_given_up_by_the_caller() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let his = link.incoming();
    assert_eq!(link.ending(ALICE, hers), Ending::Timeout);
    assert_eq!(link.ending(BOB, his), Ending::Cancelled);
    link.settle();
    link.assert_forgotten();
}

#[test]
fn a_call_that_nobody_answers_is_given_up_by_the_callee() {
    let mut link = Link::calm();
    let mut config = Config::new(address(BOB));
    config.timers.ringing = Duration::from_secs(60);
    link.replace_agent(BOB, config);
    let hers = link.call("c");
    let his = link.incoming();
    assert_eq!(link.ending(BOB, his), Ending::Timeout);
    assert!(
        matches!(link.ending(ALICE, hers), Ending::Failed { status, .. } if status.code() == 480)
    );
    link.settle();
    link.assert_forgotten();
}
