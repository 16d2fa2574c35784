//! The cluster as a person with kubectl sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{run, until};

/// A Kubernetes cluster with Callplane's database beside it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Name of the local cluster, or none where the user gave a cluster by KUBECONFIG.
    local: Option<String>,
}

impl Cluster {
    /// The cluster that this process was started in by `cluster.sh exec`, or the one of KUBECONFIG.
    pub fn from_environment() -> Result<Self> {
        std::env::var_os("KUBECONFIG")
            .context("KUBECONFIG is not set: run this by e2e/cluster/cluster.sh exec")?;
        Ok(Self {
            local: std::env::var("CALLPLANE_CLUSTER").ok(),
        })
    }

    /// Whether the cluster is the local one, whose nodes, pods' processes and database can be broken at will.
    pub fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// The folder of this repository.
    pub fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// Runs kubectl.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        run("kubectl", arguments, "").await
    }

    /// Applies YAML as a user would; an object that the API server refuses is an error with its sentence.
    pub async fn apply(&self, yaml: &str) -> Result<String> {
        run("kubectl", &["apply", "-f", "-"], yaml).await
    }

    /// One object as JSON. `namespace` is empty for a cluster-scoped kind.
    pub async fn object(&self, namespace: &str, kind: &str, name: &str) -> Result<Value> {
        let mut arguments = vec!["get", kind, name, "-o", "json"];
        if !namespace.is_empty() {
            arguments.extend(["-n", namespace]);
        }
        Ok(serde_json::from_str(&self.kubectl(&arguments).await?)?)
    }

    /// Waits for a condition to be true.
    pub async fn wait_for(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
        condition: &str,
        limit: Duration,
    ) -> Result<()> {
        let condition = format!("--for=condition={condition}");
        let timeout = format!("--timeout={}s", limit.as_secs());
        let mut arguments = vec!["wait", kind, name, &condition, &timeout];
        if !namespace.is_empty() {
            arguments.extend(["-n", namespace]);
        }
        self.kubectl(&arguments).await.map(drop)
    }

    /// Waits for a condition of an object to have this status and returns reason and message.
    pub async fn condition(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
        condition: (&str, &str),
        limit: Duration,
    ) -> Result<(String, String)> {
        let (kind_of, status) = condition;
        until(
            &format!("{kind} {name}: {kind_of} is {status}"),
            limit,
            async || {
                let object = self.object(namespace, kind, name).await?;
                let conditions = object["status"]["conditions"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let found = conditions
                    .iter()
                    .find(|c| c["type"] == kind_of && c["status"] == status);
                Ok(found.map(|c| (text(&c["reason"]), text(&c["message"]))))
            },
        )
        .await
    }

    /// Names and addresses of the media-node pods of a tenant that are ready and stay.
    pub async fn media_nodes(
        &self,
        namespace: &str,
        tenant: &str,
    ) -> Result<Vec<(String, String)>> {
        let selector = format!("callplane.dev/tenant={tenant}");
        let list = self
            .kubectl(&[
                "get", "pods", "-n", namespace, "-l", &selector, "-o", "json",
            ])
            .await?;
        let list: Value = serde_json::from_str(&list)?;
        let pods = list["items"].as_array().cloned().unwrap_or_default();
        Ok(pods
            .iter()
            .filter(|pod| is_ready(pod) && pod["metadata"]["deletionTimestamp"].is_null())
            .map(|pod| {
                (
                    text(&pod["metadata"]["name"]),
                    text(&pod["status"]["podIP"]),
                )
            })
            .collect())
    }

    /// Starts or stops PostgreSQL of the local cluster.
    pub async fn postgres(&self, verb: &str) -> Result<()> {
        self.script(&["postgres", verb]).await.map(drop)
    }

    /// Asks the local cluster's database, as its superuser; columns are separated by `|`.
    pub async fn sql(&self, statement: &str) -> Result<String> {
        let out = self
            .script(&["postgres", "psql", "-A", "-t", "-c", statement])
            .await?;
        Ok(out.trim().to_owned())
    }

    /// The same of another database of the server.
    pub async fn sql_in(&self, database: &str, statement: &str) -> Result<String> {
        let out = self
            .script(&[
                "postgres", "psql", "-d", database, "-A", "-t", "-c", statement,
            ])
            .await?;
        Ok(out.trim().to_owned())
    }

    async fn script(&self, arguments: &[&str]) -> Result<String> {
        let script = Self::repository().join("e2e/cluster/cluster.sh");
        run(&script.to_string_lossy(), arguments, "").await
    }

    /// What somebody would look at after a failure: objects, events and the ends of the logs.
    pub async fn dump(&self, namespace: &str) -> String {
        let mut dump = String::new();
        for arguments in [
            &[
                "get",
                "callplane,pods,events",
                "-n",
                namespace,
                "-o",
                "wide",
            ][..],
            &["describe", "callplane", "-n", namespace],
            &[
                "logs",
                "-n",
                namespace,
                "-l",
                "callplane.dev/tenant",
                "--tail=60",
                "--prefix",
            ],
            &[
                "logs",
                "-n",
                "callplane-system",
                "-l",
                "app.kubernetes.io/name=callplane",
                "--tail=60",
                "--prefix",
            ],
        ] {
            let out = self
                .kubectl(arguments)
                .await
                .unwrap_or_else(|error| format!("{error:#}"));
            dump.push_str(&format!("--- kubectl {}\n{out}\n", arguments.join(" ")));
        }
        dump
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| {
        all.iter()
            .any(|c| c["type"] == "Ready" && c["status"] == "True")
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
