//! Parts that fail in the middle.

use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::until;

use crate::campaign::{Recipients, answers, desire, outcomes};
use crate::first_call::presses;
use crate::tenant::{CALL, Options, READY, Tenant};

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
        Ok((recipients.total() > 0).then_some(()))
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
