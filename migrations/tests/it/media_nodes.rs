//! What a lost node leaves open is closed, once, and never repeated.

use callplane_store::campaigns::{self, Candidate, Decision, RecipientOutcome, RecipientStatus};
use callplane_store::media_nodes::{self, Forgotten, Load, NodeEpoch, RETENTION, Swept};
use callplane_store::quotas::{self, CONCURRENT_CALLS};
use callplane_store::records::{self, Call, CallRecord, CampaignAttempt, Finished};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Error, calls};
use callplane_types::{CallId, CallStatus, Direction, WallTime};
use sqlx::Connection;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

use crate::support::{
    ask, campaign, campaign_over, database, equipped, node, superuser, wait_until_somebody_waits,
};

const IDLE: Load = Load {
    active_calls: 0,
    draining: false,
};

#[tokio::test]
async fn a_node_that_starts_again_closes_what_its_former_self_left_open() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &["+15557000001"]).await;
    let first = node(&acme, "acme-media-0").await;
    let claimed = campaigns::claim(&acme.database, id, &first, 1, dial)
        .await
        .unwrap()
        .unwrap();
    let inbound = open_call(&acme, &first).await;

    let second = node(&acme, "acme-media-0").await;
    assert!(second.epoch > first.epoch);
    let swept = media_nodes::sweep(&acme.database, &second).await.unwrap();
    assert_eq!(swept.recipients, 1);
    assert_eq!(swept.calls.len(), 2);
    assert_eq!(used(&acme).await, 0);

    // Unknown, and unknown it stays: there is nobody left to dial.
    let rows = campaigns::recipients(&acme.database, id, None, 10)
        .await
        .unwrap();
    assert_eq!(rows[0].status, RecipientStatus::Failed);
    assert_eq!(rows[0].outcome, Some(RecipientOutcome::Unknown));
    assert!(
        campaigns::claim(&acme.database, id, &second, 1, dial)
            .await
            .unwrap()
            .is_err()
    );
    assert_eq!(
        campaigns::progress(&acme.database, id)
            .await
            .unwrap()
            .unknown,
        1
    );
    for call in [inbound.id, claimed[0].call_id] {
        let shown = calls::show(&acme.database, call).await.unwrap();
        assert_eq!(shown["hangup_cause"], "node_lost");
        assert_eq!(shown["status"], "failed");
    }
    // Once is enough.
    let again = media_nodes::sweep(&acme.database, &second).await.unwrap();
    assert_eq!(again, Swept::default());
}

#[tokio::test]
async fn a_silent_node_is_lost_only_to_one_that_was_heard_all_along() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let silent = node(&acme, "acme-media-0").await;
    let judge = node(&acme, "acme-media-1").await;
    open_call(&acme, &silent).await;

    // As after an outage of the database: nobody was heard, so nobody may judge.
    age(&database, "last_heartbeat_at", "20 seconds").await;
    media_nodes::heartbeat(&acme.database, &judge, IDLE)
        .await
        .unwrap();
    let swept = media_nodes::sweep(&acme.database, &judge).await.unwrap();
    assert_eq!(swept, Swept::default());

    // The judge has been heard for a lease, and the other still has not.
    age(&database, "steady_since", "20 seconds").await;
    let swept = media_nodes::sweep(&acme.database, &judge).await.unwrap();
    assert_eq!(swept.calls.len(), 1);
    assert_eq!(swept.nodes, std::slice::from_ref(&silent));
    let nodes = media_nodes::list(&database.operator, acme.id)
        .await
        .unwrap();
    let alive: Vec<bool> = nodes.iter().map(|node| node.alive).collect();
    assert_eq!(alive, [false, true]);
    // It comes back after all.
    media_nodes::heartbeat(&acme.database, &silent, IDLE)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_superseded_node_is_told() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let old = node(&acme, "acme-media-0").await;
    let new = node(&acme, "acme-media-0").await;
    let error = media_nodes::heartbeat(&acme.database, &old, IDLE)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Superseded { epoch, .. } if epoch == old.epoch),
        "{error}"
    );
    let load = Load {
        active_calls: 3,
        draining: true,
    };
    media_nodes::heartbeat(&acme.database, &new, load)
        .await
        .unwrap();
    let nodes = media_nodes::list(&database.operator, acme.id)
        .await
        .unwrap();
    assert_eq!(
        (nodes[0].active_calls, nodes[0].status.as_str()),
        (3, "draining")
    );
    media_nodes::leave(&acme.database, &new).await.unwrap();
    let nodes = media_nodes::list(&database.operator, acme.id)
        .await
        .unwrap();
    assert!(!nodes[0].alive);
}

