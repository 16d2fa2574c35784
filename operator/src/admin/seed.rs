//! `database seed`: data to begin with.

use std::process::ExitCode;

use callplane_store::{OperatorDatabase, seed};
use callplane_types::TenantName;
use clap::{Args, Subcommand};

/// Which data.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    set: Set,
}

#[derive(Debug, Subcommand)]
enum Set {
    /// Carriers and system voices, and their copies in every tenant
    ///
    /// Plans, system roles, retention policies and the standard prices come with the migrations.
    Catalogue,
    /// One of everything that call tracking needs, in a tenant marked for it
    Demo {
        /// Name of the Tenant.
        #[arg(long)]
        tenant: TenantName,
        /// Mark the tenant for it first; refused when it has people, contacts or calls.
        #[arg(long)]
        mark: bool,
    },
    /// Generated calls, in a tenant marked for it
    Load {
        /// Name of the Tenant.
        #[arg(long)]
        tenant: TenantName,
        /// Mark the tenant for it first; refused when it has people, contacts or calls.
        #[arg(long)]
        mark: bool,
        /// How many in all; a larger number adds the difference.
        #[arg(long, default_value_t = 10_000)]
        calls: u32,
        /// What they follow from: the same seed makes the same calls.
        #[arg(long, default_value_t = 1)]
        seed: u32,
    },
}

/// Writes what is not there, and prints how much that was.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let rows = match &options.set {
        Set::Catalogue => seed::catalogue(database).await?,
        Set::Demo { tenant, mark } => {
            if *mark {
                seed::mark(database, tenant).await?;
            }
            seed::demo(database, tenant, None).await?
        }
        Set::Load {
            tenant,
            mark,
            calls,
            seed,
        } => {
            if *mark {
                seed::mark(database, tenant).await?;
            }
            eprintln!("writing up to {calls} calls");
            seed::load(database, tenant, *calls, *seed).await?
        }
    };
    println!("{rows} rows were new");
    Ok(ExitCode::SUCCESS)
}
