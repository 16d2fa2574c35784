//! Calls above the quota.

use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::until;
use serde_json::Value;

use crate::first_call::presses;
use crate::tenant::{CALL, Options, Tenant};

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_call_above_the_quota_is_told_when_to_come_again() {
    let tenant = Tenant::ready(
        "quota",
        &Options {
            concurrent_calls: 1,
            ..Options::default()
        },
    )
    .await;
    let first = tenant.call(5070, &presses("1234")).await;
    until("the first call is up", CALL, async || {
        Ok((tenant.metrics().await.sum("callplane_calls_active", &[]) >= 1.0).then_some(()))
    })
    .await
    .unwrap();

    let (_, node) = tenant.node().await;
    let second = callplane_e2e::phones::Sipp::call(
        &tenant.folder,
        tenant.phone(5071),
        node,
        &tenant.number(),
        &Caller::listening("+15550108888"),
        1,
    )
    .unwrap();
    let refused = until(
        "the second call has an answer",
        Duration::from_secs(10),
        async || {
            let report = second.report()?;
            Ok((!report.statuses().is_empty()).then_some(report))
        },
    )
    .await
    .unwrap();
    assert!(
        matches!(refused.statuses()[0], 486 | 503),
        "{:?}",
        refused.statuses()
    );
    let answer = refused
        .received()
        .iter()
        .find(|m| m.contains("Retry-After:"))
        .expect("Retry-After");
    assert!(
        answer.starts_with("SIP/2.0 486") || answer.starts_with("SIP/2.0 503"),
        "{answer}"
    );

    first.finish(CALL).await.unwrap();
    // With the record of the first call, the older of the two, its slot is given back.
    let records = tenant.records(2).await;
    assert_eq!(records[1]["variables"]["code"], "1234");
    refusal_is_told(&tenant, &records[0]).await;

    tenant
        .call(5072, &presses("5678"))
        .await
        .finish(CALL)
        .await
        .unwrap();
    let metrics = tenant.metrics().await;
    assert!(metrics.sum("callplane_calls_rejected_total", &[]) >= 1.0);
}

/// The refused call has a row, an event in its history, and one for webhooks and dashboards.
async fn refusal_is_told(tenant: &Tenant, record: &Value) {
    assert_eq!(record["call"]["status"], "blocked");
    assert_eq!(record["call"]["hangupCause"], "quota_exceeded");
    let id = record["call"]["id"].as_str().unwrap();
    let told = tenant
        .sql(&format!(
            "select event_type, payload->'data'->'call'->>'hangup_cause' from events where subject_id = '{id}'"
        ))
        .await;
    assert_eq!(told, "call.blocked|quota_exceeded");
    let history = tenant
        .sql(&format!(
            "select count(*) from call_events where call_id = '{id}' and event_type = 'quota_exceeded'"
        ))
        .await;
    assert_eq!(history, "1");
}
