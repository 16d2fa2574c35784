//! The tenant's quota and its state, with a database that answers, is slow, or is away.

use std::time::Duration;

use callplane_e2e::until;
use callplane_media_node::Running;
use callplane_store::tenants::{self, TenantSpec, TenantStatus};
use callplane_store::test_util::PostgresServer;
use callplane_store::{calls, quotas};
use serde_json::Value;

use crate::hand::Hand;
use crate::world::{World, digits_flow, json_of};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_the_quota_of_the_tenant_is_busy_and_on_record() {
    let world = World::with_quota(digits_flow(), 1).await;
    let node = world.node(&[]).await;
    let hand = Hand::new(&world).await;
    assert!(hand.call("one").await.starts_with("SIP/2.0 200"));
    let other = Hand::new(&world).await;
    let refusal = other.call("two").await;
    assert!(refusal.starts_with("SIP/2.0 486"), "{refusal}");
    assert!(refusal.contains("Retry-After: 5"), "{refusal}");
    let call = until("the refusal is recorded", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        let Some(call) = calls.into_iter().find(|call| call["status"] == "blocked") else {
            return Ok(None);
        };
        let path = format!("/v1/calls/{}", call["id"].as_str().unwrap_or_default());
        Ok(Some(json_of(node.control_address(), &path).await?))
    })
    .await
    .unwrap();
    let events = call["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["type"] == "quota_exceeded"));
    drop(node);
}

/// Calls that hold a part of the quota.
async fn held(world: &World) -> i64 {
    let usage = quotas::own_usage(&world.tenant.database).await.unwrap();
    let quota = usage
        .iter()
        .find(|quota| quota.resource == quotas::CONCURRENT_CALLS);
    quota.unwrap().used
}

async fn until_held(world: &World, wanted: i64) {
    until("the quota is used as it should be", PATIENCE, async || {
        Ok((held(world).await == wanted).then_some(()))
    })
    .await
    .unwrap();
}

