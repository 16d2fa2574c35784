//! From pods and errors to what the status says.

use callplane_crds::ConditionType as Type;
use callplane_crds::{MediaPool, MediaPoolStatus, Reason};
use callplane_kit::conditions::{Conditions, Summary};
use callplane_kit::sentence;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;

use super::Error;
use super::build::is_ready;
use super::dereference::References;
use super::pod::{LABEL_TEMPLATE, selector};
use super::start;

/// Waiting reasons of a container that do not go away by themselves.
const FAILING: [&str; 7] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
];

/// How the pods of a pool stand.
struct Pods<'a> {
    ready: Vec<&'a Pod>,
    /// Neither ready nor on their way out.
    starting: Vec<&'a Pod>,
    draining: usize,
    /// Different templates among those that stay.
    templates: usize,
}

impl<'a> Pods<'a> {
    fn of(references: &'a References) -> Self {
        let pods = references.pods.iter().map(|pod| &**pod);
        let (leaving, staying): (Vec<&Pod>, Vec<&Pod>) =
            pods.partition(|pod| pod.metadata.deletion_timestamp.is_some());
        let templates: std::collections::BTreeSet<_> = staying
            .iter()
            .map(|pod| pod.labels().get(LABEL_TEMPLATE))
            .collect();
        let templates = templates.len();
        let (ready, starting) = staying.into_iter().partition(|pod| is_ready(pod));
        Self {
            ready,
            starting,
            draining: leaving.len(),
            templates,
        }
    }
}

pub(super) fn status(
    pool: &MediaPool,
    references: &References,
    error: Option<&Error>,
    now: Timestamp,
) -> MediaPoolStatus {
    let before = pool
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice());
    let generation = pool.metadata.generation;
    let mut conditions = Conditions::new(before.unwrap_or_default(), generation, now);
    let pods = Pods::of(references);
    accepted(&mut conditions, error);
    available(&mut conditions, pool, &pods);
    progressing(&mut conditions, pool, &pods);
    summarize(&mut conditions, pool, &pods, error);
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let selector: Vec<String> = selector(&pool.name_any())
        .iter()
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    MediaPoolStatus {
        observed_generation: generation,
        replicas: count(pods.ready.len() + pods.starting.len()),
        ready_replicas: count(pods.ready.len()),
        draining_replicas: count(pods.draining),
        slots: count(pods.ready.len()).saturating_mul(pool.spec.slots),
        addresses: addresses(pool, &pods),
        selector: Some(selector.join(",")),
        conditions: conditions.into_vec(),
    }
}

fn addresses(pool: &MediaPool, pods: &Pods<'_>) -> Vec<String> {
    let port = pool.spec.sip.port;
    let ips = pods
        .ready
        .iter()
        .filter_map(|pod| pod.status.as_ref()?.pod_ip.as_deref());
    let mut addresses: Vec<String> = ips
        .map(|ip| match ip.contains(':') {
            true => format!("[{ip}]:{port}"),
            false => format!("{ip}:{port}"),
        })
        .collect();
    addresses.sort();
    addresses
}

fn accepted(conditions: &mut Conditions, error: Option<&Error>) {
    match error {
        Some(Error::Invalid(invalid)) => {
            set(
                conditions,
                Type::Accepted,
                false,
                Reason::Invalid,
                &invalid.to_string(),
            );
        }
        _ => set(
            conditions,
            Type::Accepted,
            true,
            Reason::Accepted,
            "The spec is valid.",
        ),
    }
}

fn available(conditions: &mut Conditions, pool: &MediaPool, pods: &Pods<'_>) {
    let ready = pods.ready.len();
    if ready > 0 || pool.spec.replicas == 0 {
        set(
            conditions,
            Type::Available,
            true,
            Reason::PodsReady,
            "At least one pod takes calls, or none is asked for.",
        );
    } else {
        let (reason, message) = why_not_ready(pods);
        set(conditions, Type::Available, false, reason, &message);
    }
}

fn progressing(conditions: &mut Conditions, pool: &MediaPool, pods: &Pods<'_>) {
    let staying = pods.ready.len() + pods.starting.len();
    let wanted = usize::try_from(pool.spec.replicas).unwrap_or(0);
    let type_ = Type::Progressing;
    if pods.draining > 0 {
        let message = format!("{} pods finish their calls before they go", pods.draining);
        set(conditions, type_, true, Reason::Draining, &message);
    } else if pods.templates > 1 {
        let message = "pods of the former template are replaced, each after its last call";
        set(conditions, type_, true, Reason::Progressing, message);
    } else if staying != wanted || !pods.starting.is_empty() {
        let (reason, message) = why_not_ready(pods);
        set(conditions, type_, true, reason, &message);
    } else {
        set(
            conditions,
            type_,
            false,
            Reason::Ready,
            "Nothing is being started, replaced or drained.",
        );
    }
}

