//! CSV files to a media node, in parts, with progress.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use crate::node::Node;

/// Lines a request: a second's work for the database, and an answer in time for the progress bar.
const PART: usize = 5_000;

/// What became of the lines.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    inserted: u64,
    duplicates: u64,
    rejected: Vec<Rejected>,
}

/// A line that was not taken.
#[derive(Debug, Deserialize)]
pub(crate) struct Rejected {
    /// Counted from 1, the heading included.
    line: u64,
    field: String,
    message: String,
}

/// Sends a file to `path` of the control API and prints what became of it.
pub(crate) async fn file(node: &Node, path: &str, file: &Path) -> anyhow::Result<()> {
    let input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).with_context(|| format!("failed to open {}", file.display()))?)
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(input);
    let heading = reader.headers().context("the file is not CSV")?.clone();
    if !heading.iter().any(|column| column == "number") {
        bail!("the file has no column `number`: its first line must name the columns");
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template(
        "{spinner} {human_pos} lines, {elapsed}",
    )?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let (mut total, mut sent, mut part) = (Outcome::default(), 0, Vec::new());
    for record in reader.records() {
        part.push(record.context("the file is not CSV")?);
        if part.len() == PART {
            send(node, path, &heading, &mut part, &mut sent, &mut total).await?;
            bar.set_position(sent);
        }
    }
    send(node, path, &heading, &mut part, &mut sent, &mut total).await?;
    bar.finish_and_clear();
    report(&total)
}

async fn send(
    node: &Node,
    path: &str,
    heading: &csv::StringRecord,
    part: &mut Vec<csv::StringRecord>,
    sent: &mut u64,
    total: &mut Outcome,
) -> anyhow::Result<()> {
    if part.is_empty() {
        return Ok(());
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(heading)?;
    for record in part.iter() {
        writer.write_record(record)?;
    }
    let body = String::from_utf8(writer.into_inner()?).context("the file is not UTF-8")?;
    let outcome: Outcome = node.post_csv(path, body).await?;
    total.inserted += outcome.inserted;
    total.duplicates += outcome.duplicates;
    let shifted = outcome.rejected.into_iter().map(|r| Rejected {
        line: r.line + *sent,
        ..r
    });
    total.rejected.extend(shifted);
    *sent += part.len() as u64;
    part.clear();
    Ok(())
}

fn report(outcome: &Outcome) -> anyhow::Result<()> {
    let Outcome {
        inserted,
        duplicates,
        rejected,
    } = outcome;
    println!(
        "{inserted} added, {duplicates} there already, {} rejected",
        rejected.len()
    );
    for Rejected {
        line,
        field,
        message,
    } in rejected
    {
        eprintln!("line {line}, {field}: {message}");
    }
    if rejected.is_empty() {
        Ok(())
    } else {
        bail!(
            "{} lines were rejected: mend them and import the file again",
            rejected.len()
        )
    }
}

/// Sends numbers of the command line as if they came from a file.
pub(crate) async fn numbers(node: &Node, path: &str, numbers: &[String]) -> anyhow::Result<()> {
    let body = format!("number\n{}\n", numbers.join("\n"));
    report(&node.post_csv::<Outcome>(path, body).await?)
}
