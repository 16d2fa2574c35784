//! One call, from the apply to the record.

use std::time::{Duration, Instant};

use callplane_e2e::phones::{Baresip, Caller};
use callplane_e2e::sound::{Wav, best_match, say, say_at};
use callplane_e2e::{figure, until};

use crate::tenant::{CALL, Options, Tenant};

/// Digits after the prompts have been said.
pub(crate) fn presses(digits: &str) -> Caller {
    Caller {
        steps: vec![(4.0, digits.to_owned())],
        ..Caller::listening("+15550109999")
    }
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn the_digits_pressed_are_the_digits_recorded() {
    let tenant = Tenant::ready("digits", &Options::default()).await;
    tenant
        .call(5070, &presses("4711"))
        .await
        .finish(CALL)
        .await
        .unwrap();

    let record = tenant.records(1).await.remove(0);
    assert_eq!(record["variables"]["code"], "4711");
    let call = &record["call"];
    assert_eq!(call["direction"], "inbound");
    assert_eq!(call["status"], "completed");
    assert_eq!(call["from"], "+15550109999");
    assert_eq!(call["to"], tenant.number());
    let seconds = call["billableSeconds"].as_i64().unwrap();
    assert!(
        seconds >= 6 && seconds % 6 == 0,
        "billed in steps of six seconds: {seconds}"
    );
    assert!(record["cost"]["totalMicros"].as_i64().unwrap() > 0);
    for (table, rows) in [
        ("calls", 1),
        ("call_recordings", 1),
        ("conversations", 1),
        // An inbound caller may use its Call-ID again, so it is no key.
        ("call_keys", 0),
    ] {
        assert_eq!(
            tenant.sql(&format!("select count(*) from {table}")).await,
            rows.to_string(),
            "{table}"
        );
    }
    assert_ne!(tenant.sql("select count(*) from call_events").await, "0");

    // A role of this tenant sees nothing of another's.
    let metrics = tenant.metrics().await;
    assert_eq!(
        metrics.sum("callplane_calls_total", &["status=\"completed\""]),
        1.0
    );
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn the_caller_hears_what_the_transcript_says() {
    let tenant = Tenant::ready("heard", &Options::default()).await;
    let (_, node) = tenant.node().await;
    let silence = tenant.folder.join("silence.wav");
    say_at(&[], "rms", 60.0, &tenant.folder, &silence)
        .await
        .unwrap();
    let mut phone = Baresip::start(&tenant.folder, tenant.phone(6060), "+15550109999", &silence)
        .await
        .unwrap();
    phone.dial(&tenant.number(), node).await.unwrap();
    phone.event("CALL_ESTABLISHED", CALL).await.unwrap();
    // Until the first words have been said; barging in is another test.
    until("the agent has spoken", CALL, async || {
        Ok((phone.heard()?.seconds() > 5.0).then_some(()))
    })
    .await
    .unwrap();
    phone.press("9042").await.unwrap();
    phone.event("CALL_CLOSED", CALL).await.unwrap();

    let record = tenant.records(1).await.remove(0);
    assert_eq!(record["variables"]["code"], "9042");
    let heard = phone.heard().unwrap().channel(0, 2000);
    let mut sentences = 0;
    for message in record["messages"].as_array().unwrap() {
        if message["role"] != "assistant" {
            continue;
        }
        let text = message["heardText"]
            .as_str()
            .or(message["text"].as_str())
            .unwrap();
        let said = say(text, "slt", &tenant.folder)
            .await
            .unwrap()
            .channel(0, 2000);
        let (likeness, _) = best_match(&heard, &said);
        assert!(
            likeness > 0.8,
            "{text:?} was heard with a likeness of {likeness}"
        );
        sentences += 1;
    }
    assert!(sentences >= 3, "{sentences}");

    // The recording has the agent on the right.
    let id = record["call"]["id"].as_str().unwrap();
    let copy = tenant.folder.join("recording.wav");
    let to = copy.to_str().unwrap();
    let fetch = [
        "callplane",
        "-n",
        &tenant.name,
        "call",
        "recording",
        id,
        "-o",
        to,
    ];
    tenant.cluster.kubectl(&fetch).await.unwrap();
    let recording = Wav::read(&copy).unwrap();
    assert_eq!(recording.channels, 2);
    let said = say("Please enter four digits.", "slt", &tenant.folder)
        .await
        .unwrap()
        .channel(0, 2000);
    let (agent, _) = best_match(&recording.channel(1, 2000), &said);
    assert!(agent > 0.8, "{agent}");
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_tenant_takes_its_first_call_within_fifteen_seconds() {
    let started = Instant::now();
    let tenant = Tenant::applied("soon", &Options::default()).await.unwrap();
    let mut port = 5070;
    until(
        "the first call is answered",
        Duration::from_secs(60),
        async || {
            port += 1;
            let nodes = tenant
                .cluster
                .media_nodes(&tenant.name, &tenant.name)
                .await?;
            if nodes.iter().all(|(_, address)| address.is_empty()) {
                return Ok(None);
            }
            let caller = Caller {
                hang_up_after: Some(0.1),
                ..Caller::listening("+15550109999")
            };
            tenant
                .call(port, &caller)
                .await
                .finish(Duration::from_secs(5))
                .await?;
            Ok(Some(()))
        },
    )
    .await
    .unwrap();
    let took = started.elapsed();
    figure(
        "tenant applied to its first call answered",
        format_args!("{:.1}", took.as_secs_f64()),
        "s",
        "< 15",
    )
    .unwrap();
    assert!(took < Duration::from_secs(15), "{took:?}");
}
