//! The pod of a media node.

use std::collections::BTreeMap;

use callplane_crds::{LABEL_POOL, LABEL_TENANT, Network};
use callplane_kit::apply::hash_of;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, HTTPGetAction, Pod, PodSecurityContext, PodSpec, Probe,
    ResourceRequirements, SeccompProfile, SecurityContext, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ObjectMeta;
use serde_json::Value;

use super::environment::{credentials, environment};
use super::plan::NewPod;
use super::start::ANNOTATION_TRY;
use super::validate::Validated;
use super::volumes::{mounts, volumes};
use crate::names::{LABEL_COMPONENT, LABEL_MANAGED_BY, LABEL_NAME, MEDIA_NODE, OPERATOR};

/// Hash of the template that a pod was built from: a rollout is a change of it. The content of the
/// Secret is not in it, because a node reads the mounted files anew.
pub(super) const LABEL_TEMPLATE: &str = "callplane.dev/template";

/// Time for the node to store its last records after the last call was hung up.
const AFTER_DRAIN_SECONDS: i64 = 30;
/// User and group of the images.
const USER: i64 = 64_000;

/// What a rollout compares, and the pods of it.
#[derive(Debug, Clone)]
pub struct Template {
    metadata: ObjectMeta,
    spec: PodSpec,
    /// See [`LABEL_TEMPLATE`].
    pub hash: String,
}

impl Template {
    pub(super) fn of(validated: &Validated) -> Self {
        let mut metadata = ObjectMeta {
            namespace: Some(validated.namespace.clone()),
            labels: Some(labels(validated)),
            annotations: Some(annotations(validated)),
            ..ObjectMeta::default()
        };
        let spec = pod_spec(validated);
        let template = serde_json::json!({
            "labels": metadata.labels,
            "annotations": metadata.annotations,
            "spec": serde_json::to_value(&spec).unwrap_or(Value::Null),
        });
        let hash = hash_of(&template);
        metadata
            .labels
            .get_or_insert_default()
            .insert(LABEL_TEMPLATE.to_owned(), hash.clone());
        Self {
            metadata,
            spec,
            hash,
        }
    }

    /// A pod of the pool.
    #[must_use]
    pub fn pod(&self, pool: &str, new: NewPod) -> Pod {
        let NewPod {
            ordinal,
            given_up_before,
        } = new;
        let mut metadata = self.metadata.clone();
        metadata.name = Some(format!("{pool}-{ordinal}"));
        if given_up_before > 0 {
            metadata
                .annotations
                .get_or_insert_default()
                .insert(ANNOTATION_TRY.to_owned(), given_up_before.to_string());
        }
        Pod {
            metadata,
            spec: Some(self.spec.clone()),
            status: None,
        }
    }
}

/// Labels that select the pods of a pool.
pub(super) fn selector(pool: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (LABEL_COMPONENT.to_owned(), MEDIA_NODE.to_owned()),
        (LABEL_POOL.to_owned(), pool.to_owned()),
    ])
}

pub(super) fn labels(validated: &Validated) -> BTreeMap<String, String> {
    let mut labels = selector(&validated.name);
    labels.extend([
        (LABEL_NAME.to_owned(), "callplane".to_owned()),
        (LABEL_MANAGED_BY.to_owned(), OPERATOR.to_owned()),
        (LABEL_TENANT.to_owned(), validated.tenant.to_string()),
    ]);
    labels
}

fn annotations(validated: &Validated) -> BTreeMap<String, String> {
    let port = validated.ports.metrics.to_string();
    [
        ("prometheus.io/scrape", "true"),
        ("prometheus.io/port", port.as_str()),
        ("prometheus.io/path", "/metrics"),
        // The autoscaler takes nodes away without asking whether somebody is talking.
        ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn pod_spec(validated: &Validated) -> PodSpec {
    let spec = &validated.spec;
    let on_host = spec.network == Network::HostNetwork;
    PodSpec {
        containers: vec![container(validated)],
        volumes: Some(volumes(spec)),
        // A crashed process starts again beside its spool.
        restart_policy: Some("Always".to_owned()),
        termination_grace_period_seconds: Some(spec.max_drain_seconds + AFTER_DRAIN_SECONDS),
        host_network: on_host.then_some(true),
        dns_policy: Some(dns_policy(&validated.installed.dns_policy, on_host)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        topology_spread_constraints: Some(
            ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
                .map(|key| spread(key, &validated.name))
                .to_vec(),
        ),
        ..PodSpec::default()
    }
}

fn dns_policy(installed: &str, on_host: bool) -> String {
    if on_host && installed == "ClusterFirst" {
        "ClusterFirstWithHostNet".to_owned()
    } else {
        installed.to_owned()
    }
}

/// Preferred, not required: a pool larger than the cluster still starts.
fn spread(topology_key: &str, pool: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: topology_key.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(LabelSelector {
            match_labels: Some(selector(pool)),
            ..LabelSelector::default()
        }),
        ..TopologySpreadConstraint::default()
    }
}

fn container(validated: &Validated) -> Container {
    let spec = &validated.spec;
    let resources = &spec.resources;
    let quantities = |from: &BTreeMap<_, _>| (!from.is_empty()).then(|| from.clone());
    Container {
        name: MEDIA_NODE.to_owned(),
        image: Some(validated.image.clone()),
        image_pull_policy: Some(validated.installed.image_pull_policy.clone()),
        env: Some(environment(validated)),
        env_from: credentials(spec),
        ports: Some(validated.ports.declared()),
        readiness_probe: Some(Probe {
            period_seconds: Some(2),
            timeout_seconds: Some(2),
            failure_threshold: Some(2),
            ..probe("/readyz", validated.ports.metrics)
        }),
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(6),
            ..probe("/livez", validated.ports.metrics)
        }),
        resources: Some(ResourceRequirements {
            requests: quantities(&resources.requests),
            limits: quantities(&resources.limits),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts(spec)),
        ..Container::default()
    }
}

fn probe(path: &str, port: u16) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(i32::from(port)),
            ..HTTPGetAction::default()
        }),
        ..Probe::default()
    }
}
