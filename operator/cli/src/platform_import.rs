//! `kubectl callplane import`: a Job that brings the data of a tenant from another platform.
//!
//! The Job runs the operator's image beside the operator, which reaches both databases; this command
//! makes it, shows its log and ends as it ended. The URL of the source is in a Secret that only the pod
//! of the Job reads, and so is the key-encryption key that opens the tenant's data keys.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, Pod, PodSpec, PodTemplateSpec, SecretKeySelector,
    SecretVolumeSource, Volume, VolumeMount,
};
use kube::api::{ListParams, LogParams, ObjectMeta, PostParams};
use kube::{Api, ResourceExt};

use crate::arguments::ImportArguments;
use crate::connection::Connection;

/// The Deployment whose image, database and identity the Job takes.
const OPERATOR: &str = "callplane-operator";
/// The Secret of the key-encryption key, which the operator makes where it has no Vault, and its key.
const KEY_ENCRYPTION: (&str, &str) = ("callplane-key-encryption", "keys");
const KEYS_FOLDER: &str = "/etc/callplane/keys";
const COMPONENT: &str = "app.kubernetes.io/component";
/// A finished Job stays for a day, so that its log can be read again.
const KEEP_SECONDS: i32 = 86_400;
/// How often a pod is looked at that has not begun.
const LOOK: Duration = Duration::from_secs(1);
/// How long a pod may take to begin before its state is told.
const BEGIN_WITHIN: u32 = 120;

/// Makes the Job, shows what it says, and returns its exit code.
pub(crate) async fn run(
    connection: &Connection,
    arguments: &ImportArguments,
) -> anyhow::Result<i32> {
    let namespace = &arguments.operator_namespace;
    let deployments: Api<Deployment> = Api::namespaced(connection.client.clone(), namespace);
    let operator = deployments.get(OPERATOR).await.with_context(|| {
        format!(
            "there is no operator in namespace {namespace}: name its own with --operator-namespace"
        )
    })?;
    let jobs: Api<Job> = Api::namespaced(connection.client.clone(), namespace);
    let job = jobs
        .create(&PostParams::default(), &job(&operator, arguments)?)
        .await
        .with_context(|| format!("failed to create a Job in namespace {namespace}"))?;
    eprintln!(
        "job {namespace}/{} imports into {}",
        job.name_any(),
        arguments.tenant
    );
    let pods: Api<Pod> = Api::namespaced(connection.client.clone(), namespace);
    let pod = begun(&pods, &job.name_any()).await?;
    show_log(&pods, &pod).await?;
    exit_code(&pods, &pod).await
}

/// The Job. It takes from the operator's pod what reaches the database, and nothing that makes it an
/// operator: no probes, no ports, no token of the cluster.
fn job(operator: &Deployment, arguments: &ImportArguments) -> anyhow::Result<Job> {
    let template = operator
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let spec = template.context("the operator's Deployment has no pod")?;
    let mut container = spec
        .containers
        .iter()
        .find(|container| container.name == "operator")
        .context("the operator's Deployment has no container `operator`")?
        .clone();
    container.name = "import".to_owned();
    container.args = Some(command(arguments));
    container.ports = None;
    container.readiness_probe = None;
    container.liveness_probe = None;
    container.startup_probe = None;
    let mut volumes = spec.volumes.clone().unwrap_or_default();
    volumes.extend(mount_keys(&mut container));
    container.env.get_or_insert_default().push(EnvVar {
        name: "CALLPLANE_IMPORT_SOURCE".to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: arguments.source_secret.clone(),
                key: arguments.source_key.clone(),
                optional: Some(false),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    });
    let labels = BTreeMap::from([
        (COMPONENT.to_owned(), "import".to_owned()),
        (
            "callplane.dev/tenant".to_owned(),
            arguments.tenant.to_string(),
        ),
    ]);
    Ok(Job {
        metadata: ObjectMeta {
            generate_name: Some(format!("callplane-import-{}-", arguments.tenant)),
            labels: Some(labels.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            // What was left out has to be looked at; the same command goes on where it was.
            backoff_limit: Some(0),
            ttl_seconds_after_finished: Some(KEEP_SECONDS),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    containers: vec![container],
                    volumes: Some(volumes),
                    restart_policy: Some("Never".to_owned()),
                    automount_service_account_token: Some(false),
                    topology_spread_constraints: None,
                    ..spec.clone()
                }),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    })
}

