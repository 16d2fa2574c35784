//! What Prometheus reads of a node.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use callplane_e2e::until;

use crate::hand::Hand;
use crate::world::{World, digits_flow, metrics};

/// Prometheus' own opinion of names, units and help texts.
fn check(metrics: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(metrics.as_bytes()).unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sip_counts_is_exported_and_no_peer_can_make_a_label() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let hand = Hand::new(&world).await;
    for serial in 0..3 {
        let answer = hand.ask("OPTIONS", &format!("o{serial}")).await;
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    }
    for method in ["BREW", "PROPFIND", "WHEN"] {
        let answer = hand.ask(method, method).await;
        assert!(answer.starts_with("SIP/2.0 405"), "{answer}");
    }
    hand.send(b"no SIP at all\r\n\r\n").await;
    let answer = hand.call("counted").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    hand.hang_up(&answer, "counted").await;
    // The 200 of the INVITE, repeated, is absorbed and counted.
    hand.send(hand.invite("counted", 1, "").as_bytes()).await;
    assert!(hand.ask("OPTIONS", "last").await.starts_with("SIP/2.0 200"));

    let seen = metrics(&node).await;
    let count =
        |name: &str, label: &str| seen.sum(&format!("callplane_sip_{name}_total"), &[label]) as u64;
    for (method, expected) in [
        ("OPTIONS", 4),
        ("INVITE", 2),
        ("ACK", 1),
        ("BYE", 1),
        ("REGISTER", 0),
        ("other", 3),
    ] {
        let label = format!("method=\"{method}\"");
        assert_eq!(count("requests_received", &label), expected, "{method}");
    }
    assert_eq!(count("responses_sent", "class=\"2xx\""), 4 + 2);
    assert_eq!(count("responses_sent", "class=\"4xx\""), 3);
    assert_eq!(count("malformed_messages", ""), 1);
    assert_eq!(count("transactions_timed_out", ""), 0);
    assert_eq!(count("dropped", ""), 0);
    let text = seen.text();
    assert!(!text.contains("BREW"), "a method of a peer is no label");
    let labels = |name: &str| {
        let sample = format!("callplane_sip_{name}_total{{");
        text.lines()
            .filter(|line| line.starts_with(&sample))
            .count()
    };
    assert_eq!(
        (labels("requests_received"), labels("responses_sent")),
        (14, 6)
    );
    assert_eq!(labels("dropped"), 5);
    check(text);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_a_node_that_has_called_and_been_called_passes_the_lint() {
    let world = World::new(digits_flow()).await;
    let carrier = crate::killed::BusyCarrier::start(&world).await;
    let node = world.node(&[]).await;
    let campaign = world.campaign(&["+15559990001"]).await;
    world.settled(campaign).await;
    assert_eq!(carrier.total(), 1);
    until("the quotas are told", Duration::from_secs(20), async || {
        let seen = metrics(&node).await;
        Ok(seen.text().contains("callplane_quota_used{").then_some(()))
    })
    .await
    .unwrap();
    let seen = metrics(&node).await;
    let claimed = seen.sum("callplane_campaign_claims_total", &["result=\"claimed\""]);
    assert_eq!(claimed, 1.0);
    check(seen.text());
    for line in seen.text().lines().filter(|line| !line.starts_with('#')) {
        assert!(!line.contains("1555"), "a number in a label: {line}");
    }
    node.drain().await;
}
