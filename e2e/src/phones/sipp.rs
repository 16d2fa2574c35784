//! SIPp, a phone that does exactly what its scenario says and counts what it gets.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Callee, Caller};
use crate::until;

/// A running SIPp. Dropping it ends it.
#[derive(Debug)]
pub struct Sipp {
    child: Child,
    messages: PathBuf,
    errors: PathBuf,
}

/// What a SIPp has seen on the wire.
#[derive(Clone, Debug, Default)]
pub struct SippReport {
    received: Vec<String>,
}

// === impl Sipp ===

impl Sipp {
    /// Calls `number` at `remote` from `local`, `calls` times, all at once.
    pub fn call(
        folder: &Path,
        local: SocketAddr,
        remote: SocketAddr,
        number: &str,
        caller: &Caller,
        calls: u32,
    ) -> Result<Self> {
        let calls = calls.to_string();
        let remote = remote.to_string();
        let arguments = [
            "-s", number, "-m", &calls, "-l", &calls, "-r", &calls, &remote,
        ];
        Self::start(folder, local, &caller.scenario(), &arguments)
    }

    /// Waits for calls at `local`, for ever.
    pub async fn listen(folder: &Path, local: SocketAddr, callee: &Callee) -> Result<Self> {
        let phone = Self::start(folder, local, &callee.scenario(), &[])?;
        until("SIPp listens", Duration::from_secs(10), async || {
            let port = format!("{:04X}", local.port());
            let sockets = std::fs::read_to_string("/proc/thread-self/net/udp")?;
            let address = match local.ip() {
                std::net::IpAddr::V4(ip) => format!("{:08X}", u32::from_le_bytes(ip.octets())),
                std::net::IpAddr::V6(_) => bail!("phones have IPv4 addresses"),
            };
            Ok(sockets.contains(&format!("{address}:{port}")).then_some(()))
        })
        .await?;
        Ok(phone)
    }

    fn start(folder: &Path, local: SocketAddr, scenario: &str, arguments: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file =
            |suffix: &str| folder.join(format!("sipp-{}-{}.{suffix}", local.ip(), local.port()));
        let (scenario_file, messages, errors) = (file("xml"), file("messages"), file("errors"));
        std::fs::write(&scenario_file, scenario)?;
        let _ = std::fs::remove_file(&messages);
        let ip = local.ip().to_string();
        let media = Caller::media_port(local.port());
        let child = Command::new("sipp")
            .args(["-sf", &scenario_file.to_string_lossy(), "-nostdin"])
            .args(["-i", &ip, "-mi", &ip, "-p", &local.port().to_string()])
            .args(["-mp", &media.to_string()])
            .args(["-trace_msg", "-message_file", &messages.to_string_lossy()])
            .args(["-trace_err", "-error_file", &errors.to_string_lossy()])
            .args(arguments)
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start sipp")?;
        Ok(Self {
            child,
            messages,
            errors,
        })
    }

    /// Waits until all calls are over; a call that did not follow the scenario is an error.
    pub async fn finish(mut self, limit: Duration) -> Result<SippReport> {
        let status = timeout(limit, self.child.wait())
            .await
            .with_context(|| format!("SIPp still calls after {limit:?}"))??;
        if !status.success() {
            let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
            let messages = std::fs::read_to_string(&self.messages).unwrap_or_default();
            let tail = messages
                .lines()
                .rev()
                .take(60)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
                .join("\n");
            bail!("SIPp ended with {status}: {errors}\n{tail}");
        }
        self.report()
    }

    /// What has been seen so far.
    pub fn report(&self) -> Result<SippReport> {
        let text = std::fs::read_to_string(&self.messages).unwrap_or_default();
        Ok(SippReport::parse(&text))
    }
}

// === impl SippReport ===

impl SippReport {
    fn parse(text: &str) -> Self {
        let received = text
            .split("-----------------------------------------------")
            .filter_map(|entry| entry.split_once("message received"))
            .filter_map(|(_, rest)| {
                rest.split_once("\n\n")
                    .or_else(|| rest.split_once("\r\n\r\n"))
            })
            .map(|(_, message)| message.trim_start().to_owned())
            .collect();
        Self { received }
    }

    /// Messages received, whole, in their order.
    pub fn received(&self) -> &[String] {
        &self.received
    }

    /// INVITE requests received, without retransmissions: distinct branches.
    pub fn invites(&self) -> usize {
        let mut branches: Vec<&str> = self
            .received
            .iter()
            .filter(|message| message.starts_with("INVITE "))
            .filter_map(|message| message.split("branch=").nth(1))
            .filter_map(|rest| rest.split(|c: char| c == ';' || c.is_whitespace()).next())
            .collect();
        branches.sort_unstable();
        branches.dedup();
        branches.len()
    }

    /// Statuses of the final answers received.
    pub fn statuses(&self) -> Vec<u16> {
        self.received
            .iter()
            .filter_map(|message| message.strip_prefix("SIP/2.0 "))
            .filter_map(|rest| rest.get(..3)?.parse().ok())
            .filter(|status| *status >= 200)
            .collect()
    }
}
