//! `make bench`: what the database costs, measured on a PostgreSQL of its own with the settings of a
//! server in production, each figure beside the bar that it has to meet.
//!
//! A section is a file with a function `run`; its arm in [`run`] and its name in [`SECTIONS`] make it
//! known. With arguments only the sections named run. The table is printed and kept as Markdown; a
//! figure that misses its bar makes the run fail.

mod bench;
mod equip;
mod figure;
mod import;
mod migrations;
mod million;
mod pgbench;
mod queries;
mod records;
mod sample;
mod views;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use bench::Bench;
use figure::{Figure, table};

/// Whatever ends a section early.
type Failure = Box<dyn std::error::Error>;

/// In the order in which they run.
const SECTIONS: [&str; 4] = ["records", "queries", "migrations", "import"];

async fn run(section: &str, bench: &Bench) -> Result<Vec<Figure>, Failure> {
    match section {
        "records" => records::run(bench).await,
        "queries" => queries::run(bench).await,
        "migrations" => migrations::run(bench).await,
        "import" => import::run(bench).await,
        other => Err(format!("no section {other}: name some of {SECTIONS:?}").into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        // Cargo passes `--bench`.
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    match run_all(&wanted).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the sections and says whether every bar is met.
async fn run_all(wanted: &[String]) -> Result<bool, Failure> {
    let bench = Bench::start()?;
    let sections: Vec<&str> = if wanted.is_empty() {
        SECTIONS.to_vec()
    } else {
        wanted.iter().map(String::as_str).collect()
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
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench.md");
    std::fs::write(&file, &text)?;
    println!("{text}\nkept in {}", file.display());
    Ok(figures.iter().all(Figure::is_met))
}
