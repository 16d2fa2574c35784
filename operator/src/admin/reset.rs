//! `database reset`: an empty schema for a tenant, on a database for development.

use std::process::ExitCode;

use anyhow::Context as _;
use callplane_store::{Fence, OperatorDatabase, migrate, tenants};
use callplane_types::TenantName;
use clap::Args;

/// Whose data goes.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The tenant.
    tenant: TenantName,
    /// Its name once more: all of its data is lost.
    #[arg(long)]
    confirm: TenantName,
}

/// Drops the schema and makes it anew.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let Options { tenant, confirm } = options;
    anyhow::ensure!(
        tenant == confirm,
        "--confirm names {confirm} and not {tenant}; nothing was dropped"
    );
    let found = tenants::find(database, tenant).await?;
    let found = found.with_context(|| format!("there is no tenant {tenant}"))?;
    let migrated = migrate::reset(database, &Fence::command("database reset"), found.id).await?;
    println!(
        "{} is empty and at version {}; the operator puts back what custom resources own within 12 minutes, or at once when it is restarted",
        found.schema, migrated.version
    );
    Ok(ExitCode::SUCCESS)
}
