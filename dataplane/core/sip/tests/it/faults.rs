//! Calls over a link that loses, doubles and reorders.

use std::time::Duration;

use callplane_sip::{Command, Ending, Event, Input, Path, StatusCode};

use crate::link::{ALICE, BOB, Link, Weather, address};

fn lose_first(link: &mut Link, who: usize, start: &'static str, count: usize) {
    let mut left = count;
    link.lose = Some(Box::new(move |from, text| {
        let hit = left > 0 && from == who && text.starts_with(start);
        left -= usize::from(hit);
        hit
    }));
}

fn millis(times: &[Duration]) -> Vec<u128> {
    times.iter().map(Duration::as_millis).collect()
}

#[test]
fn lost_200_is_retransmitted_until_ack() {
    let mut link = Link::calm();
    lose_first(&mut link, BOB, "SIP/2.0 200", 3);
    link.established();
    link.run_for(Duration::from_secs(60));
    assert_eq!(
        millis(&link.times(BOB, "SIP/2.0 200")),
        [0, 500, 1_500, 3_500]
    );
    assert_eq!(link.count(ALICE, "ACK"), 1);
}

#[test]
fn a_lost_ack_is_sent_again_for_each_200() {
    let mut link = Link::calm();
    lose_first(&mut link, ALICE, "ACK", 2);
    link.established();
    link.run_for(Duration::from_secs(60));
    assert_eq!(link.count(ALICE, "ACK"), 3);
    assert_eq!(link.count(BOB, "SIP/2.0 200"), 3);
}

#[test]
fn an_unacknowledged_200_ends_with_bye_after_64_t1() {
    let mut link = Link::calm();
    lose_first(&mut link, ALICE, "ACK", usize::MAX);
    let hers = link.call("c");
    let his = link.incoming();
    let answered = link.now;
    link.answer(his);
    assert_eq!(link.ending(BOB, his), Ending::NotAcknowledged);
    assert_eq!(link.now - answered, Duration::from_secs(32));
    assert_eq!(link.ending(ALICE, hers), Ending::Bye);
    link.settle();
    link.assert_forgotten();
}

#[test]
fn hanging_up_before_the_ack_sends_bye_after_it() {
    let mut link = Link::calm();
    lose_first(&mut link, ALICE, "ACK", 1);
    let hers = link.call("c");
    let his = link.incoming();
    link.answer(his);
    link.command(BOB, his, Command::Hangup);
    assert_eq!(link.ending(BOB, his), Ending::Local);
    assert_eq!(
        link.count(BOB, "BYE"),
        0,
        "RFC 3261 section 15: not before the ACK"
    );
    assert_eq!(link.ending(ALICE, hers), Ending::Bye);
    link.settle();
    link.assert_forgotten();
}

#[test]
fn an_invite_into_the_void_is_repeated_with_doubling_and_times_out() {
    let mut link = Link::calm();
    link.lose = Some(Box::new(|_, _| true));
    let hers = link.call("c");
    assert_eq!(link.ending(ALICE, hers), Ending::Timeout);
    assert_eq!(
        millis(&link.times(ALICE, "INVITE")),
        [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]
    );
    link.settle();
    link.assert_forgotten();
}

