//! `make bench`: what calls cost, each figure beside its bar.
//!
//! The subject is the program as it is shipped, in a process of its own on the first core, with a PostgreSQL and a
//! speech worker behind it; telephones that speak and listen are on the second core, with everything else. What is
//! compared is CPU time, which other work on the machine changes less than the time of the clock. A section is a file
//! with a function `run`; its arm in [`run`] and its name in [`SECTIONS`] make it known. All of it is in a network of its
//! own, in which nobody else sends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may fail loudly")]

mod agent_leg;
mod bench;
mod bencode;
mod browser;
mod carrier;
#[path = "../../../../migrations/benches/database/figure.rs"]
mod figure;
#[path = "../../tests/it/folder.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod folder;
mod janus;
mod load;
mod memory;
mod node;
mod pacing;
mod process;
mod profile;
mod relay;
mod rtpengine;
mod series;
mod soak;
mod speech;
mod webrtc;
#[path = "../../tests/it/world.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod world;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use callplane_e2e::apart;

use bench::Bench;
use figure::{Figure, table};

/// In the order in which they run.
const SECTIONS: [&str; 8] = [
    "agent-leg",
    "srtp",
    "memory",
    "pacing",
    "webrtc-echo",
    "relay",
    "transcode",
    "soak",
];

async fn run(section: &str, bench: &Bench) -> Result<Vec<Figure>> {
    match section {
        "agent-leg" => agent_leg::run(bench).await,
        "srtp" => agent_leg::srtp(bench).await,
        "memory" => memory::run(bench).await,
        "pacing" => pacing::run(bench).await,
        "webrtc-echo" => webrtc::run(bench).await,
        "relay" => relay::run(bench).await,
        "transcode" => relay::transcode(bench).await,
        "soak" => soak::run(bench).await,
        other => bail!("no section {other}: name some of {SECTIONS:?}"),
    }
}

fn main() -> ExitCode {
    // Cargo passes `--bench`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let done = match wanted.as_slice() {
        // The node starts its speech worker like this.
        [serve] if serve == "serve" => speech::serve().map(|()| true),
        wanted => apart(async || run_all(wanted).await),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the sections and says whether every bar is met.
async fn run_all(wanted: &[String]) -> Result<bool> {
    let bench = Bench::start().await?;
    let sections: Vec<&str> = match wanted {
        [] => SECTIONS.to_vec(),
        wanted => wanted.iter().map(String::as_str).collect(),
    };
    let mut figures = Vec::new();
    for section in sections {
        eprintln!("== {section}");
        let began = Instant::now();
        let found = run(section, &bench).await?;
        eprintln!("   took {:.0} s", began.elapsed().as_secs_f64());
        eprint!("{}", table(&found));
        figures.extend(found);
    }
    let text = table(&figures);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-media.md");
    std::fs::write(&file, &text)?;
    println!("{text}\nkept in {}", file.display());
    Ok(figures.iter().all(Figure::is_met))
}