#[tokio::test]
async fn a_node_that_began_after_the_moment_a_database_was_restored_to_registers_again() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    node(&acme, "acme-media-0").await;
    // Its former self was there at that moment, or nobody of that name.
    for before in [
        "UPDATE platform.media_nodes SET epoch = epoch - 1",
        "DELETE FROM platform.media_nodes",
    ] {
        let began = node(&acme, "acme-media-0").await;
        database.superuser(before).await.unwrap();
        let unknown = media_nodes::heartbeat(&acme.database, &began, IDLE).await;
        assert!(
            matches!(unknown, Err(Error::Unregistered { .. })),
            "{before}"
        );
        let again = node(&acme, "acme-media-0").await;
        assert!(again.epoch > began.epoch);
        media_nodes::heartbeat(&acme.database, &again, IDLE)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_node_whose_pod_is_gone_is_closed_and_later_forgotten() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let beta = database.tenant("beta").await.unwrap();
    let first = node(&acme, "acme-media-0").await;
    node(&acme, "acme-media-1").await;
    node(&beta, "acme-media-0").await;
    let pods = ["acme-media-1".to_owned()];
    let forget = async || {
        let TestDatabase {
            operator, fence, ..
        } = &database;
        let forgotten = media_nodes::forget(operator, fence, acme.id, &pods, RETENTION).await;
        let Forgotten { closed, removed } = forgotten.unwrap();
        (closed, removed)
    };
    for (silent_for, forgotten) in [
        ("59 seconds", (0, 0)),
        ("61 seconds", (1, 0)),
        ("6 days", (0, 0)),
        ("8 days", (0, 1)),
    ] {
        age(&database, "last_heartbeat_at", silent_for).await;
        assert_eq!(forget().await, forgotten, "{silent_for}");
    }
    let left = ask(
        &database,
        "SELECT string_agg(pod_name || ' ' || status, ', ' ORDER BY pod_name)
           FROM platform.media_nodes",
    );
    // The pod that is there, silent as it is, and another tenant's of the same name.
    assert_eq!(left.await, "acme-media-0 ready, acme-media-1 ready");

    // The name comes back as another node, and its former self is told.
    assert!(node(&acme, "acme-media-0").await.epoch > first.epoch);
    let zombie = media_nodes::heartbeat(&acme.database, &first, IDLE).await;
    assert!(matches!(zombie, Err(Error::Superseded { .. })));
}

#[tokio::test]
async fn the_lease_is_the_same_here_and_there() {
    let database = database().await;
    let lease = ask(
        &database,
        "SELECT extract(epoch FROM platform.media_node_lease())::integer",
    )
    .await;
    assert_eq!(lease.parse::<u64>().unwrap(), media_nodes::LEASE.as_secs());
}

#[tokio::test]
async fn the_record_of_a_node_that_was_thought_lost_takes_its_place() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &["+15557000001"]).await;
    let first = node(&acme, "acme-media-0").await;
    let claimed = campaigns::claim(&acme.database, id, &first, 1, dial)
        .await
        .unwrap()
        .unwrap()
        .remove(0);
    let second = node(&acme, "acme-media-0").await;
    media_nodes::sweep(&acme.database, &second).await.unwrap();

    // The spool of the first one is replayed.
    let mut call = Call::begin(
        claimed.call_id,
        acme.id,
        Direction::Outbound,
        claimed.claimed_at,
    );
    call.status = CallStatus::Completed;
    call.answered_at = Some(claimed.claimed_at + Duration::from_secs(4));
    call.ended_at = Some(claimed.claimed_at + Duration::from_secs(10));
    call.hangup_cause = Some("normal_clearing".to_owned());
    let record = CallRecord {
        campaign: Some(CampaignAttempt {
            recipient_id: claimed.recipient_id,
            outcome: RecipientOutcome::Answered,
            retry_at: None,
        }),
        ..CallRecord::new(call)
    };
    assert_eq!(
        records::finish(&acme.database, &record).await.unwrap(),
        Finished::Stored
    );
    let progress = campaigns::progress(&acme.database, id).await.unwrap();
    assert_eq!((progress.answered, progress.unknown), (1, 0));
    let listed = calls::list(&acme.database, None, 10).await.unwrap();
    assert_eq!(listed[0].status, CallStatus::Completed);
    assert_eq!(listed[0].billable_seconds, 6);
}

async fn open_call(tenant: &TestTenant, node: &NodeEpoch) -> Call {
    let mut call = Call::begin(
        CallId::new(Uuid::now_v7()),
        tenant.id,
        Direction::Inbound,
        now(),
    );
    call.media_node = Some(node.name.clone());
    call.media_node_epoch = Some(node.epoch);
    let _ = quotas::acquire(&tenant.database, CONCURRENT_CALLS, call.id, node)
        .await
        .unwrap();
    records::start(&tenant.database, &call).await.unwrap();
    records::answered(&tenant.database, call.id, now())
        .await
        .unwrap();
    call
}

