//! How late packets are sent when a media thread is 70 % busy, as the node counts it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use callplane_e2e::Metrics;

use crate::agent_leg;
use crate::bench::Bench;
use crate::figure::Figure;
use crate::node::Node;

/// To learn what a call costs.
const PROBE_CALLS: usize = 200;
const PROBE: Duration = Duration::from_secs(10);
/// Share of the core that is wanted.
const LOAD: f64 = 0.7;
const FRAME_MICROS: f64 = 20_000.0;
const WINDOW: Duration = Duration::from_secs(30);

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let node = Node::start(bench).await?;
    let load = agent_leg::start(bench, &node, PROBE_CALLS, false).await?;
    let cost = agent_leg::measure(&node, &load, PROBE_CALLS, PROBE).await?;
    load.stop().await?;
    let calls = (LOAD * FRAME_MICROS / cost.whole) as usize;
    let load = agent_leg::start(bench, &node, calls, false).await?;
    let (cpu, began) = (node.process().cpu()?, Instant::now());
    let before = Slots::of(&node.metrics().await?)?;
    tokio::time::sleep(WINDOW).await;
    let after = Slots::of(&node.metrics().await?)?;
    let used = node.process().cpu()?.since(cpu);
    load.stop().await?;
    let busy = used.whole.as_secs_f64() / began.elapsed().as_secs_f64();
    let turns = after.all - before.all;
    let late = turns - (after.in_time - before.in_time);
    Ok(vec![
        Figure::shown("pacing: calls", calls as f64, "calls"),
        Figure::shown("pacing: CPU of the node", 100.0 * busy, "% of a core"),
        Figure::at_most(
            "pacing: slots served more than 5 ms late",
            100.0 * late / turns,
            "%",
            0.1,
        ),
    ])
}

/// Slots of the wheel so far; the calls of one send together.
struct Slots {
    all: f64,
    /// At most 5 ms late.
    in_time: f64,
}

impl Slots {
    fn of(metrics: &Metrics) -> Result<Self> {
        let count = |label: &str| metrics.sum("callplane_media_tick_late_seconds_bucket", &[label]);
        let (all, in_time) = (count("le=\"+Inf\""), count("le=\"0.005\""));
        (all > 0.0)
            .then_some(Self { all, in_time })
            .context("the node counts no slots")
    }
}
