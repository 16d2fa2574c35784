//! The phones against each other: a test of Callplane is worth what its phones are.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use callplane_e2e::phones::{Baresip, Callee, Caller, Carrier, Sipp};
use callplane_e2e::sound::{best_match, say, say_at};

use crate::scratch::Scratch;

fn address(last: u8, port: u16) -> SocketAddr {
    ([10, 88, 100, last], port).into()
}

const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test]
#[ignore = "needs the local cluster's phones: make test"]
async fn a_carrier_leads_each_number_to_its_phone() {
    let folder = Scratch::new("carrier");
    let answers = Callee::Answers {
        ring: 0.2,
        steps: vec![(0.3, "1".into())],
        hang_up_after: Some(0.5),
    };
    let answering = Sipp::listen(&folder, address(11, 5060), &answers)
        .await
        .unwrap();
    let busy = Sipp::listen(&folder, address(12, 5060), &Callee::Refuses(486))
        .await
        .unwrap();
    let phones = HashMap::from([
        ("+15550100001".to_owned(), address(11, 5060)),
        ("+15550100002".to_owned(), address(12, 5060)),
    ]);
    let _carrier = Carrier::start(address(10, 5060), phones).await.unwrap();

    let caller = Caller::listening("+15550109999");
    Sipp::call(
        &folder,
        address(20, 5060),
        address(10, 5060),
        "+15550100001",
        &caller,
        1,
    )
    .unwrap()
    .finish(LIMIT)
    .await
    .unwrap();
    let refused = Sipp::call(
        &folder,
        address(21, 5060),
        address(10, 5060),
        "+15550100002",
        &caller,
        1,
    )
    .unwrap();
    refused.finish(LIMIT).await.unwrap_err();

    assert_eq!(answering.report().unwrap().invites(), 1);
    assert_eq!(busy.report().unwrap().invites(), 1);
}

#[tokio::test]
#[ignore = "needs the local cluster's phones: make test"]
async fn speech_and_digits_pass_between_the_phones() {
    let folder = Scratch::new("phones");
    let voice = folder.join("voice.wav");
    say_at(&[(1.0, "billing please")], "rms", 12.0, &folder, &voice)
        .await
        .unwrap();
    let mut called = Baresip::start(&folder.join("called"), address(1, 6060), "agent", &voice)
        .await
        .unwrap();
    let silence = folder.join("silence.wav");
    say_at(&[], "rms", 20.0, &folder, &silence).await.unwrap();
    let mut calling = Baresip::start(&folder.join("calling"), address(1, 6160), "alice", &silence)
        .await
        .unwrap();

    calling.dial("agent", address(1, 6060)).await.unwrap();
    calling.event("CALL_ESTABLISHED", LIMIT).await.unwrap();
    calling.press("7").await.unwrap();
    assert_eq!(
        called
            .event("CALL_DTMF_START", LIMIT)
            .await
            .unwrap()
            .parameter,
        "7"
    );
    calling.event("CALL_CLOSED", LIMIT).await.unwrap();

    let heard = calling.heard().unwrap().channel(0, 2000);
    let said = say("billing please", "rms", &folder)
        .await
        .unwrap()
        .channel(0, 2000);
    let other = say("opening hours", "rms", &folder)
        .await
        .unwrap()
        .channel(0, 2000);
    let (same, _) = best_match(&heard, &said);
    let (different, _) = best_match(&heard, &other);
    assert!(same > 0.9, "{same}");
    assert!(different < 0.6, "{different}");
}

#[tokio::test]
#[ignore = "needs the local cluster's phones: make test"]
async fn the_digits_of_sipp_are_heard_by_baresip() {
    let folder = Scratch::new("digits");
    let silence = folder.join("silence.wav");
    say_at(&[], "rms", 20.0, &folder, &silence).await.unwrap();
    let local = address(1, 6260);
    let mut called = Baresip::start(&folder, local, "agent", &silence)
        .await
        .unwrap();
    let caller = Caller {
        steps: vec![(0.5, "4711".into()), (2.5, String::new())],
        hang_up_after: Some(0.1),
        ..Caller::listening("+15550109999")
    };
    let sipp = Sipp::call(&folder, address(1, 6360), local, "agent", &caller, 1).unwrap();
    for digit in ["4", "7", "1", "1"] {
        assert_eq!(
            called
                .event("CALL_DTMF_START", LIMIT)
                .await
                .unwrap()
                .parameter,
            digit
        );
    }
    sipp.finish(LIMIT).await.unwrap();
}