async fn until_ended(world: &World) {
    until("the call is recorded", PATIENCE, async || {
        let calls = calls::list(&world.tenant.database, None, 1).await?;
        Ok(calls.first().and_then(|call| call.ended_at))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_that_is_given_late_is_held_while_the_call_goes_on_and_returned_with_it() {
    let world = World::with_quota(digits_flow(), 5).await;
    let node = world.node(&[]).await;
    let stall = world.database.stall_quotas().await.unwrap();
    let hand = Hand::new(&world).await;
    let answer = hand.call("late").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert_eq!(held(&world).await, 0, "the question still waits");
    stall.end().await.unwrap();
    until_held(&world, 1).await;
    hand.hang_up(&answer, "late").await;
    until_held(&world, 0).await;
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_that_is_given_after_the_end_of_its_call_is_returned_at_once() {
    let world = World::with_quota(digits_flow(), 5).await;
    let node = world.node(&[]).await;
    let stall = world.database.stall_quotas().await.unwrap();
    let hand = Hand::new(&world).await;
    let answer = hand.call("later").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    hand.hang_up(&answer, "later").await;
    until_ended(&world).await;
    stall.end().await.unwrap();
    // A node that has ended has nothing left to give back, and nobody sweeps so soon after.
    node.drain().await;
    assert_eq!(held(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_a_node_takes_what_was_free_and_not_one_call_more() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::with_quota_on(server, digits_flow(), 3).await;
    let node = world.node(&[]).await;
    let before = Hand::new(&world).await;
    let answer = before.call("before").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    until_held(&world, 1).await;
    server.crash().unwrap();
    let mut hands = Vec::new();
    for (call_id, status) in [("two", "200"), ("three", "200"), ("four", "486")] {
        let hand = Hand::new(&world).await;
        let answer = hand.call(call_id).await;
        let expected = format!("SIP/2.0 {status}");
        assert!(answer.starts_with(&expected), "{call_id}: {answer}");
        hands.push(hand);
    }
    // Whoever leaves makes room.
    before.hang_up(&answer, "before").await;
    let hand = Hand::new(&world).await;
    until("there is room again", PATIENCE, async || {
        let answer = hand.call(&uuid::Uuid::now_v7().to_string()).await;
        Ok(answer.starts_with("SIP/2.0 200").then_some(()))
    })
    .await
    .unwrap();
    drop(node);
}

/// As [`digits_flow`], for callers that take their time.
fn patient_flow() -> Value {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    flow
}

/// Waits until the node knows that its database is away: nobody is asked any more.
async fn until_away(node: &Running) {
    until("the database is away", PATIENCE, async || {
        let metrics = crate::world::metrics(node).await;
        Ok((metrics.sum("callplane_database_up", &[]) == 0.0).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_taken_without_the_database_count_when_it_is_back() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::with_quota_on(server, patient_flow(), 3).await;
    let node = world.node(&[]).await;
    server.crash().unwrap();
    until_away(&node).await;
    let mut taken = Vec::new();
    for call_id in ["one", "two", "three"] {
        let hand = Hand::new(&world).await;
        let answer = hand.call(call_id).await;
        assert!(answer.starts_with("SIP/2.0 200"), "{call_id}: {answer}");
        taken.push((hand, answer, call_id));
    }
    server.resume().unwrap();
    until_held(&world, 3).await;
    let answer = Hand::new(&world).await.call("four").await;
    assert!(answer.starts_with("SIP/2.0 486"), "{answer}");
    for (hand, answer, call_id) in &taken {
        hand.hang_up(answer, call_id).await;
    }
    until_held(&world, 0).await;
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_back_while_the_node_was_silent_is_held_again() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::with_quota_on(server, patient_flow(), 3).await;
    let node = world.node(&[]).await;
    let hand = Hand::new(&world).await;
    let answer = hand.call("one").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    until_held(&world, 1).await;
    // What a recount does when it comes before the nodes are heard again.
    world
        .database
        .superuser(
            "DELETE FROM platform.quota_holds; UPDATE platform.usage_quotas SET used_value = 0",
        )
        .await
        .unwrap();
    server.crash().unwrap();
    until_away(&node).await;
    // Nobody is asked about it: so there is something to hold again, whoever noticed first that the database is away.
    let other = Hand::new(&world).await;
    let unasked = other.call("two").await;
    assert!(unasked.starts_with("SIP/2.0 200"), "{unasked}");
    server.resume().unwrap();
    until_held(&world, 2).await;
    hand.hang_up(&answer, "one").await;
    other.hang_up(&unasked, "two").await;
    until_held(&world, 0).await;
    node.drain().await;
}

/// Writes another state of the tenant, as the operator does.
async fn set_status(world: &World, status: TenantStatus) {
    let spec = TenantSpec {
        status,
        spec_hash: status.as_str().to_owned(),
        ..world.tenant.spec.clone()
    };
    tenants::ensure(&world.database.operator, &world.database.fence, &spec)
        .await
        .unwrap();
}

async fn until_answered(world: &World, status: &str) {
    until("calls are answered otherwise", PATIENCE, async || {
        let hand = Hand::new(world).await;
        let answer = hand.call(&uuid::Uuid::now_v7().to_string()).await;
        let expected = format!("SIP/2.0 {status}");
        Ok(answer.starts_with(&expected).then_some(()))
    })
    .await
    .unwrap();
}

async fn rejected(node: &Running, reason: &str) -> f64 {
    let metrics = crate::world::metrics(node).await;
    let reason = format!("reason=\"{reason}\"");
    metrics.sum("callplane_calls_rejected_total", &[&reason])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_gets_no_call_though_the_database_is_away() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::on(server, digits_flow()).await;
    let node = world.node(&[]).await;
    set_status(&world, TenantStatus::Suspended).await;
    until_answered(&world, "480").await;
    // And it comes back without a restart.
    set_status(&world, TenantStatus::Active).await;
    until_answered(&world, "200").await;
    set_status(&world, TenantStatus::Suspended).await;
    until_answered(&world, "480").await;
    let before = rejected(&node, "tenant_out_of_service").await;
    server.crash().unwrap();
    for call_id in ["one", "two"] {
        let hand = Hand::new(&world).await;
        let answer = hand.call(call_id).await;
        assert!(answer.starts_with("SIP/2.0 480"), "{answer}");
    }
    let after = rejected(&node, "tenant_out_of_service").await;
    assert_eq!(after - before, 2.0);
    drop(node);
}
