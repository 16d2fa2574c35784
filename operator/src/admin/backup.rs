//! `database backup`: what is recorded of backups, and how it stands with them.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use callplane_store::OperatorDatabase;
use callplane_store::backups::{self, Drill, Info, Limits, Regions, Standing};
use callplane_types::WallTime;
use clap::{Args, Subcommand};
use k8s_openapi::jiff::Timestamp;

use super::table::Table;

/// Longest input that is read, in bytes: ten thousand backups.
const LONGEST: u64 = 16 << 20;

/// Settings of `backup`.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Note what the repository of pgBackRest holds, and prove how far it could restore
    ///
    /// Run it every minute on the server of PostgreSQL, as the user postgres. A moment counts as
    /// restorable once a later run finds the log until then in every repository.
    Record(Record),
    /// Note a restore that was tried: what drill.sh prints, from standard input
    Drill,
    /// Show what could be restored, and what is older than it should be
    ///
    /// The exit code is 1 while something is beyond its limit; a line says what to do.
    Status,
}

#[derive(Debug, Args)]
struct Record {
    /// What pgBackRest calls this server.
    #[arg(long, default_value = "main")]
    stanza: String,
    /// File with the output of `pgbackrest --output=json info`, `-` for standard input. Without it,
    /// pgbackrest is run.
    #[arg(long, value_name = "FILE")]
    info: Option<PathBuf>,
    /// Region of a repository, as in 2=eu-west-1. May be repeated.
    #[arg(long, value_name = "NUMBER=NAME", value_parser = region)]
    region: Vec<(u32, String)>,
}

/// Does what is asked.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    match &options.command {
        Command::Record(options) => record(database, options).await,
        Command::Drill => drill(database).await,
        Command::Status => status(database).await,
    }
}

async fn record(database: &OperatorDatabase, options: &Record) -> anyhow::Result<ExitCode> {
    let Record {
        stanza,
        info,
        region,
    } = options;
    let json = match info {
        Some(path) if path == Path::new("-") => read(stdin(), "standard input")?,
        Some(path) => {
            let file = File::open(path)
                .with_context(|| format!("cannot open {}, given by --info", path.display()))?;
            read(file, &path.display().to_string())?
        }
        None => ask_pgbackrest(stanza)?,
    };
    let info = Info::parse(&json, stanza)?;
    let regions: Regions = region.iter().cloned().collect();
    let recorded = backups::record(database, &info, &regions).await?;
    println!(
        "{} new backups; restorable until {}",
        recorded.backups,
        recorded
            .recovered_to
            .map_or_else(|| "no moment yet".to_owned(), text)
    );
    match info.problem {
        None => Ok(ExitCode::SUCCESS),
        Some(problem) => {
            eprintln!("pgBackRest says of stanza {stanza}: {problem}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn drill(database: &OperatorDatabase) -> anyhow::Result<ExitCode> {
    let drill = Drill::parse(&read(stdin(), "standard input")?)?;
    backups::record_drill(database, &drill).await?;
    let Some(moment) = drill.recovered_to else {
        println!("noted a drill that failed");
        return Ok(ExitCode::FAILURE);
    };
    let seconds = drill.took.as_secs_f64();
    println!("noted: restored to {} in {seconds:.1} s", text(moment));
    Ok(ExitCode::SUCCESS)
}

async fn status(database: &OperatorDatabase) -> anyhow::Result<ExitCode> {
    let standing = backups::standing(database).await?;
    print!("{}", table(&standing));
    let findings = standing.findings(&Limits::default());
    for finding in &findings {
        println!("! {finding}");
    }
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn table(standing: &Standing) -> Table<4> {
    let Standing {
        now,
        recovered_to,
        last_full,
        last_incremental,
        last_drill,
    } = standing;
    let mut table = Table::new(["WHAT", "LAST", "AGE", "TOOK"]);
    let took = last_drill.map(|drill| drill.took);
    for (what, at, took) in [
        ("restorable until", *recovered_to, None),
        ("full backup", *last_full, None),
        ("backup", *last_incremental, None),
        ("drill", last_drill.map(|drill| drill.finished_at), took),
    ] {
        table.row([
            what.to_owned(),
            at.map_or_else(|| "never".to_owned(), text),
            at.map_or_else(String::new, |at| age(now.saturating_since(at))),
            match took {
                None => String::new(),
                Some(None) => "failed".to_owned(),
                Some(Some(took)) => age(took),
            },
        ]);
    }
    table
}

fn age(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..=599 => format!("{seconds} s"),
        seconds @ 600..=35_999 => format!("{} min", seconds / 60),
        seconds @ 36_000..=359_999 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

fn text(time: WallTime) -> String {
    Timestamp::from_microsecond(time.unix_micros())
        .map_or_else(|_| format!("{time:?}"), |time| format!("{time:.0}"))
}

fn ask_pgbackrest(stanza: &str) -> anyhow::Result<Vec<u8>> {
    let output = Process::new("pgbackrest")
        .arg(format!("--stanza={stanza}"))
        .args(["--output=json", "info"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run pgbackrest; run this on its host, or give its output by --info")?;
    anyhow::ensure!(
        output.status.success(),
        "pgbackrest info failed ({}); what it said is above",
        output.status
    );
    Ok(output.stdout)
}

fn read(from: impl Read, what: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {what}"))?;
    anyhow::ensure!(
        bytes.len() as u64 <= LONGEST,
        "{what} is longer than {LONGEST} bytes"
    );
    Ok(bytes)
}

fn region(text: &str) -> Result<(u32, String), String> {
    let parts = text.split_once('=').and_then(|(number, name)| {
        let number = number.parse().ok()?;
        (!name.is_empty()).then(|| (number, name.to_owned()))
    });
    parts.ok_or_else(|| {
        "write the number of the repository and a name, as in 2=eu-west-1".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_number_and_a_name() {
        assert_eq!(region("2=eu-west-1"), Ok((2, "eu-west-1".to_owned())));
        for wrong in ["eu-west-1", "two=eu", "2=", "-1=eu"] {
            assert!(region(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ages_are_told_in_a_fitting_unit() {
        let told = [59, 600, 36_000, 864_000].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(told, ["59 s", "10 min", "10 h", "10 days"]);
    }
}
