//! How long a pod may run without taking calls.
//!
//! A pod is ready once it is registered and knows its numbers; that takes seconds. One that runs and
//! is not ready for [`FIRST_TRY`] is given up, and the next gets twice the time: a fault that goes
//! away with the pod (a bad machine, a wedged process) costs two minutes, and one that comes back
//! with every pod costs a pod an hour. What number a try is stands on the pod, so that it outlives
//! the operator; a pod that was ready ends the row. Pods that do not run at all are not given up: the
//! kubelet starts them again, with a back-off of its own, and the scheduler finds no better place for
//! a new one.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::build::is_ready;

/// Time of the first try; more than a node needs on a busy machine while its database fails over.
const FIRST_TRY: Duration = Duration::from_secs(120);
/// Time of every later try at most.
const LONGEST_TRY: Duration = Duration::from_secs(3600);

/// How many pods in a row were given up before this one was created; absent for none.
pub(super) const ANNOTATION_TRY: &str = "callplane.dev/pods-given-up-before";

/// How many pods in a row were given up before this one; none once it has been ready, because then it
/// was no failed try.
pub(super) fn given_up_before(pod: &Pod) -> u32 {
    if has_been_ready(pod) {
        return 0;
    }
    let tries = pod.annotations().get(ANNOTATION_TRY);
    tries.and_then(|tries| tries.parse().ok()).unwrap_or(0)
}

/// How long a pod may run without being ready when so many before it were given up.
pub(super) fn patience(given_up_before: u32) -> Duration {
    let doublings = given_up_before.min(16);
    LONGEST_TRY.min(FIRST_TRY.saturating_mul(1 << doublings))
}

/// When a pod that runs and is not ready has had its time; `None` for any other pod.
pub(super) fn given_up_at(pod: &Pod) -> Option<Timestamp> {
    if is_ready(pod) {
        return None;
    }
    let started = started_at(pod)?;
    // A pod that was ready for days has its time, too, once it is not.
    let since = turned_at(pod).map_or(started, |turned| turned.max(started));
    let patience = SignedDuration::try_from(patience(given_up_before(pod))).ok()?;
    since.checked_add(patience).ok()
}

/// Whether the pod is ready or was since it runs. The kubelet says that a pod is not ready before it
/// starts its containers, so a turn after that is one from ready.
fn has_been_ready(pod: &Pod) -> bool {
    let turned_since = |started| turned_at(pod).is_some_and(|turned| turned > started);
    is_ready(pod) || started_at(pod).is_some_and(turned_since)
}

/// When the last of its containers started; `None` while none runs.
fn started_at(pod: &Pod) -> Option<Timestamp> {
    let containers = pod.status.as_ref()?.container_statuses.iter().flatten();
    containers
        .filter_map(|container| {
            container
                .state
                .as_ref()?
                .running
                .as_ref()?
                .started_at
                .as_ref()
        })
        .map(|started| started.0)
        .max()
}

/// When it became ready, or ceased to be.
fn turned_at(pod: &Pod) -> Option<Timestamp> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready")?;
    ready.last_transition_time.as_ref().map(|turned| turned.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(running: bool, ready: (&str, &str), tries: u32) -> Pod {
        let state = if running {
            json!({ "running": { "startedAt": "2026-11-21T08:00:00Z" } })
        } else {
            json!({ "waiting": { "reason": "CrashLoopBackOff" } })
        };
        let (status, since) = ready;
        serde_json::from_value(json!({
            "metadata": { "name": "p-0", "annotations": { ANNOTATION_TRY: tries.to_string() } },
            "status": {
                "conditions": [{ "type": "Ready", "status": status, "lastTransitionTime": since }],
                "containerStatuses": [{
                    "name": "media-node", "ready": false, "restartCount": 0, "image": "",
                    "imageID": "", "state": state,
                }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_that_runs_and_is_not_ready_has_a_time_that_doubles_up_to_an_hour() {
        let created = "2026-11-21T07:59:00Z";
        for (what, pod, given_up_at) in [
            (
                "first try",
                pod(true, ("False", created), 0),
                Some("2026-11-21T08:02:00Z"),
            ),
            (
                "second try",
                pod(true, ("False", created), 1),
                Some("2026-11-21T08:04:00Z"),
            ),
            (
                "sixth try",
                pod(true, ("False", created), 5),
                Some("2026-11-21T09:00:00Z"),
            ),
            (
                "hundredth try",
                pod(true, ("False", created), 99),
                Some("2026-11-21T09:00:00Z"),
            ),
            (
                "ready until ten",
                pod(true, ("False", "2026-11-21T10:00:00Z"), 0),
                Some("2026-11-21T10:02:00Z"),
            ),
            (
                "fourth try, ready until days later",
                pod(true, ("False", "2026-11-24T10:00:00Z"), 3),
                Some("2026-11-24T10:02:00Z"),
            ),
            ("ready", pod(true, ("True", created), 0), None),
            ("crashes", pod(false, ("False", created), 0), None),
        ] {
            let expected = given_up_at.map(|at| at.parse::<Timestamp>().unwrap());
            assert_eq!(super::given_up_at(&pod), expected, "{what}");
        }
    }

    #[test]
    fn a_pod_that_was_ready_ends_the_row_of_those_given_up() {
        let (created, later) = ("2026-11-21T07:59:00Z", "2026-11-24T10:00:00Z");
        for (what, pod, before) in [
            ("never ready", pod(true, ("False", created), 3), 3),
            ("ready", pod(true, ("True", "2026-11-21T08:00:20Z"), 3), 0),
            ("was ready for days", pod(true, ("False", later), 3), 0),
            ("does not run", pod(false, ("False", later), 3), 3),
        ] {
            assert_eq!(given_up_before(&pod), before, "{what}");
        }
    }
}