async fn age(database: &TestDatabase<'_>, column: &str, by: &str) {
    database
        .superuser(&format!(
            "UPDATE platform.media_nodes SET {column} = now() - interval '{by}'"
        ))
        .await
        .unwrap();
    if column == "steady_since" {
        database
            .superuser("UPDATE platform.media_nodes SET last_heartbeat_at = now() WHERE pod_name = 'acme-media-1'")
            .await
            .unwrap();
    }
}

async fn used(tenant: &TestTenant) -> i64 {
    quotas::own_usage(&tenant.database)
        .await
        .unwrap()
        .into_iter()
        .find(|quota| quota.resource == CONCURRENT_CALLS)
        .unwrap()
        .used
}

fn now() -> WallTime {
    let micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_micros();
    WallTime::from_unix_micros(i64::try_from(micros).unwrap())
}

fn dial(_: &Candidate) -> Decision {
    Decision::Dial
}

#[tokio::test]
async fn what_a_living_node_does_not_know_of_is_closed_and_what_it_carries_is_not() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let numbers = ["+15557000001", "+15557000002"];
    let id = campaign_over(&database, &acme, &campaign("spring"), &numbers).await;
    let node = node(&acme, "acme-media-0").await;
    let claimed = campaigns::claim(&acme.database, id, &node, 2, dial)
        .await
        .unwrap()
        .unwrap();
    let carried = claimed[0].call_id;
    let strays =
        async |age| media_nodes::close_strays(&acme.database, &node, &[carried], age).await;
    let young = strays(Duration::from_secs(60)).await.unwrap();
    assert_eq!((young.recipients, young.calls.len()), (0, 0));
    let swept = strays(Duration::ZERO).await.unwrap();
    assert_eq!(swept.recipients, 1);
    assert_eq!(swept.calls, [claimed[1].call_id]);
    assert_eq!(used(&acme).await, 1);
    let rows = campaigns::recipients(&acme.database, id, None, 10)
        .await
        .unwrap();
    assert_eq!(rows[0].status, RecipientStatus::Dialing);
    assert_eq!(rows[1].outcome, Some(RecipientOutcome::Unknown));
}

#[tokio::test]
async fn a_slot_without_a_call_returns_with_the_next_start_of_its_node() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let first = node(&acme, "acme-media-0").await;
    hold(&acme, &first).await;
    // Killed between the slot and the first row of the call.
    let second = node(&acme, "acme-media-0").await;
    hold(&acme, &second).await;
    media_nodes::sweep(&acme.database, &second).await.unwrap();
    assert_eq!(used(&acme).await, 1);
}

#[tokio::test]
async fn a_slot_that_its_living_node_does_not_know_of_returns() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let node = node(&acme, "acme-media-0").await;
    let live = hold(&acme, &node).await;
    hold(&acme, &node).await;
    for (age, left) in [(media_nodes::STRAY_AGE, 2), (Duration::ZERO, 1)] {
        media_nodes::close_strays(&acme.database, &node, &[live], age)
            .await
            .unwrap();
        assert_eq!(used(&acme).await, left);
    }
}

#[tokio::test]
async fn a_node_that_is_heard_again_during_the_sweep_keeps_its_calls() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let silent = node(&acme, "acme-media-0").await;
    let judge = node(&acme, "acme-media-1").await;
    open_call(&acme, &silent).await;
    age(&database, "last_heartbeat_at", "20 seconds").await;
    age(&database, "steady_since", "20 seconds").await;

    let mut other = superuser(&database).await;
    let mut watcher = superuser(&database).await;
    let mut beat = other.begin().await.unwrap();
    sqlx::query(
        "UPDATE platform.media_nodes SET last_heartbeat_at = now() WHERE pod_name = 'acme-media-0'",
    )
    .execute(&mut *beat)
    .await
    .unwrap();
    let heard = async {
        wait_until_somebody_waits(&mut watcher).await;
        beat.commit().await.unwrap();
    };
    let (swept, ()) = tokio::join!(media_nodes::sweep(&acme.database, &judge), heard);
    assert_eq!(swept.unwrap(), Swept::default());
}

async fn hold(tenant: &TestTenant, node: &NodeEpoch) -> CallId {
    let call = CallId::new(Uuid::now_v7());
    let acquired = quotas::acquire(&tenant.database, CONCURRENT_CALLS, call, node).await;
    assert_eq!(acquired.unwrap(), quotas::Acquired::Held);
    call
}