fn summarize(
    conditions: &mut Conditions,
    pool: &MediaPool,
    pods: &Pods<'_>,
    error: Option<&Error>,
) {
    let wanted = usize::try_from(pool.spec.replicas).unwrap_or(0);
    let say = |reason: Reason, message: String| (reason.as_str().to_owned(), message);
    let summary = match error {
        Some(Error::Invalid(invalid)) => {
            let (reason, message) = say(Reason::Invalid, invalid.to_string());
            Summary::Stalled { reason, message }
        }
        Some(Error::WaitingForTenant(waits)) => {
            let (reason, message) = say(Reason::WaitingForDependency, waits.clone());
            Summary::Progressing { reason, message }
        }
        // Pods that take calls do so whether or not we could look at them.
        Some(error) if pods.ready.len() < wanted => {
            let (reason, message) = say(
                reason_of(error),
                format!("{}; the operator tries again", sentence(error)),
            );
            Summary::Progressing { reason, message }
        }
        _ if pods.ready.len() >= wanted => Summary::Ready,
        _ => {
            let (reason, message) = why_not_ready(pods);
            let (name, message) = say(reason, message);
            match reason {
                Reason::PodsFailing => Summary::Stalled {
                    reason: name,
                    message,
                },
                _ => Summary::Progressing {
                    reason: name,
                    message,
                },
            }
        }
    };
    conditions.summarize(&summary);
}

fn reason_of(error: &Error) -> Reason {
    match error {
        Error::Fence(_) | Error::ReadLoad(_) => Reason::DatabaseUnavailable,
        _ => Reason::ApiServerUnavailable,
    }
}

/// What keeps the pods that are not ready.
fn why_not_ready(pods: &Pods<'_>) -> (Reason, String) {
    for pod in &pods.starting {
        let status = pod.status.as_ref();
        let waiting = status
            .and_then(|status| status.container_statuses.as_ref())
            .into_iter()
            .flatten()
            .find_map(|container| container.state.as_ref()?.waiting.as_ref());
        if let Some(waiting) = waiting
            && let Some(reason) = waiting.reason.as_deref()
            && FAILING.contains(&reason)
        {
            let message = format!(
                "pod `{}` does not start: {reason}; look at its log and events",
                pod.name_any()
            );
            return (Reason::PodsFailing, message);
        }
        let unschedulable = status
            .and_then(|status| status.conditions.as_ref())
            .into_iter()
            .flatten()
            .find(|c| c.type_ == "PodScheduled" && c.status == "False");
        if let Some(condition) = unschedulable {
            let told = condition.message.as_deref().unwrap_or("no node has room");
            return (
                Reason::PodsFailing,
                format!("pod `{}` has no node: {told}", pod.name_any()),
            );
        }
        let given_up = start::given_up_before(pod);
        if given_up > 0 {
            let message = format!(
                "{given_up} pods in a row ran without being ready and were given up; look at the log of `{}`, the next try",
                pod.name_any()
            );
            return (Reason::PodsFailing, message);
        }
    }
    match pods.starting.len() {
        0 => (Reason::PodsStarting, "pods are being created".to_owned()),
        count => (Reason::PodsStarting, format!("{count} pods are starting")),
    }
}

fn set(conditions: &mut Conditions, type_: Type, holds: bool, reason: Reason, message: &str) {
    conditions.set(type_.as_str(), holds, reason.as_str(), message);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A pod after three that were given up; it runs since eight o'clock.
    fn fourth_try(unready_since: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p-0", "annotations": { start::ANNOTATION_TRY: "3" } },
            "status": {
                "conditions": [{
                    "type": "Ready", "status": "False", "lastTransitionTime": unready_since,
                }],
                "containerStatuses": [{
                    "name": "media-node", "ready": false, "restartCount": 0, "image": "",
                    "imageID": "", "state": { "running": { "startedAt": "2026-11-21T08:00:00Z" } },
                }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn only_a_pod_that_was_never_ready_tells_of_those_given_up_before_it() {
        let told = |unready_since| {
            let pod = fourth_try(unready_since);
            why_not_ready(&Pods {
                ready: vec![],
                starting: vec![&pod],
                draining: 0,
                templates: 1,
            })
        };
        let (reason, message) = told("2026-11-21T07:59:00Z");
        assert_eq!(reason, Reason::PodsFailing);
        assert!(message.starts_with("3 pods in a row "), "{message}");

        let (reason, message) = told("2026-11-24T10:00:00Z");
        assert_eq!(reason, Reason::PodsStarting);
        assert_eq!(message, "1 pods are starting");
    }
}
