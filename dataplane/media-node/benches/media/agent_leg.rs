//! A caller in G.711 who talks with an agent: decoded, voice activity, recorded and sealed on disk, 40 % of the time
//! spoken to.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::bench::Bench;
use crate::figure::Figure;
use crate::load::{Counts, Load, Plan};
use crate::node::Node;
use crate::profile;
use crate::series::{least, median};

/// Calls at once, unless told otherwise.
const USUAL_CALLS: usize = 300;
const CALLS: &str = "CALLPLANE_BENCH_CALLS";
/// Until conversations are in their stride.
const WARM: Duration = Duration::from_secs(10);
/// A measurement.
const WINDOW: Duration = Duration::from_secs(20);
const REPEATS: usize = 3;
/// Time of a frame, in microseconds.
const FRAME_MICROS: f64 = 20_000.0;

/// CPU of one window, in microseconds for each call and 20 ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) whole: f64,
    pub(crate) media: f64,
    /// Share of frames that never came.
    pub(crate) missing: f64,
    /// Share of frames in which the agent speaks.
    pub(crate) spoken: f64,
}

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let calls = calls()?;
    let node = Node::start(bench).await?;
    let load = start(bench, &node, calls, false).await?;
    let mut costs = Vec::new();
    for _ in 0..REPEATS {
        costs.push(measure(&node, &load, calls, WINDOW).await?);
    }
    profile::of_media(&node).await?;
    load.stop().await?;
    let whole = values(&costs, |cost| cost.whole);
    let media = values(&costs, |cost| cost.media);
    let missing = values(&costs, |cost| 100.0 * cost.missing);
    let spoken = values(&costs, |cost| 100.0 * cost.spoken);
    let cores = FRAME_MICROS / median(&whole);
    Ok(vec![
        Figure::shown(
            format!("agent-leg: {calls} calls, CPU of the node for a call and 20 ms"),
            median(&whole),
            "us",
        ),
        Figure::shown("agent-leg: the best of three", least(&whole), "us"),
        Figure::shown("agent-leg: of it in the media thread", median(&media), "us"),
        Figure::shown(
            "agent-leg: share of time the agent talks",
            median(&spoken),
            "%",
        ),
        Figure::at_most(
            "agent-leg: packets that never came",
            median(&missing),
            "%",
            0.1,
        ),
        Figure::at_least("agent-leg: calls a core at 100 %", cores, "calls", 900.0),
        Figure::at_least(
            "agent-leg: calls a core at 70 %",
            0.7 * cores,
            "calls",
            600.0,
        ),
    ])
}

/// What encryption adds: plain and encrypted calls in turns.
pub(crate) async fn srtp(bench: &Bench) -> Result<Vec<Figure>> {
    let calls = calls()?;
    let node = Node::start(bench).await?;
    let (mut plain, mut encrypted) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        for (encrypt, costs) in [(false, &mut plain), (true, &mut encrypted)] {
            let load = start(bench, &node, calls, encrypt).await?;
            costs.push(measure(&node, &load, calls, WINDOW).await?);
            load.stop().await?;
        }
    }
    let of = |costs: &[Cost]| values(costs, |cost| cost.media);
    // A packet in and one out.
    let added: Vec<f64> = of(&encrypted)
        .iter()
        .zip(of(&plain))
        .map(|(encrypted, plain)| (encrypted - plain) / 2.0)
        .collect();
    Ok(vec![
        Figure::shown(
            "srtp: media thread for a plain call and 20 ms",
            median(&of(&plain)),
            "us",
        ),
        Figure::shown(
            "srtp: the same call with SDES",
            median(&of(&encrypted)),
            "us",
        ),
        Figure::at_most(
            "srtp: surcharge of a packet, median",
            median(&added),
            "us",
            1.0,
        ),
        Figure::shown("srtp: surcharge of a packet, best", least(&added), "us"),
    ])
}

fn calls() -> Result<usize> {
    match std::env::var(CALLS) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{CALLS} is no number")),
        Err(_) => Ok(USUAL_CALLS),
    }
}

/// Plain calls, from the first on.
pub(crate) fn begin(bench: &Bench, node: &Node, calls: usize) -> Result<Load> {
    begin_with(bench, node, calls, false)
}

fn begin_with(bench: &Bench, node: &Node, calls: usize, encrypted: bool) -> Result<Load> {
    Load::start(Plan {
        node: node.world.sip(),
        calls,
        rate: 40,
        voice: bench.voice.clone(),
        encrypted,
        length: None,
    })
}

/// Calls that are in their stride.
pub(crate) async fn start(
    bench: &Bench,
    node: &Node,
    calls: usize,
    encrypted: bool,
) -> Result<Load> {
    let load = begin_with(bench, node, calls, encrypted)?;
    load.until_up().await?;
    tokio::time::sleep(WARM).await;
    Ok(load)
}

/// What a window costs.
pub(crate) async fn measure(
    node: &Node,
    load: &Load,
    calls: usize,
    window: Duration,
) -> Result<Cost> {
    let (cpu, counts, began) = (node.process().cpu()?, load.counts(), Instant::now());
    tokio::time::sleep(window).await;
    let used = node.process().cpu()?.since(cpu);
    let frames = began.elapsed().as_micros() as f64 / FRAME_MICROS * calls as f64;
    load.nothing_failed()?;
    let Counts {
        received, spoken, ..
    } = load.counts();
    let received = (received - counts.received) as f64;
    let cost = Cost {
        whole: used.whole.as_micros() as f64 / frames,
        media: used.media.as_micros() as f64 / frames,
        missing: (1.0 - received / frames).max(0.0),
        spoken: (spoken - counts.spoken) as f64 / received,
    };
    eprintln!("   {cost:.2?}");
    Ok(cost)
}

fn values(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> Vec<f64> {
    costs.iter().map(of).collect()
}
