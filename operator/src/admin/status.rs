//! `database status`: how far each schema is.

use std::process::ExitCode;

use callplane_store::OperatorDatabase;
use callplane_store::migrate::{self, SchemaState};
use clap::Args;
use k8s_openapi::jiff::Timestamp;

use super::table::Table;

/// What to show.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only the schemas on which something is to be done.
    #[arg(long)]
    pending: bool,
}

/// Prints a line a schema. The exit code is 1 while something is to be done.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let states = migrate::states(database).await?;
    let heading = ["SCHEMA", "TENANT", "VERSION", "PENDING", "LAST", "PROBLEM"];
    let mut table = Table::new(heading);
    for state in &states {
        if !(options.pending && state.is_current()) {
            table.row(row(state));
        }
    }
    print!("{table}");
    let behind = states.iter().filter(|state| !state.is_current()).count();
    println!("{} schemas, {behind} with something to do", states.len());
    Ok(if behind == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn row(state: &SchemaState) -> [String; 6] {
    let tenant = state.tenant.as_ref();
    let last = state
        .last_applied_at
        .and_then(|time| Timestamp::from_microsecond(time.unix_micros()).ok());
    [
        state.schema.clone(),
        tenant.map_or_else(String::new, |(name, _)| name.to_string()),
        state.version.to_string(),
        state.pending.join(" "),
        last.map_or_else(String::new, |time| format!("{time:.0}")),
        state.problem().unwrap_or_default(),
    ]
}
