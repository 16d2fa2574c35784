//! The media node that is measured.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use callplane_e2e::{Metrics, get, until};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::bench::{Bench, SUBJECT_CORE};
use crate::process::Process;
use crate::speech;
use crate::world::{World, free_port, keys};

const PROGRAM: &str = "CALLPLANE_BENCH_NODE";
/// More than a core carries.
const SLOTS: &str = "3000";
/// Below the ports that the system gives out by itself.
const RTP_PORTS: &str = "10000-19999";
/// Of calls at once.
const QUOTA: i64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// A node in a process of its own, alone on its core; dropped in order.
pub(crate) struct Node {
    child: Child,
    admin: u16,
    control: u16,
    whip: u16,
    pub(crate) world: World,
}

impl Node {
    /// Starts one and waits until it is ready.
    pub(crate) async fn start(bench: &Bench) -> Result<Self> {
        Self::running(bench, conversation()).await
    }

    /// As [`Node::start`], with an agent that transfers each call at once.
    pub(crate) async fn joining(bench: &Bench) -> Result<Self> {
        Self::running(bench, transfer()).await
    }

    async fn running(bench: &Bench, graph: Value) -> Result<Self> {
        let world = World::with_quota(graph, QUOTA).await;
        world.write_keys(&keys());
        let [admin, control, whip] = [free_port(), free_port(), free_port()];
        let [metrics, controlled, whipped] = [admin, control, whip].map(local);
        let speech = std::env::current_exe()?.display().to_string();
        let flags = world.arguments(&[
            "--metrics",
            &metrics,
            "--control",
            &controlled,
            "--whip",
            &whipped,
            "--webrtc-udp",
            "0",
            "--slots",
            SLOTS,
            "--rtp-ports",
            RTP_PORTS,
            "--speech",
            &speech,
            "--log",
            "error",
        ]);
        let child = Command::new("taskset")
            .args(["-c", &SUBJECT_CORE.to_string()])
            .arg(program())
            .args(flags)
            .env(speech::VOICE, bench.voice_file())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        until("the node is ready", PATIENCE, async || {
            let response = get(&metrics, "/readyz").await?;
            Ok((response.status == 200).then_some(()))
        })
        .await?;
        let node = Self {
            child,
            admin,
            control,
            whip,
            world,
        };
        until("the node speaks", PATIENCE, async || {
            Ok((node.process().threads()?.len() > 3).then_some(()))
        })
        .await?;
        Ok(node)
    }

    /// `taskset` became the node.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id().expect("it is waited for nowhere"))
    }

    /// Where its control API is.
    pub(crate) fn control(&self) -> String {
        local(self.control)
    }

    /// Where browsers start calls.
    pub(crate) fn whip(&self) -> String {
        local(self.whip)
    }

    pub(crate) async fn metrics(&self) -> Result<Metrics> {
        Metrics::scrape(&local(self.admin)).await
    }
}

/// The node of this build, unless another is named: one of a former commit, to be compared with.
fn program() -> String {
    let own = env!("CARGO_BIN_EXE_callplane-media-node");
    std::env::var(PROGRAM).unwrap_or_else(|_| own.to_owned())
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Asks something and takes yes for an answer, for ever.
fn conversation() -> Value {
    let ask = |variable: &str, next: &str| {
        json!({
            "collect": {
                "variable": variable, "prompt": "Shall we go on?", "type": "choice", "interruptible": false,
                "choices": [{"value": "yes"}], "timeoutSeconds": 30,
            },
            "edges": [{"to": "bye", "event": "noInput"}, {"to": "bye", "event": "noMatch"}, {"to": next}],
        })
    };
    json!({
        "start": "one",
        "nodes": {"one": ask("first", "two"), "two": ask("second", "one"), "bye": {"hangup": {"outcome": "silent"}}},
    })
}

/// Connects the caller with somebody, and records nothing.
fn transfer() -> Value {
    json!({
        "start": "connect",
        "nodes": {
            "connect": {
                "recording": "stop",
                "transfer": {"to": "+15550000001"},
                "edges": [{"to": "bye", "event": "notReached"}, {"to": "bye"}],
            },
            "bye": {"hangup": {"outcome": "over"}},
        },
    })
}