/// Hands the key-encryption key to the container as a file: it has no token of the cluster to read the
/// Secret with, as the operator does. Nothing where the operator has Vault, or a file of its own.
fn mount_keys(container: &mut Container) -> Option<Volume> {
    let environment = container.env.get_or_insert_default();
    let named = [
        "CALLPLANE_VAULT_ADDRESS",
        "CALLPLANE_KEY_ENCRYPTION_KEY_FILE",
    ];
    if environment
        .iter()
        .any(|one| named.contains(&one.name.as_str()))
    {
        return None;
    }
    let (secret, key) = KEY_ENCRYPTION;
    environment.push(EnvVar {
        name: "CALLPLANE_KEY_ENCRYPTION_KEY_FILE".to_owned(),
        value: Some(format!("{KEYS_FOLDER}/{key}")),
        ..EnvVar::default()
    });
    container
        .volume_mounts
        .get_or_insert_default()
        .push(VolumeMount {
            name: "key-encryption".to_owned(),
            mount_path: KEYS_FOLDER.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        });
    Some(Volume {
        name: "key-encryption".to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            default_mode: Some(0o440),
            // Without it the pod would wait for ever; the import says that the file is not there.
            optional: Some(true),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    })
}

fn command(arguments: &ImportArguments) -> Vec<String> {
    let ImportArguments {
        from,
        tenant,
        source_secret: _,
        source_key: _,
        source_tenant,
        dry_run,
        restart,
        json,
        operator_namespace: _,
    } = arguments;
    let mut command: Vec<String> = ["database", "import", "--from", from, "--tenant"]
        .map(str::to_owned)
        .to_vec();
    command.push(tenant.to_string());
    if let Some(source_tenant) = source_tenant {
        command.push(format!("--source-tenant={source_tenant}"));
    }
    if *dry_run {
        command.push("--dry-run".to_owned());
    }
    if *restart {
        command.push("--restart".to_owned());
    }
    if *json {
        command.push("--json".to_owned());
    }
    command
}

