//! `database resolve`: says how a migration stands that failed.

use std::process::ExitCode;

use anyhow::Context as _;
use callplane_store::migrate::{self, Resolution};
use callplane_store::{OperatorDatabase, tenants};
use callplane_types::TenantName;
use clap::Args;

/// Which migration, and how it stands.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Name of the file, as `database status` shows it.
    file: String,
    /// In the schema of which tenant; else in schema platform.
    #[arg(long)]
    tenant: Option<TenantName>,
    #[command(flatten)]
    decision: Decision,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Decision {
    /// What the file makes is there: do not run it.
    #[arg(long)]
    applied: bool,
    /// Nothing of the file is there: run it at the next migration.
    #[arg(long)]
    rolled_back: bool,
}

/// Records the decision.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let tenant = match &options.tenant {
        Some(name) => {
            let tenant = tenants::find(database, name).await?;
            Some(
                tenant
                    .with_context(|| format!("there is no tenant {name}"))?
                    .id,
            )
        }
        None => None,
    };
    let (resolution, then) = if options.decision.applied {
        (
            Resolution::Applied,
            "`database drift` shows whether all of it is there",
        )
    } else {
        (Resolution::RolledBack, "`database migrate` runs it again")
    };
    migrate::resolve(database, tenant, &options.file, resolution).await?;
    println!("{} is resolved; {then}", options.file);
    Ok(ExitCode::SUCCESS)
}
