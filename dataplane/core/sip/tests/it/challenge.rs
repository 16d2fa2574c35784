//! Digest authentication between two agents.

use std::time::Duration;

use callplane_sip::{Algorithm, Challenge, Command, Credentials, Ending, Event, Login, SessionId};

use crate::link::{ALICE, BOB, Link, invite};

const REALM: &str = "trunk.example";

fn login() -> Login {
    Login {
        username: "alice \"the\" caller".to_owned(),
        password: "s3cret".to_owned(),
    }
}

fn challenge(algorithms: &[Algorithm]) -> Command {
    Command::Challenge(Challenge {
        realm: REALM.to_owned(),
        algorithms: algorithms.to_vec(),
    })
}

fn next_invite(link: &mut Link) -> (SessionId, Option<Credentials>) {
    match link.wait(|who, _, event| who == BOB && matches!(event, Event::Incoming(_))) {
        (session, Event::Incoming(invite)) => (session, invite.credentials),
        _ => unreachable!(),
    }
}

#[test]
fn a_challenged_caller_tries_again_with_credentials_that_verify() {
    let choices: [&[Algorithm]; 3] = [
        &[Algorithm::Md5],
        &[Algorithm::Sha256],
        &[Algorithm::Md5, Algorithm::Sha256],
    ];
    for algorithms in choices {
        let mut link = Link::calm();
        let mut request = invite("c");
        request.login = Some(login());
        let hers = link.place(request);
        let (first, none) = next_invite(&mut link);
        assert!(none.is_none());
        link.command(BOB, first, challenge(algorithms));
        assert_eq!(link.ending(BOB, first), Ending::Local);
        let (second, credentials) = next_invite(&mut link);
        let credentials = credentials.unwrap();
        let user = login().username;
        assert_eq!(credentials.username(), user.as_bytes());
        assert!(credentials.verify(REALM, &user, "s3cret"));
        assert!(!credentials.verify(REALM, &user, "wrong"));
        assert!(!credentials.verify("other", &user, "s3cret"));
        assert!(!credentials.verify(REALM, "mallory", "s3cret"));
        link.answer(second);
        link.expect(ALICE, hers, |event| matches!(event, Event::Answered { .. }));
        link.expect(BOB, second, |event| {
            matches!(event, Event::Acknowledged { .. })
        });
        link.command(ALICE, hers, Command::Hangup);
        link.settle();
        link.assert_forgotten();
        assert_eq!(link.count(ALICE, "INVITE"), 2);
    }
}

#[test]
fn a_caller_without_login_fails_with_401() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let (first, _) = next_invite(&mut link);
    link.command(BOB, first, challenge(&[Algorithm::Md5]));
    assert!(
        matches!(link.ending(ALICE, hers), Ending::Failed { status, .. } if status.code() == 401)
    );
    link.settle();
    link.assert_forgotten();
}

#[test]
fn a_second_challenge_for_the_same_login_ends_the_call() {
    let mut link = Link::calm();
    let mut request = invite("c");
    request.login = Some(login());
    let hers = link.place(request);
    for _ in 0..3 {
        let found = link.wait(|who, _, event| {
            (who == BOB && matches!(event, Event::Incoming(_)))
                || (who == ALICE && matches!(event, Event::Ended(_)))
        });
        match found {
            (session, Event::Incoming(_)) => {
                link.command(BOB, session, challenge(&[Algorithm::Md5]));
            }
            (session, event) => {
                assert_eq!(session, hers);
                assert!(matches!(event, Event::Ended(Ending::Failed { .. })));
                return;
            }
        }
    }
    // Stale nonces are answered once more; a third refusal is final.
    assert!(matches!(link.ending(ALICE, hers), Ending::Failed { .. }));
}

#[test]
fn credentials_are_stale_when_late_or_used_twice() {
    let mut link = Link::calm();
    let mut request = invite("c");
    request.login = Some(login());
    link.place(request);
    let (first, _) = next_invite(&mut link);
    link.command(BOB, first, challenge(&[Algorithm::Md5]));
    let (_, credentials) = next_invite(&mut link);
    assert!(!credentials.unwrap().is_stale());
    let authorised = link
        .sent
        .iter()
        .rfind(|(_, who, text)| *who == ALICE && text.contains("Authorization: "))
        .map(|(.., text)| text.clone())
        .unwrap();
    let replay = |text: &str, n: u32| {
        text.replace("Call-ID: c", &format!("Call-ID: replay{n}"))
            .replace("branch=z9hG4bK", &format!("branch=z9hG4bKr{n}"))
    };
    let source = crate::link::address(ALICE);
    link.inject(BOB, source, replay(&authorised, 1).as_bytes());
    let (_, credentials) = next_invite(&mut link);
    assert!(credentials.unwrap().is_stale(), "nc=1 was used");

    let elsewhere = "203.0.113.9:5060".parse().unwrap();
    link.inject(BOB, elsewhere, replay(&authorised, 2).as_bytes());
    let (_, credentials) = next_invite(&mut link);
    assert!(credentials.is_none(), "a nonce belongs to one peer");

    link.run_for(Duration::from_secs(61));
    let later = replay(&authorised, 3).replace("nc=00000001", "nc=00000002");
    link.inject(BOB, source, later.as_bytes());
    let (_, credentials) = next_invite(&mut link);
    let credentials = credentials.unwrap();
    assert!(credentials.is_stale(), "a minute is over");
    assert!(!credentials.verify(REALM, &login().username, "s3cret"));
}