/// The name of the Job's pod, once its container runs or has ended.
async fn begun(pods: &Api<Pod>, job: &str) -> anyhow::Result<String> {
    let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let mut last = "there is none yet".to_owned();
    for _ in 0..BEGIN_WITHIN {
        if let Some(pod) = pods.list(&of_job).await?.items.into_iter().next() {
            let state = pod
                .status
                .as_ref()
                .and_then(|status| status.container_statuses.as_ref()?.first()?.state.clone());
            match state {
                Some(state) if state.running.is_some() || state.terminated.is_some() => {
                    return Ok(pod.name_any());
                }
                Some(state) => {
                    let waiting = state.waiting.unwrap_or_default();
                    last = [waiting.reason, waiting.message]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join(": ");
                }
                None => "it is not placed on a node yet".clone_into(&mut last),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("the pod of job {job} does not begin: {last}")
}

async fn show_log(pods: &Api<Pod>, pod: &str) -> anyhow::Result<()> {
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let mut lines = pods
        .log_stream(pod, &follow)
        .await
        .with_context(|| format!("failed to read the log of pod {pod}"))?
        .lines();
    while let Some(line) = lines.try_next().await? {
        println!("{line}");
    }
    Ok(())
}

/// How the import ended. The log may end a moment before the state of the pod says so.
async fn exit_code(pods: &Api<Pod>, pod: &str) -> anyhow::Result<i32> {
    for _ in 0..BEGIN_WITHIN {
        let status = pods.get(pod).await?.status.unwrap_or_default();
        let ended = status
            .container_statuses
            .unwrap_or_default()
            .into_iter()
            .find_map(|container| container.state?.terminated);
        if let Some(ended) = ended {
            return Ok(ended.exit_code);
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("pod {pod} says no more and does not end; see `kubectl describe pod {pod}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> Deployment {
        serde_json::from_value(serde_json::json!({
            "spec": {"selector": {}, "template": {"spec": {
                "serviceAccountName": "callplane-operator",
                "automountServiceAccountToken": true,
                "securityContext": {"runAsNonRoot": true},
                "volumes": [{"name": "database"}],
                "containers": [{
                    "name": "operator", "image": "registry.example/operator:1", "args": ["run"],
                    "env": [{"name": "CALLPLANE_DATABASE_URL",
                             "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}],
                    "ports": [{"containerPort": 8080}],
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "metrics"}},
                    "volumeMounts": [{"name": "database", "mountPath": "/etc/callplane/database"}],
                }],
            }}},
        }))
        .unwrap()
    }

    fn arguments() -> ImportArguments {
        ImportArguments {
            from: "irisx".to_owned(),
            tenant: "acme".parse().unwrap(),
            source_secret: "irisx".to_owned(),
            source_key: "url".to_owned(),
            source_tenant: Some("7".to_owned()),
            dry_run: true,
            restart: false,
            json: false,
            operator_namespace: "callplane-system".to_owned(),
        }
    }

    #[test]
    fn the_job_reaches_both_databases_and_is_no_operator() {
        let job = job(&operator(), &arguments()).unwrap();
        let pod = job.spec.unwrap().template.spec.unwrap();
        let container = &pod.containers[0];
        assert_eq!(
            container.image.as_deref(),
            Some("registry.example/operator:1")
        );
        assert_eq!(
            container.args.as_ref().unwrap().join(" "),
            "database import --from irisx --tenant acme --source-tenant=7 --dry-run"
        );
        let names: Vec<&str> = container
            .env
            .iter()
            .flatten()
            .map(|variable| variable.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "CALLPLANE_DATABASE_URL",
                "CALLPLANE_KEY_ENCRYPTION_KEY_FILE",
                "CALLPLANE_IMPORT_SOURCE"
            ]
        );
        // By reference: neither the command nor the Job holds the URL.
        let values: Vec<&str> = container
            .env
            .iter()
            .flatten()
            .filter_map(|variable| variable.value.as_deref())
            .collect();
        assert_eq!(values, ["/etc/callplane/keys/keys"]);
        assert!(container.readiness_probe.is_none() && container.ports.is_none());
        assert_eq!(pod.automount_service_account_token, Some(false));
        assert_eq!(pod.restart_policy.as_deref(), Some("Never"));
        assert!(pod.volumes.is_some() && pod.security_context.is_some());
    }

    #[test]
    fn the_job_has_the_key_encryption_key_as_the_operator_has_it() {
        let pod = |operator: &Deployment| {
            let job = job(operator, &arguments()).unwrap();
            job.spec.unwrap().template.spec.unwrap()
        };
        let volumes = |pod: &PodSpec| {
            let names = pod.volumes.iter().flatten();
            names.map(|volume| volume.name.clone()).collect::<Vec<_>>()
        };
        let own = pod(&operator());
        assert_eq!(volumes(&own), ["database", "key-encryption"]);
        let secret = own.volumes.unwrap().remove(1).secret.unwrap();
        assert_eq!(
            secret.secret_name.as_deref(),
            Some("callplane-key-encryption")
        );
        // With Vault, whose token is mounted already.
        let mut vault = operator();
        let spec = vault.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
        let environment = spec.containers[0].env.get_or_insert_default();
        environment.push(EnvVar {
            name: "CALLPLANE_VAULT_ADDRESS".to_owned(),
            ..EnvVar::default()
        });
        assert_eq!(volumes(&pod(&vault)), ["database"]);
    }

    #[test]
    fn a_deployment_that_is_no_operator_is_told_so() {
        let error = job(&Deployment::default(), &arguments()).unwrap_err();
        assert!(error.to_string().contains("has no pod"));
    }
}
