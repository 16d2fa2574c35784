//! `database erd`: diagrams of the tables.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use callplane_store::{OperatorDatabase, erd, tenants};
use callplane_types::TenantName;
use clap::Args;

/// What to draw.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder to write to; made when missing.
    #[arg(long, default_value = "erd")]
    out: PathBuf,
    /// Whose schema to draw beside platform.
    #[arg(long)]
    tenant: Option<TenantName>,
}

/// Writes a page with Mermaid for each schema and an SVG for each table family.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let mut diagrams = vec![erd::read(database, None).await?];
    if let Some(name) = &options.tenant {
        let tenant = tenants::find(database, name).await?;
        let tenant = tenant.with_context(|| format!("there is no tenant {name}"))?;
        diagrams.push(erd::read(database, Some(tenant.id)).await?);
    }
    for (path, content) in diagrams.iter().flat_map(erd::Diagram::files) {
        let path = options.out.join(path);
        let folder = path.parent().unwrap_or(&options.out);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, content))
            .with_context(|| format!("failed to write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
