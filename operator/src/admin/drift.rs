//! `database drift`: what somebody changed by hand.

use std::process::ExitCode;

use callplane_kit::sentence;
use callplane_store::OperatorDatabase;
use callplane_store::drift::{self, Difference};
use callplane_store::migrate::{self, SchemaState};
use clap::Args;

use super::progress::Progress;

/// What to compare.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only these tenants, by name; else platform and all.
    tenants: Vec<String>,
}

/// Prints what differs and how to mend it. The exit code is 1 when something does, or could not be
/// compared; the others are compared all the same.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let mut states = migrate::states(database).await?;
    let is_named = |state: &SchemaState| match &state.tenant {
        Some((name, _)) => options.tenants.iter().any(|wanted| wanted == name.as_str()),
        None => false,
    };
    if !options.tenants.is_empty() {
        states.retain(is_named);
        anyhow::ensure!(
            states.len() == options.tenants.len(),
            "not every tenant of the list exists; `database status` shows those that do"
        );
    }
    let mut progress = Progress::new("schemas", states.len() as u64);
    let (mut compared, mut differing) = (0_usize, 0_u64);
    for state in &states {
        match compare(database, state).await {
            Ok(clean) => {
                compared += 1;
                differing += u64::from(!clean);
            }
            Err(error) => progress.say(&format!("{}: {}", state.schema, sentence(&error))),
        }
        progress.step(&state.schema);
    }
    drop(progress);
    println!("{compared} schemas compared, {differing} differ");
    Ok(if differing == 0 && compared == states.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn compare(
    database: &OperatorDatabase,
    state: &SchemaState,
) -> callplane_store::Result<bool> {
    let SchemaState {
        schema,
        tenant,
        pending,
        ..
    } = state;
    if !pending.is_empty() {
        println!(
            "{schema}: lacks {}; run `database migrate` first",
            pending.join(", ")
        );
        return Ok(false);
    }
    let differences: Vec<Difference> = match tenant {
        Some((_, id)) => drift::tenant(database, *id).await?,
        None => drift::platform(database).await?,
    };
    for difference in &differences {
        println!("{schema}: {difference}\n    mend: {}", difference.mend());
    }
    Ok(differences.is_empty())
}
