//! What should exist because of a MediaPool.

use callplane_store::media_nodes::MediaNode;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;

use super::plan::{Calls, Node};
use super::pod::{LABEL_TEMPLATE, Template, labels, selector};
use super::start;
use super::validate::Validated;

/// Everything that a MediaPool asks for; which pods there should be is [`plan`](super::plan()).
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What each pod looks like.
    pub template: Template,
    /// Lets an eviction take one pod at a time.
    pub disruption_budget: PodDisruptionBudget,
}

/// Builds it. Pure: no client, no clock.
#[must_use]
pub fn build(validated: &Validated) -> Prepared {
    Prepared {
        template: Template::of(validated),
        disruption_budget: disruption_budget(validated),
    }
}

/// An evicted pod ends its calls within its grace period, so one at a time is safe; all at once would
/// leave nobody to answer.
fn disruption_budget(validated: &Validated) -> PodDisruptionBudget {
    let kept = validated.replicas.saturating_sub(1);
    PodDisruptionBudget {
        metadata: ObjectMeta {
            name: Some(validated.name.clone()),
            namespace: Some(validated.namespace.clone()),
            labels: Some(labels(validated)),
            ..ObjectMeta::default()
        },
        spec: Some(PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::Int(i32::try_from(kept).unwrap_or(i32::MAX))),
            selector: Some(LabelSelector {
                match_labels: Some(selector(&validated.name)),
                ..LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

/// A pod as [`plan`](super::plan()) looks at it. `heard` is what media nodes told the database; `None`
/// when it was not asked.
#[must_use]
pub(super) fn node(
    pod: &Pod,
    pool: &str,
    template: &str,
    heard: Option<&[MediaNode]>,
    now: Timestamp,
) -> Option<Node> {
    let name = pod.name_any();
    let ordinal = name.strip_prefix(pool)?.strip_prefix('-')?.parse().ok()?;
    let is_overdue = start::given_up_at(pod).is_some_and(|at| at <= now);
    Some(Node {
        ordinal,
        is_current: pod.labels().get(LABEL_TEMPLATE).map(String::as_str) == Some(template),
        is_ready: is_ready(pod),
        is_deleting: pod.metadata.deletion_timestamp.is_some(),
        is_finished: matches!(phase(pod), "Failed" | "Succeeded"),
        is_overdue,
        given_up_before: start::given_up_before(pod),
        calls: calls(pod, is_overdue, heard),
        name,
    })
}

fn calls(pod: &Pod, is_overdue: bool, heard: Option<&[MediaNode]>) -> Calls {
    if has_no_process(pod) {
        return Calls::Known(0);
    }
    let Some(heard) = heard else {
        return Calls::Unknown;
    };
    match heard.iter().find(|node| is_of(node, pod)) {
        Some(node) if node.alive => Calls::Known(node.active_calls),
        Some(_) => Calls::Unknown,
        // It has never registered, and takes no calls before.
        None if is_overdue => Calls::Known(0),
        None => Calls::Unknown,
    }
}

/// Whether a node runs in this pod and not in an earlier one of its name.
fn is_of(node: &MediaNode, pod: &Pod) -> bool {
    let uid = node.pod_uid.map(|uid| uid.to_string());
    node.node.name == pod.name_any() && (uid.is_none() || uid == pod.metadata.uid)
}

/// Whether no process runs in the pod: it waits for a node, for its image, or for the next attempt
/// after a crash. Then there are no calls.
fn has_no_process(pod: &Pod) -> bool {
    let containers = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    containers.is_none_or(|containers| {
        containers.iter().all(|container| {
            let state = container.state.as_ref();
            state.is_none_or(|state| state.running.is_none())
        })
    })
}

pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    })
}

fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

#[cfg(test)]
mod tests {
    use callplane_store::media_nodes::NodeEpoch;
    use callplane_types::WallTime;
    use serde_json::{Value, json};

    use super::*;

    const UID: &str = "019aa6d2-0000-7000-8000-0000000000aa";

    fn pod(state: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p-3", "uid": UID },
            "status": { "containerStatuses": [{
                "name": "media-node", "ready": false, "restartCount": 4, "image": "", "imageID": "",
                "state": state,
            }]},
        }))
        .unwrap()
    }

    fn heard(alive: bool) -> MediaNode {
        MediaNode {
            node: NodeEpoch {
                name: "p-3".to_owned(),
                epoch: 1,
            },
            pool: "p".to_owned(),
            pod_uid: UID.parse().ok(),
            address: None,
            slots: 1,
            active_calls: 2,
            status: "ready".to_owned(),
            last_heartbeat_at: WallTime::default(),
            alive,
        }
    }

    #[test]
    fn a_silent_node_is_not_an_idle_one_but_one_that_cannot_have_calls_is() {
        let running = json!({ "running": { "startedAt": "2026-11-21T08:00:00Z" } });
        let (early, late) = ("2026-11-21T08:01:00Z", "2026-11-21T08:03:00Z");
        let crashing = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        let namesake = MediaNode {
            pod_uid: Some(uuid::Uuid::nil()),
            ..heard(true)
        };
        let (none, some) = (Some(vec![]), |node| Some(vec![node]));
        for (what, state, now, heard, calls) in [
            ("not asked", &running, late, None, Calls::Unknown),
            (
                "not registered yet",
                &running,
                early,
                none.clone(),
                Calls::Unknown,
            ),
            ("never registered", &running, late, none, Calls::Known(0)),
            (
                "only its namesake",
                &running,
                late,
                some(namesake),
                Calls::Known(0),
            ),
            ("silent", &running, late, some(heard(false)), Calls::Unknown),
            ("heard", &running, late, some(heard(true)), Calls::Known(2)),
            ("crashed", &crashing, late, None, Calls::Known(0)),
            (
                "crashed a moment ago",
                &crashing,
                late,
                some(heard(true)),
                Calls::Known(0),
            ),
        ] {
            let now = now.parse().unwrap();
            let node = node(&pod(state), "p", "t", heard.as_deref(), now).unwrap();
            assert_eq!((node.ordinal, node.calls), (3, calls), "{what}");
        }
    }
}
