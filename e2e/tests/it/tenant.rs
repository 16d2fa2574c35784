//! A tenant of a test's own: namespace, numbers, agents, a media node, and addresses for its phones.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use callplane_e2e::phones::{Caller, Sipp};
use callplane_e2e::{Cluster, Metrics, until};
use serde_json::Value;

use crate::scratch::Scratch;

/// A media node is up this long after its Tenant was applied, on a machine with other tests.
pub(crate) const READY: Duration = Duration::from_secs(60);
/// The program of a media node.
pub(crate) const MEDIA_NODE: &str = "callplane-media-node";
/// One conversation of the test flow.
pub(crate) const CALL: Duration = Duration::from_secs(60);

static NEXT: AtomicU8 = AtomicU8::new(10);

/// A tenant that ends with its test.
pub(crate) struct Tenant {
    pub(crate) cluster: Cluster,
    pub(crate) name: String,
    pub(crate) folder: Scratch,
    ordinal: u8,
}

/// What differs between tests.
pub(crate) struct Options {
    pub(crate) slots: u32,
    pub(crate) concurrent_calls: u32,
    pub(crate) max_drain_seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slots: 25,
            concurrent_calls: 25,
            max_drain_seconds: 30,
        }
    }
}

impl Tenant {
    /// Applies a tenant and waits until it can be called.
    pub(crate) async fn ready(name: &str, options: &Options) -> Self {
        let tenant = Self::applied(name, options).await.unwrap();
        tenant.wait_ready().await.unwrap();
        tenant
    }

    /// Applies a tenant and its resources.
    pub(crate) async fn applied(name: &str, options: &Options) -> Result<Self> {
        let tenant = Self {
            cluster: Cluster::from_environment()?,
            name: name.to_owned(),
            folder: Scratch::new(name),
            ordinal: NEXT.fetch_add(1, Ordering::Relaxed),
        };
        let today = callplane_e2e::run("date", &["-u", "+%F"], "").await?;
        tenant
            .cluster
            .apply(&tenant.yaml(options, today.trim()))
            .await?;
        Ok(tenant)
    }

    /// Waits until everything is Ready and the media node has its routes.
    pub(crate) async fn wait_ready(&self) -> Result<()> {
        self.cluster
            .wait_for("", "tenant", &self.name, "Ready", READY)
            .await?;
        for (kind, name) in [
            ("mediapool", self.name.as_str()),
            ("trunk", "carrier"),
            ("phonenumber", "line"),
            ("agent", "agent"),
            ("campaign", "campaign"),
        ] {
            self.cluster
                .wait_for(&self.name, kind, name, "Ready", READY)
                .await?;
        }
        Ok(())
    }

    /// The number that the tenant's agent answers and calls with.
    pub(crate) fn number(&self) -> String {
        format!("+1555200{:04}", self.ordinal)
    }

    /// An address of this tenant's own for a phone.
    pub(crate) fn phone(&self, port: u16) -> SocketAddr {
        ([10, 88, 100, self.ordinal], port).into()
    }

    /// An address where a test itself listens to audio.
    pub(crate) fn ear(&self, port: u16) -> SocketAddr {
        ([10, 88, 100, 100 + self.ordinal], port).into()
    }

    /// Name and SIP address of the media node.
    pub(crate) async fn node(&self) -> (String, SocketAddr) {
        until("a media node runs", READY, async || {
            let nodes = self.cluster.media_nodes(&self.name, &self.name).await?;
            Ok(nodes.into_iter().find(|(_, address)| !address.is_empty()))
        })
        .await
        .map(|(pod, address)| {
            (
                pod,
                SocketAddr::new(address.parse::<IpAddr>().unwrap(), 5060),
            )
        })
        .unwrap()
    }

    /// Calls the tenant's number from `port`.
    pub(crate) async fn call(&self, port: u16, caller: &Caller) -> Sipp {
        self.calls(port, caller, 1).await
    }

