//! Calls that come and go: whether anything grows with them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::bench::Bench;
use crate::figure::Figure;
use crate::load::{Load, Plan};
use crate::memory::until_idle;
use crate::node::Node;
use crate::series::slope;

/// Calls at once.
const CALLS: usize = 60;
const LENGTH: Duration = Duration::from_secs(5);
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_secs(2);
/// How long the pool for work that blocks keeps a thread that has nothing to do, and a little: tokio's 10 s.
const POOL: Duration = Duration::from_secs(12);
/// Minutes, unless told otherwise.
const MINUTES: &str = "CALLPLANE_BENCH_SOAK_MINUTES";
const USUAL_MINUTES: f64 = 2.0;

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let minutes = match std::env::var(MINUTES) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{MINUTES} is no number"))?,
        Err(_) => USUAL_MINUTES,
    };
    let node = Node::start(bench).await?;
    let plan = Plan {
        node: node.world.sip(),
        calls: CALLS,
        rate: 20,
        voice: bench.voice.clone(),
        encrypted: false,
        length: Some(LENGTH),
    };
    let first = Load::start(plan.clone())?;
    first.until_up().await?;
    tokio::time::sleep(LENGTH * 2).await;
    first.stop().await?;
    until_idle(&node).await?;
    tokio::time::sleep(POOL).await;
    let process = node.process();
    let (files, threads) = (process.open_files()?, process.threads()?.len());
    let load = Load::start(plan)?;
    let (began, mut points) = (Instant::now(), Vec::new());
    let whole = Duration::from_secs_f64(60.0 * minutes);
    while began.elapsed() < whole {
        tokio::time::sleep(LOOK).await;
        // The first third is for caches and pools to fill.
        if began.elapsed() > whole / 3 {
            let thousands = load.counts().ended as f64 / 1_000.0;
            points.push((thousands, process.resident_kib()? / 1_024.0));
        }
    }
    load.nothing_failed()?;
    let calls = load.counts().ended;
    load.stop().await?;
    until_idle(&node).await?;
    tokio::time::sleep(POOL).await;
    let more = |now: usize, then: usize| now as f64 - then as f64;
    Ok(vec![
        Figure::shown(
            format!("soak: calls that came and went in {minutes} minutes"),
            calls as f64,
            "calls",
        ),
        Figure::at_most(
            "soak: memory that 1,000 calls leave behind",
            slope(&points),
            "MiB",
            0.5,
        ),
        Figure::at_most(
            "soak: files left open",
            more(process.open_files()?, files),
            "files",
            8.0,
        ),
        Figure::at_most(
            "soak: threads left",
            more(process.threads()?.len(), threads),
            "threads",
            8.0,
        ),
    ])
}
