//! Pods that come when they are missing and go when they are idle.

use callplane_crds::{MediaPool, Tenant};
use callplane_store::media_nodes;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use crate::world::{Node, World, find, with_pool};

const OLD: &str = "callplane-media-node:1";
const NEW: &str = "callplane-media-node:2";

fn images(world: &World, namespace: &str) -> Vec<String> {
    let image = |pod: Pod| pod.spec.unwrap().containers.remove(0).image.unwrap();
    world.pods(namespace).into_iter().map(image).collect()
}

/// A tenant whose pods are all ready and registered.
async fn running(world: &World, name: &str, replicas: u32) -> Vec<Node> {
    world.put_tenant(name, with_pool(name, replicas));
    let names: Vec<String> = (0..replicas).map(|n| format!("{name}-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.pods_are(name, &names).await;
    let mut nodes = Vec::new();
    for pod in &names {
        world.make_ready(name, pod);
        nodes.push(Node::register(world, name, name, pod).await);
    }
    world.ready(name).await;
    nodes
}

fn scale(world: &World, name: &str, replicas: i32) {
    world.edit_tenant(name, |tenant: &mut Tenant| {
        tenant.spec.media.dedicated.as_mut().unwrap().replicas = replicas;
    });
}

#[tokio::test]
async fn the_status_says_what_a_carrier_needs_to_know() {
    let world = World::new().await;
    let _operator = world.start();
    running(&world, "told", 2).await;
    let status = world.pool("told", "told", |pool| pool.status.clone()).await;
    assert_eq!(
        (status.replicas, status.ready_replicas, status.slots),
        (2, 2, 50)
    );
    assert_eq!(status.addresses, ["10.0.0.6:5060", "10.0.0.6:5060"]);
    assert_eq!(
        status.selector.as_deref(),
        Some("app.kubernetes.io/component=media-node,callplane.dev/media-pool=told")
    );
    assert_eq!(
        find(&status.conditions, "Available").unwrap().status,
        "True"
    );
    let budget: PodDisruptionBudget = world.api.get(Some("told"), "told").unwrap();
    assert_eq!(
        budget.spec.unwrap().min_available,
        Some(IntOrString::Int(1))
    );
}

#[tokio::test]
async fn scaling_down_takes_the_idle_pod() {
    let world = World::new().await;
    let _operator = world.start();
    let nodes = running(&world, "less", 3).await;
    for (node, calls) in nodes.iter().zip([2, 0, 4]) {
        node.says(calls).await;
    }
    scale(&world, "less", 2);
    world.pods_are("less", &["less-0", "less-2"]).await;
    scale(&world, "less", 1);
    world.pods_are("less", &["less-2"]).await;
    scale(&world, "less", 2);
    world.pods_are("less", &["less-0", "less-2"]).await;
}

#[tokio::test]
async fn a_rollout_replaces_idle_pods_one_by_one_and_waits_for_the_others() {
    let world = World::new().await;
    let _operator = world.start();
    let nodes = running(&world, "roll", 2).await;
    nodes[0].says(3).await;
    nodes[1].says(0).await;
    world.edit_tenant("roll", |tenant: &mut Tenant| {
        tenant.spec.media.dedicated.as_mut().unwrap().image = Some(NEW.to_owned());
    });
    // One more first; the old ones stay until it takes calls.
    world
        .pods_are("roll", &["roll-0", "roll-1", "roll-2"])
        .await;
    world.make_ready("roll", "roll-2");
    // The idle one goes and comes back new, while the busy one goes on.
    let renewed = world
        .api
        .until(|_| (images(&world, "roll") == [OLD, NEW, NEW]).then_some(()));
    renewed.await.unwrap();
    world.make_ready("roll", "roll-1");
    let status = world
        .pool("roll", "roll", |pool| {
            let status = pool.status.clone()?;
            (status.ready_replicas == 3).then_some(status)
        })
        .await;
    assert_eq!(
        find(&status.conditions, "Progressing").unwrap().status,
        "True"
    );
    assert!(world.pod_names("roll").contains(&"roll-0".to_owned()));
    // Its last call ends.
    nodes[0].says(0).await;
    world.pods_are("roll", &["roll-1", "roll-2"]).await;
    assert_eq!(images(&world, "roll"), [NEW, NEW]);
}

#[tokio::test]
async fn an_evicted_pod_is_replaced_and_a_changed_password_restarts_nobody() {
    let world = World::new().await;
    let operator = world.start();
    let mut spec = with_pool("evicted", 1);
    spec["credentialRotation"] = serde_json::json!({ "every": "1s", "overlap": "1s" });
    world.put_tenant("evicted", spec);
    world.pods_are("evicted", &["evicted-0"]).await;
    world.make_ready("evicted", "evicted-0");
    let uid = world.pods("evicted")[0].uid();
    let turned = world
        .api
        .until(|_| (world.login("evicted").slot == callplane_store::Slot::B).then_some(()));
    turned.await.unwrap();
    world
        .condition("evicted", "MediaReady", "True", "Ready")
        .await;
    assert_eq!(world.pods("evicted")[0].uid(), uid);

    let mut pod: Pod = world.api.get(Some("evicted"), "evicted-0").unwrap();
    pod.status = Some(PodStatus {
        phase: Some("Failed".to_owned()),
        reason: Some("Evicted".to_owned()),
        ..PodStatus::default()
    });
    world.api.put(&pod);
    world.pods_are("evicted", &["evicted-1"]).await;
    drop(operator);
}

#[tokio::test]
async fn a_pod_that_does_not_start_is_told_with_its_reason() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant("broken", with_pool("broken", 1));
    world.pods_are("broken", &["broken-0"]).await;
    let mut pod: Pod = world.api.get(Some("broken"), "broken-0").unwrap();
    pod.status = Some(
        serde_json::from_value(serde_json::json!({
            "phase": "Pending",
            "containerStatuses": [{
                "name": "media-node", "ready": false, "restartCount": 0, "image": "", "imageID": "",
                "state": { "waiting": { "reason": "ImagePullBackOff" } },
            }],
        }))
        .unwrap(),
    );
    world.api.put(&pod);
    let message = world
        .condition("broken", "MediaReady", "False", "PodsFailing")
        .await;
    assert!(
        message.contains("`broken-0` does not start: ImagePullBackOff"),
        "{message}"
    );

    // A better image repairs it at once: no call is in the way.
    world.edit_tenant("broken", |tenant: &mut Tenant| {
        tenant.spec.media.dedicated.as_mut().unwrap().image = Some(NEW.to_owned());
    });
    world.pods_are("broken", &["broken-1"]).await;
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_pod_that_runs_and_never_registers_is_given_up_each_try_later_than_the_last() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant("mute", with_pool("mute", 1));
    world.pods_are("mute", &["mute-0"]).await;
    world.make_run("mute", "mute-0", ago(121));
    world.pods_are("mute", &["mute-1"]).await;
    let event = world.api.until(|api| {
        api.events_on("mute")
            .into_iter()
            .find(|e| e.contains("`mute-0`"))
    });
    assert_eq!(
        event.await.unwrap(),
        "PodsFailing: Pod `mute-0` ran for 120 s without being ready and is given up; the next \
         one gets 240 s: look at its log"
    );

    // The next has more time: a look that is asked for in between changes nothing.
    world.make_run("mute", "mute-1", ago(200));
    let message = world
        .condition("mute", "MediaReady", "False", "PodsFailing")
        .await;
    assert!(message.contains("look at the log of `mute-1`"), "{message}");
    assert_eq!(world.pod_names("mute"), ["mute-1"]);
    // Nothing happens any more but that its time runs out.
    world.make_run("mute", "mute-1", ago(239));
    world.pods_are("mute", &["mute-0"]).await;
    let third: Pod = world.api.get(Some("mute"), "mute-0").unwrap();
    assert_eq!(
        third.annotations()["callplane.dev/pods-given-up-before"],
        "2"
    );
    // One that becomes ready after all stays.
    world.make_ready("mute", "mute-0");
    world.ready("mute").await;
}

#[tokio::test]
async fn a_pod_that_is_not_ready_is_kept_while_it_may_carry_calls() {
    let world = World::new().await;
    let _operator = world.start();
    let nodes = running(&world, "busy", 2).await;
    nodes[0].says(1).await;
    nodes[1].says(0).await;
    for pod in ["busy-0", "busy-1"] {
        world.make_run("busy", pod, ago(600));
    }
    // Who only fails its probe and has no calls is given up.
    world.pods_are("busy", &["busy-0", "busy-2"]).await;
    world.make_ready("busy", "busy-2");
    // When its call ends, so is the other one.
    nodes[0].says(0).await;
    world.pods_are("busy", &["busy-1", "busy-2"]).await;
}

#[tokio::test]
async fn a_node_that_dies_without_a_word_is_closed_once_its_pod_is_gone() {
    let world = World::new().await;
    let _operator = world.start();
    for node in running(&world, "dead", 1).await {
        node.dies().await;
    }
    let silence =
        "UPDATE platform.media_nodes SET last_heartbeat_at = now() - interval '2 minutes'";
    world.database.superuser(silence).await.unwrap();
    let id = world.login("dead").tenant_id;
    let node = async || {
        let nodes = media_nodes::list(&world.database.operator, id).await;
        nodes.unwrap().remove(0).status
    };
    // Silent, as everybody is after an outage; but its pod is there.
    world.edit_tenant("dead", |tenant| {
        tenant.spec.display_name = Some("One".to_owned());
    });
    world.ready("dead").await;
    assert_eq!(node().await, "ready");

    scale(&world, "dead", 0);
    let is_empty = |pool: &MediaPool| (pool.status.as_ref()?.replicas == 0).then_some(());
    world.pool("dead", "dead", is_empty).await;
    world.edit_tenant("dead", |tenant| {
        tenant.spec.display_name = Some("Two".to_owned());
    });
    world.ready("dead").await;
    assert_eq!(node().await, "lost");
}

#[tokio::test]
async fn a_pool_in_a_namespace_of_nobody_waits_and_one_that_is_not_wanted_goes() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_namespace("stray");
    let mut pool = MediaPool::new("stray", callplane_crds::MediaPoolSpec::default());
    pool.metadata.namespace = Some("stray".to_owned());
    world.api.put(&pool);
    let message = world
        .pool("stray", "stray", |pool| {
            let ready = find(&pool.status.as_ref()?.conditions, "Ready")?;
            (ready.reason == "WaitingForDependency").then(|| ready.message.clone())
        })
        .await;
    assert!(message.contains("belongs to no Tenant"), "{message}");

    running(&world, "unpooled", 1).await;
    world.edit_tenant("unpooled", |tenant| tenant.spec.media.dedicated = None);
    world.pods_are("unpooled", &[]).await;
    world
        .condition("unpooled", "MediaReady", "True", "NoDedicatedMedia")
        .await;
    assert!(
        world.api.get::<MediaPool>(Some("stray"), "stray").is_some(),
        "not ours to delete"
    );
}