    /// Calls it `calls` times at once.
    pub(crate) async fn calls(&self, port: u16, caller: &Caller, calls: u32) -> Sipp {
        let (_, node) = self.node().await;
        Sipp::call(
            &self.folder,
            self.phone(port),
            node,
            &self.number(),
            caller,
            calls,
        )
        .unwrap()
    }

    /// Calls another number of the tenant.
    pub(crate) async fn dial(&self, number: &str, port: u16, caller: &Caller) -> Sipp {
        let (_, node) = self.node().await;
        Sipp::call(&self.folder, self.phone(port), node, number, caller, 1).unwrap()
    }

    /// What the media node counts.
    pub(crate) async fn metrics(&self) -> Metrics {
        let (_, node) = self.node().await;
        Metrics::scrape(&format!("{}:9090", node.ip()))
            .await
            .unwrap()
    }

    /// Runs the kubectl plugin, which answers with JSON.
    pub(crate) async fn callplane(&self, arguments: &[&str]) -> Result<Value> {
        let mut all = vec!["callplane", "-n", &self.name];
        all.extend(arguments);
        all.push("--json");
        Ok(serde_json::from_str(&self.cluster.kubectl(&all).await?)?)
    }

    /// The newest `count` call records, once they are stored and over.
    pub(crate) async fn records(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} calls are stored"), CALL, async || {
            let list = self.callplane(&["call", "list"]).await?;
            let calls = list["calls"].as_array().cloned().unwrap_or_default();
            ensure!(calls.len() >= count, "{} are", calls.len());
            let mut records = Vec::new();
            for call in &calls[..count] {
                let id = call["id"].as_str().context("a call without id")?;
                let record = self.callplane(&["call", "show", id]).await?;
                ensure!(!record["call"]["endedAt"].is_null(), "call {id} goes on");
                records.push(record);
            }
            Ok(Some(records))
        })
        .await
        .unwrap()
    }

    /// Asks the tenant's schema.
    pub(crate) async fn sql(&self, statement: &str) -> String {
        let schema = format!("callplane_{}", self.name.replace('-', "_"));
        self.cluster
            .sql(&format!(
                "set search_path = {schema}, platform; {statement}"
            ))
            .await
            .unwrap()
    }

    fn yaml(&self, options: &Options, today: &str) -> String {
        let Options {
            slots,
            concurrent_calls,
            max_drain_seconds,
        } = options;
        include_str!("tenant.yaml")
            .replace("$NAME", &self.name)
            .replace("$TODAY", today)
            .replace("$NUMBER", &self.number())
            .replace("$CARRIER", &self.phone(5060).to_string())
            .replace("$PHONES", &format!("{}/32", self.phone(0).ip()))
            .replace("$SLOTS", &slots.to_string())
            .replace("$CALLS", &concurrent_calls.to_string())
            .replace("$DRAIN", &max_drain_seconds.to_string())
    }
}

impl Drop for Tenant {
    /// Says what there was, if the test failed, and lets the operator clear it away.
    fn drop(&mut self) {
        let kubectl = |arguments: &[&str]| {
            let output = Command::new("kubectl").args(arguments).output();
            output
                .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
                .unwrap_or_default()
        };
        let name = self.name.as_str();
        if std::thread::panicking() {
            for arguments in [
                &["get", "callplane,pods", "-n", name, "-o", "wide"][..],
                &["get", "tenant", name, "-o", "yaml"],
                &["get", "events", "-n", name],
                &[
                    "logs",
                    "-n",
                    name,
                    "-l",
                    "callplane.dev/tenant",
                    "--tail=80",
                    "--prefix",
                ],
                &[
                    "logs",
                    "-n",
                    "callplane-system",
                    "-l",
                    "app.kubernetes.io/name=callplane",
                    "--tail=40",
                    "--prefix",
                ],
            ] {
                eprintln!(
                    "--- kubectl {}\n{}",
                    arguments.join(" "),
                    kubectl(arguments)
                );
            }
        }
        kubectl(&["delete", "tenant", name, "--wait=false"]);
        kubectl(&["delete", "namespace", name, "--wait=false"]);
    }
}
