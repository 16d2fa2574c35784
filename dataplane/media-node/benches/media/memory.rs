//! What a call takes of memory: the process with calls against the process without, after a first round of them.

use anyhow::Result;
use callplane_e2e::until;
use std::time::Duration;

use crate::agent_leg;
use crate::bench::Bench;
use crate::figure::Figure;
use crate::node::Node;

const CALLS: usize = 200;
const FIRST_CALLS: usize = 20;

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let node = Node::start(bench).await?;
    // What the first calls load is no call's: programs, plans of queries, pools of threads.
    agent_leg::start(bench, &node, FIRST_CALLS, false)
        .await?
        .stop()
        .await?;
    until_idle(&node).await?;
    let before = node.process().resident_kib()?;
    let load = agent_leg::start(bench, &node, CALLS, false).await?;
    let with = node.process().resident_kib()?;
    load.stop().await?;
    let each = (with - before) / CALLS as f64;
    Ok(vec![
        Figure::shown(
            "memory: node without calls, resident",
            before / 1_024.0,
            "MiB",
        ),
        Figure::at_most(
            format!("memory: a G.711 call, of {CALLS}"),
            each,
            "KiB",
            128.0,
        ),
    ])
}

/// Waits until no call is left.
pub(crate) async fn until_idle(node: &Node) -> Result<()> {
    until("no call goes on", Duration::from_secs(60), async || {
        let active = node.metrics().await?.sum("callplane_calls_active", &[]);
        Ok((active == 0.0).then_some(()))
    })
    .await
}
