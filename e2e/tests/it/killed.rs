//! A media node that is killed while it dials.

use std::time::Duration;

use callplane_e2e::phones::Callee;
use callplane_e2e::{PodProcesses, figure, until};
use tokio::time::Instant;

use crate::campaign::{Recipients, desire, outcomes, pace};
use crate::tenant::{CALL, MEDIA_NODE, Options, READY, Tenant};

const SEEDS: u64 = 20;

/// Waits until a container other than `before` is ready in a pod; a restart makes another one.
async fn ready_container(tenant: &Tenant, pod: &str, before: &str) -> String {
    until("the node is ready", READY, async || {
        let object = tenant.cluster.object(&tenant.name, "pod", pod).await?;
        let status = &object["status"]["containerStatuses"][0];
        let id = status["containerID"].as_str().unwrap_or(before);
        Ok((status["ready"] == true && id != before).then(|| id.to_owned()))
    })
    .await
    .unwrap()
}

/// From before the claim to after the INVITE, in steps that fall between the two.
fn moment(seed: u64) -> Duration {
    Duration::from_millis(seed * 7919 % 400)
}

/// Runs the campaign, kills the node at the seed's moment or when a phone rings, and waits for the next node.
async fn kill(tenant: &Tenant, recipients: &Recipients, seed: u64) {
    let (pod, _) = tenant.node().await;
    let container = ready_container(tenant, &pod, "").await;
    let processes = PodProcesses::of(&tenant.cluster, &tenant.name, &pod)
        .await
        .unwrap();
    let before = recipients.total();
    desire(tenant, "Run").await;
    let killed_at = Instant::now() + moment(seed);
    until("the moment has come", CALL, async || {
        Ok((Instant::now() >= killed_at || recipients.total() > before).then_some(()))
    })
    .await
    .unwrap();
    let killed = processes.signal(MEDIA_NODE, "KILL").await.unwrap();
    assert_eq!(
        killed, 1,
        "seed {seed}: the node was not there to be killed"
    );
    desire(tenant, "Pause").await;
    ready_container(tenant, &pod, &container).await;
}

/// The node is killed at moments spread over claim, commit and INVITE; whatever the moment, nobody is rung twice.
#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_killed_node_never_rings_anybody_twice() {
    let tenant = Tenant::ready("killed", &Options::default()).await;
    let callees = vec![Callee::Rings; SEEDS as usize * 2];
    let recipients = Recipients::start(&tenant, &callees).await;
    recipients.import(&tenant).await;
    // Two at a time, so that there is somebody left to ring for every seed.
    pace(&tenant, 2).await;
    let mut rung = Vec::new();
    for seed in 0..SEEDS {
        kill(&tenant, &recipients, seed).await;
        let invites = recipients.invites();
        assert!(
            invites.iter().all(|count| *count <= 1),
            "seed {seed}: {invites:?}"
        );
        rung.push(invites.iter().sum::<usize>().to_string());
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
    tell(&rung, &invites, unknown);
    assert!(unknown > 0, "no kill hit a call");
}

fn tell(rung: &[String], invites: &[usize], unknown: usize) {
    let most = invites.iter().max().unwrap();
    figure(
        "INVITEs to one recipient in 20 SIGKILLs, most",
        most,
        "",
        "<= 1",
    )
    .unwrap();
    let all = invites.len();
    figure(
        &format!("recipients of {all} left unknown by the kills"),
        unknown,
        "",
        ">= 1",
    )
    .unwrap();
    figure(
        "INVITEs after the kill of seed 0, 1, ... 19",
        rung.join(" "),
        "",
        "",
    )
    .unwrap();
    let moments: Vec<String> = (0..SEEDS)
        .map(|seed| moment(seed).as_millis().to_string())
        .collect();
    figure(
        "moments of these kills at the latest",
        moments.join(" "),
        "ms",
        "",
    )
    .unwrap();
}