#[test]
fn a_bye_into_the_void_is_repeated_up_to_t2_and_given_up() {
    let mut link = Link::calm();
    let (hers, _) = link.established();
    link.lose = Some(Box::new(|_, _| true));
    link.command(ALICE, hers, Command::Hangup);
    assert_eq!(link.ending(ALICE, hers), Ending::Local);
    link.run_for(Duration::from_secs(40));
    assert_eq!(
        millis(&link.times(ALICE, "BYE")),
        [
            0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    assert_eq!(link.agents[ALICE].transaction_count(), 0);
}

#[test]
fn a_lost_failure_is_repeated_until_its_ack() {
    let mut link = Link::calm();
    lose_first(&mut link, BOB, "SIP/2.0 486", 2);
    let hers = link.call("c");
    let his = link.incoming();
    let reject = Command::Reject {
        status: StatusCode::BUSY_HERE,
        reason: String::new(),
        retry_after: None,
    };
    link.command(BOB, his, reject);
    assert!(
        matches!(link.ending(ALICE, hers), Ending::Failed { status, .. } if status.code() == 486)
    );
    link.settle();
    link.assert_forgotten();
    assert_eq!(millis(&link.times(BOB, "SIP/2.0 486")), [0, 500, 1_500]);
}

#[test]
fn a_cancel_that_nobody_answers_ends_after_64_t1() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let _ = link.incoming();
    link.run_for(Duration::from_millis(100));
    link.lose = Some(Box::new(|_, _| true));
    let cancelled = link.now;
    link.command(ALICE, hers, Command::Cancel);
    assert_eq!(link.ending(ALICE, hers), Ending::Cancelled);
    assert_eq!(link.now - cancelled, Duration::from_secs(32));
}

#[test]
fn a_path_that_fails_ends_the_call_at_once() {
    let mut link = Link::calm();
    let hers = link.call("c");
    let path = Path::Udp(address(BOB));
    link.input(ALICE, Input::SendFailed { path });
    assert_eq!(link.ending(ALICE, hers), Ending::TransportFailed);
}

/// In any weather: a call that is answered is heard of by both sides, both sides end, and nothing
/// is left. With half of all datagrams lost a timeout is a fair end, but never silence.
#[test]
fn in_any_weather_both_sides_end_and_nothing_is_left() {
    for seed in 0..200 {
        let weather = Weather {
            loss: seed % 50,
            doubled: seed % 30,
            jitter: Duration::from_millis(seed * 7 % 900),
        };
        let mut link = Link::new(seed, weather);
        let hers = link.call("c");
        let scene = link.random(4);
        let wait = Duration::from_millis(link.random(3_000));
        link.run_for(wait);
        let his = link
            .events
            .iter()
            .find(|(who, _, event)| *who == BOB && matches!(event, Event::Incoming(_)))
            .map(|(_, session, _)| *session);
        match (scene, his) {
            (0, _) | (_, None) => link.command(ALICE, hers, Command::Cancel),
            (1, Some(his)) => {
                link.answer(his);
                link.command(ALICE, hers, Command::Cancel);
            }
            (2, Some(his)) => {
                link.answer(his);
                link.run_for(wait);
                link.command(BOB, his, Command::Hangup);
            }
            (_, Some(his)) => {
                link.answer(his);
                link.run_for(wait);
                link.command(ALICE, hers, Command::Hangup);
            }
        }
        link.run_for(Duration::from_secs(300));
        // A side whose peer vanished (its BYE lost eleven times) is for the media guard.
        let open: Vec<_> = link.events.clone();
        for (who, session, _) in open {
            link.command(who, session, Command::Hangup);
        }
        link.settle();
        link.assert_forgotten();
        for (who, session) in [(ALICE, Some(hers)), (BOB, his)] {
            let Some(session) = session else { continue };
            let ended = link
                .events
                .iter()
                .filter(|(w, s, e)| *w == who && *s == session && matches!(e, Event::Ended(_)))
                .count();
            assert_eq!(ended, 1, "seed {seed}: side {who} ended {ended} times");
        }
    }
}

#[test]
fn light_loss_never_costs_a_call() {
    for seed in 0..100 {
        let weather = Weather {
            loss: 10,
            doubled: 10,
            jitter: Duration::from_millis(300),
        };
        let mut link = Link::new(seed, weather);
        let (hers, his) = link.established();
        link.command(ALICE, hers, Command::Hangup);
        assert_eq!(link.ending(BOB, his), Ending::Bye, "seed {seed}");
        link.settle();
        link.assert_forgotten();
    }
}
