//! A node whose media threads have too much to do.

use std::time::Duration;

use callplane_e2e::until;
use callplane_media_node::Running;
use callplane_store::campaigns::{self, RecipientStatus};

use crate::hand::Hand;
use crate::killed::BusyCarrier;
use crate::world::{World, digits_flow, json_of, metrics};

const PATIENCE: Duration = Duration::from_secs(20);
const BUSY: &str = "callplane_media_thread_busy_ratio";
/// What the first of [`CALLS`] reach, together many times as much: whether the node is too busy is no matter of chance.
pub(crate) const LOW_LIMIT: &[&str] = &["--max-busy-percent", "0.2"];
/// Fewer than the quota.
pub(crate) const CALLS: usize = 8;

/// Waits until the thread of the node is clearly above [`LOW_LIMIT`].
pub(crate) async fn until_too_busy(node: &Running) {
    until_busy(node, |busy| busy >= 0.003).await;
}

async fn until_busy(node: &Running, is_so: impl Fn(f64) -> bool) {
    until("the thread is as busy", PATIENCE, async || {
        let busy = metrics(node).await.sum(BUSY, &["thread=\"0\""]);
        Ok(is_so(busy).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_too_much_to_do_refuses_calls_until_it_has_less() {
    let world = World::new(digits_flow()).await;
    let node = world.node(LOW_LIMIT).await;
    let hand = Hand::new(&world).await;
    let calls = hand.calls(CALLS).await;
    assert!(!calls.is_empty());
    until_too_busy(&node).await;
    let refusal = hand.call("one-too-many").await;
    assert!(refusal.starts_with("SIP/2.0 503"), "{refusal}");
    let wait = refusal
        .lines()
        .find_map(|line| line.strip_prefix("Retry-After: "));
    let wait: u64 = wait.unwrap().trim().parse().unwrap();
    assert!((5..=15).contains(&wait), "{wait}");
    let rejected = metrics(&node).await;
    let rejected = rejected.sum("callplane_calls_rejected_total", &["reason=\"overloaded\""]);
    assert!(rejected >= 1.0);
    for (call, answer) in &calls {
        hand.hang_up(answer, call).await;
    }
    until_busy(&node, |busy| busy == 0.0).await;
    let answer = hand.call("later").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    hand.hang_up(&answer, "later").await;
    until("the refusal is recorded", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls?limit=100").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        let blocked = calls.iter().find(|call| call["status"] == "blocked");
        Ok(blocked.map(|call| assert_eq!(call["hangupCause"], "overloaded")))
    })
    .await
    .unwrap();
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_calls_are_no_reason_under_a_higher_limit() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&["--max-busy-percent", "99"]).await;
    let hand = Hand::new(&world).await;
    let calls = hand.calls(CALLS).await;
    assert_eq!(calls.len(), CALLS);
    until_busy(&node, |busy| busy > 0.0).await;
    let answer = hand.call("one-more").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    hand.hang_up(&answer, "one-more").await;
    for (call, answer) in &calls {
        hand.hang_up(answer, call).await;
    }
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_dialled_by_a_node_with_too_much_to_do() {
    let number = "+15559990077";
    let world = World::new(digits_flow()).await;
    let carrier = BusyCarrier::start(&world).await;
    let node = world.node(LOW_LIMIT).await;
    let hand = Hand::new(&world).await;
    let calls = hand.calls(CALLS).await;
    until_too_busy(&node).await;
    let campaign = world.campaign(&[number]).await;
    until("the dialer waits", PATIENCE, async || {
        let claims = metrics(&node).await;
        let waited = claims.sum(
            "callplane_campaign_claims_total",
            &["result=\"overloaded\""],
        );
        Ok((waited >= 2.0).then_some(()))
    })
    .await
    .unwrap();
    let database = &world.tenant.database;
    let waiting = campaigns::recipients(database, campaign, None, 10)
        .await
        .unwrap();
    assert_eq!(waiting[0].status, RecipientStatus::Ready);
    assert_eq!(carrier.total(), 0);
    for (call, answer) in &calls {
        hand.hang_up(answer, call).await;
    }
    world.settled(campaign).await;
    assert_eq!(carrier.times(number), 1);
    node.drain().await;
}
