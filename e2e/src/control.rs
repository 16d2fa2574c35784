//! The control interface of a media node: on loopback inside its pod, reached as people reach it, by port-forward.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{Response, request};

/// An open port-forward. Dropping it ends the forward.
#[derive(Debug)]
pub struct Control {
    address: String,
    _forward: Child,
}

impl Control {
    /// Opens a way to the control interface of a pod.
    pub async fn open(namespace: &str, pod: &str) -> Result<Self> {
        let mut forward = Command::new("kubectl")
            .args([
                "port-forward",
                "-n",
                namespace,
                &format!("pod/{pod}"),
                ":9091",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = forward
            .stdout
            .take()
            .context("the child has no standard output")?;
        let line = timeout(
            Duration::from_secs(20),
            BufReader::new(stdout).lines().next_line(),
        )
        .await
        .context("kubectl port-forward says nothing")??
        .with_context(|| format!("kubectl port-forward to {namespace}/{pod} ended"))?;
        // "Forwarding from 127.0.0.1:40103 -> 9091"
        let address = line
            .split(' ')
            .nth(2)
            .context("kubectl port-forward names no address")?;
        Ok(Self {
            address: address.to_owned(),
            _forward: forward,
        })
    }

    /// Asks for JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Self::json(&request("GET", &self.address, path, "", "").await?, path)
    }

    /// Sends CSV and returns the JSON of the answer.
    pub async fn post_csv(&self, path: &str, csv: &str) -> Result<Value> {
        Self::json(
            &request("POST", &self.address, path, "text/csv", csv).await?,
            path,
        )
    }

    fn json(response: &Response, path: &str) -> Result<Value> {
        ensure!(
            response.status < 300,
            "{path}: {} {}",
            response.status,
            response.body
        );
        serde_json::from_str(&response.body)
            .with_context(|| format!("{path} is no JSON: {}", response.body))
    }
}
