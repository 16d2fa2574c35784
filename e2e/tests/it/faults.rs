//! Parts that fail in the middle.

use std::time::Duration;

use callplane_e2e::phones::{Callee, Caller};
use callplane_e2e::{signal_pod, until};

use crate::campaign::{Recipients, answers, desire, outcomes};
use crate::first_call::presses;
use crate::tenant::{CALL, Options, READY, Tenant};

const MEDIA_NODE: &str = "callplane-media-node";

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn an_operator_killed_in_the_middle_converges() {
    let tenant = Tenant::applied("midway", &Options::default())
        .await
        .unwrap();
    for _ in 0..3 {
        let arguments = [
            "delete",
            "pod",
            "-n",
            "callplane-system",
            "-l",
            "app.kubernetes.io/name=callplane",
            "--force",
            "--grace-period=0",
        ];
        tenant.cluster.kubectl(&arguments).await.unwrap();
    }
    tenant.wait_ready().await.unwrap();
    tenant
        .call(5070, &presses("1234"))
        .await
        .finish(CALL)
        .await
        .unwrap();
}

/// Lets the campaign have this many calls at once.
async fn pace(tenant: &Tenant, calls: u32) {
    let pacing = format!(r#"{{"spec":{{"pacing":{{"maxConcurrentCalls":{calls}}}}}}}"#);
    let patch = [
        "-n",
        &tenant.name,
        "patch",
        "campaign",
        "campaign",
        "--type",
        "merge",
        "-p",
        &pacing,
    ];
    tenant.cluster.kubectl(&patch).await.unwrap();
}

/// The node is killed at moments spread over claim, commit and INVITE; whatever the moment, nobody is rung twice.
#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_killed_node_never_rings_anybody_twice() {
    const SEEDS: u64 = 20;
    let tenant = Tenant::ready("killed", &Options::default()).await;
    let callees = vec![Callee::Rings; SEEDS as usize * 2];
    let recipients = Recipients::start(&tenant, &callees).await;
    recipients.import(&tenant).await;
    // Two at a time, so that there is somebody left to ring for every seed.
    pace(&tenant, 2).await;
    for seed in 0..SEEDS {
        let (pod, _) = tenant.node().await;
        let before: usize = recipients.invites().iter().sum();
        desire(&tenant, "Run").await;
        // From before the claim to after the INVITE, in steps that fall between the two.
        let moment = Duration::from_millis(seed * 7919 % 400);
        let killed_at = tokio::time::Instant::now() + moment;
        until("the moment has come", CALL, async || {
            let rung: usize = recipients.invites().iter().sum();
            Ok((tokio::time::Instant::now() >= killed_at || rung > before).then_some(()))
        })
        .await
        .unwrap();
        signal_pod(&tenant.cluster, &tenant.name, &pod, MEDIA_NODE, "KILL")
            .await
            .unwrap();
        desire(&tenant, "Pause").await;
        tenant
            .cluster
            .wait_for(&tenant.name, "mediapool", &tenant.name, "Ready", READY)
            .await
            .unwrap();
        let invites = recipients.invites();
        assert!(
            invites.iter().all(|count| *count <= 1),
            "seed {seed}: {invites:?}"
        );
    }
    // What was under way when the node died is unknown; the rest is rung once, now.
    pace(&tenant, 20).await;
    desire(&tenant, "Run").await;
    let outcomes = outcomes(&tenant).await;
    let invites = recipients.invites();
    assert!(invites.iter().all(|count| *count <= 1), "{invites:?}");
    for ((number, _), count) in recipients.phones.iter().zip(&invites) {
        let outcome = outcomes[number].as_str();
        let expected: &[&str] = if *count == 0 {
            &["unknown"]
        } else {
            &["unknown", "no_answer"]
        };
        assert!(
            expected.contains(&outcome),
            "{number} was rung {count} times and is {outcome}"
        );
    }
    let unknown = outcomes
        .values()
        .filter(|outcome| *outcome == "unknown")
        .count();
    eprintln!("{SEEDS} kills: {unknown} recipients unknown, none rung twice");
    assert!(unknown > 0, "no kill hit a call");
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn digits_work_while_the_speech_worker_is_dead() {
    let tenant = Tenant::ready("speechless", &Options::default()).await;
    let (pod, _) = tenant.node().await;
    let call = tenant.call(5070, &presses("1234")).await;
    until("the call is up", CALL, async || {
        Ok((tenant.metrics().await.sum("callplane_calls_active", &[]) >= 1.0).then_some(()))
    })
    .await
    .unwrap();
    assert!(
        signal_pod(
            &tenant.cluster,
            &tenant.name,
            &pod,
            "callplane-speech",
            "KILL"
        )
        .await
        .unwrap()
            > 0
    );
    call.finish(CALL).await.unwrap();
    assert_eq!(tenant.records(1).await[0]["variables"]["code"], "1234");

    // The next caller is spoken to again.
    tenant
        .call(5071, &presses("5678"))
        .await
        .finish(CALL)
        .await
        .unwrap();
    let record = tenant.records(2).await.remove(0);
    assert_eq!(record["variables"]["code"], "5678");
    assert!(record["messages"].as_array().unwrap().len() >= 3);
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_drained_node_ends_its_calls_and_takes_no_new_one() {
    let tenant = Tenant::ready(
        "drained",
        &Options {
            max_drain_seconds: 60,
            ..Options::default()
        },
    )
    .await;
    let (pod, node) = tenant.node().await;
    let call = tenant.call(5070, &presses("1234")).await;
    until("the call is up", CALL, async || {
        Ok((tenant.metrics().await.sum("callplane_calls_active", &[]) >= 1.0).then_some(()))
    })
    .await
    .unwrap();
    tenant
        .cluster
        .kubectl(&["delete", "pod", "-n", &tenant.name, &pod, "--wait=false"])
        .await
        .unwrap();

    let mut port = 5071;
    let refused = until("new calls are refused", CALL, async || {
        port += 1;
        let caller = Caller::listening("+15550108888");
        let second = callplane_e2e::phones::Sipp::call(
            &tenant.folder,
            tenant.phone(port),
            node,
            &tenant.number(),
            &caller,
            1,
        )?;
        until("an answer", Duration::from_secs(5), async || {
            let report = second.report()?;
            Ok((!report.statuses().is_empty()).then_some(report))
        })
        .await
        .map(|report| (report.statuses()[0] == 503).then_some(report))
    })
    .await
    .unwrap();
    assert!(
        refused
            .received()
            .iter()
            .any(|message| message.contains("Retry-After:"))
    );

    call.finish(CALL).await.unwrap();
    // The phone has hung up; the record follows within a moment.
    let code = until("the call is recorded", CALL, async || {
        let query = "select metadata->'variables'->>'code' from calls where status = 'completed'";
        let code = tenant.sql(query).await;
        Ok((!code.is_empty()).then_some(code))
    })
    .await
    .unwrap();
    assert_eq!(code, "1234");
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_call_without_its_database_is_recorded_once_later() {
    let tenant = Tenant::ready("offline", &Options::default()).await;
    let call = tenant.call(5070, &presses("1234")).await;
    until("the call is up", CALL, async || {
        Ok((tenant.metrics().await.sum("callplane_calls_active", &[]) >= 1.0).then_some(()))
    })
    .await
    .unwrap();
    tenant.cluster.postgres("stop").await.unwrap();
    let heard = call.finish(CALL).await;
    let spooled = until("the record is in the spool", CALL, async || {
        Ok((tenant.metrics().await.sum("callplane_spool_records", &[]) >= 1.0).then_some(()))
    })
    .await;
    tenant.cluster.postgres("start").await.unwrap();
    heard.unwrap();
    spooled.unwrap();

    until("the record is delivered", READY, async || {
        Ok((tenant.metrics().await.sum("callplane_spool_records", &[]) == 0.0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(
        tenant
            .sql("select count(*), max(metadata->'variables'->>'code') from calls")
            .await,
        "1|1234"
    );
    assert_eq!(tenant.sql("select count(*) from cdrs").await, "1");
}

/// Answering phones, a campaign, and the database gone for a while: everybody is still rung exactly once.
#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_campaign_survives_its_database() {
    let tenant = Tenant::ready("interrupted", &Options::default()).await;
    let recipients = Recipients::start(&tenant, &[answers(), answers(), answers()]).await;
    recipients.import(&tenant).await;
    desire(&tenant, "Run").await;
    until("a phone rings", CALL, async || {
        Ok((recipients.invites().iter().sum::<usize>() > 0).then_some(()))
    })
    .await
    .unwrap();
    tenant.cluster.postgres("stop").await.unwrap();
    tenant.cluster.postgres("start").await.unwrap();
    let outcomes = outcomes(&tenant).await;
    assert_eq!(recipients.invites(), [1, 1, 1], "{outcomes:?}");
    assert!(
        outcomes.values().all(|outcome| outcome == "answered"),
        "{outcomes:?}"
    );
}
