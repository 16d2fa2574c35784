//! Where the demo plays: the example tenant, its media node, and a folder for what the phones leave.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use callplane_e2e::{Cluster, Metrics, until};
use serde_json::Value;

use crate::console;

/// Tenant and namespace of crds/examples/acme.
pub(crate) const TENANT: &str = "acme";

/// The example tenant and its media node.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    folder: PathBuf,
    node: IpAddr,
    phones: IpAddr,
}

impl Stage {
    /// Finds the media node of the example tenant.
    pub(crate) async fn set() -> Result<Self> {
        let cluster = Cluster::from_environment()?;
        let folder = PathBuf::from(
            std::env::var("CALLPLANE_DEMO_FOLDER").unwrap_or_else(|_| "/tmp/callplane-demo".into()),
        );
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let phones = std::env::var("CALLPLANE_PHONES").unwrap_or_else(|_| "10.88.100.1".into());
        let (_, address) = until(
            "a media node of acme runs",
            Duration::from_secs(60),
            async || {
                Ok(cluster
                    .media_nodes(TENANT, TENANT)
                    .await?
                    .into_iter()
                    .next())
            },
        )
        .await?;
        Ok(Self {
            node: address.parse().context("the media node has no address")?,
            phones: phones
                .parse()
                .context("CALLPLANE_PHONES is no IP address")?,
            cluster,
            folder,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// SIP address of the media node.
    pub(crate) fn node(&self) -> SocketAddr {
        SocketAddr::new(self.node, 5060)
    }

    /// An address for a phone.
    pub(crate) fn phone(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.phones, port)
    }

    /// Runs the kubectl plugin for the tenant.
    pub(crate) async fn callplane(&self, arguments: &[&str]) -> Result<String> {
        let mut all = vec!["callplane", "-n", TENANT];
        all.extend(arguments);
        self.cluster.kubectl(&all).await
    }

    /// The same, shown to the person.
    pub(crate) async fn show(&self, arguments: &[&str]) -> Result<String> {
        let output = self.callplane(arguments).await?;
        console::command(
            &format!("kubectl callplane -n {TENANT} {}", arguments.join(" ")),
            &output,
        );
        Ok(output)
    }

    /// Identifiers of the stored calls, newest first.
    async fn calls(&self) -> Result<Vec<String>> {
        let list: Value = serde_json::from_str(
            &self
                .callplane(&["call", "list", "--json", "--limit", "50"])
                .await?,
        )?;
        let calls = list["calls"].as_array().cloned().unwrap_or_default();
        Ok(calls
            .iter()
            .filter_map(|call| Some(call["id"].as_str()?.to_owned()))
            .collect())
    }

    /// What is there before a call, so that the call can be told from it.
    pub(crate) async fn before(&self) -> Result<Vec<String>> {
        self.calls().await
    }

    /// The record of the call that was not there before, once it is stored.
    pub(crate) async fn record(&self, before: &[String]) -> Result<Value> {
        let id = until(
            "the record of the call is stored",
            Duration::from_secs(15),
            async || {
                Ok(self
                    .calls()
                    .await?
                    .into_iter()
                    .find(|id| !before.contains(id)))
            },
        )
        .await?;
        until(
            "the call is over in the records",
            Duration::from_secs(15),
            async || {
                let record: Value =
                    serde_json::from_str(&self.callplane(&["call", "show", &id, "--json"]).await?)?;
                Ok((!record["call"]["endedAt"].is_null()).then_some(record))
            },
        )
        .await
    }

    /// Fetches the recording of a call, as the person would; returns the command and where the copy is.
    pub(crate) async fn fetch_recording(&self, record: &Value) -> Result<(String, PathBuf)> {
        let id = record["call"]["id"].as_str().context("no call")?;
        let copy = self.folder.join(format!("recording-{id}.wav"));
        let path = copy.to_str().context("the folder has a name in UTF-8")?;
        self.callplane(&["call", "recording", id, "-o", path])
            .await?;
        ensure!(
            copy.metadata()?.len() > 44,
            "the recording of {id} is empty"
        );
        Ok((
            format!("kubectl callplane -n {TENANT} call recording {id}"),
            copy,
        ))
    }

    /// Prints the samples that speak of calls.
    pub(crate) async fn show_metrics(&self) -> Result<()> {
        let address = format!("{}:9090", self.node);
        let metrics = Metrics::scrape(&address).await?;
        let shown: Vec<&str> = metrics
            .text()
            .lines()
            .filter(|line| {
                line.starts_with("callplane_")
                    && !line.contains("_bucket{")
                    && !line.ends_with(" 0")
            })
            .filter(|line| {
                ["call", "turn", "rtp", "quota"]
                    .iter()
                    .any(|part| line.contains(part))
            })
            .collect();
        console::command(&format!("curl http://{address}/metrics"), &shown.join("\n"));
        for (name, what) in [
            ("callplane_call_setup_seconds", "INVITE to 200 OK"),
            (
                "callplane_media_tick_late_seconds",
                "lateness of the media clock",
            ),
        ] {
            if let Some(bound) = metrics.quantile(name, 0.99) {
                console::fact(&format!("{what}: 99 of 100 within {} ms", bound * 1000.0));
            }
        }
        Ok(())
    }
}
