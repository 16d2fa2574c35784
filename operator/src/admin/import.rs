//! `database import`: the data of a tenant from the database of another platform.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use callplane_keys::{DataKey, KeyRing, Place};
use callplane_store::compatibility::Platform;
use callplane_store::import::{self, Control, Report, Seal, Source};
use callplane_store::{Fence, OperatorDatabase, tenants};
use callplane_telemetry::shutdown_signal;
use callplane_types::{TenantId, TenantName};
use clap::Args;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::progress::Progress;
use crate::keys::{self, Keys};

/// The variable with the URL of the source. There is no option: the arguments of a process are no place
/// for a password.
const SOURCE: &str = "CALLPLANE_IMPORT_SOURCE";

/// From where, into which tenant.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The platform: dukat, organization, callfabric, irisx or voicecore.
    #[arg(long)]
    from: Platform,
    /// Name of the Tenant.
    #[arg(long)]
    tenant: TenantName,
    /// File with the URL of the platform's database, `postgres://USER:PASSWORD@HOST:5432/DATABASE`; a
    /// login that may read is enough [default: the variable CALLPLANE_IMPORT_SOURCE].
    #[arg(long)]
    source_file: Option<PathBuf>,
    /// Identifier of the tenant there. Needed when the platform has several.
    #[arg(long)]
    source_tenant: Option<String>,
    /// File with the data keys of the tenant, instead of those in the database. Without it they are
    /// unwrapped by Vault or with the file of key-encryption keys, where one is named. They seal what must be
    /// readable again: secrets of webhooks, credentials. Without any, what needs one is left out and
    /// reported.
    #[arg(long, env = "CALLPLANE_IMPORT_KEYS")]
    keys_file: Option<PathBuf>,
    #[command(flatten)]
    keys: keys::Options,
    /// Write nothing: show what would be written and what would be left out.
    #[arg(long)]
    dry_run: bool,
    /// Begin anew: forget how far an import came that did not end. What it wrote is left as it is.
    #[arg(long)]
    restart: bool,
    /// File that every row that was left out is appended to, as JSON lines.
    #[arg(long)]
    refusals: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Imports, and prints the report. The exit code is 1 when source and target differ at the end; rows that
/// were left out are in the report and no failure.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let url = source_url(options)?;
    let tenant = tenants::find(database, &options.tenant).await?;
    let tenant = tenant.with_context(|| format!("there is no tenant {}", options.tenant))?;
    let keys = tenant_keys(database, options, tenant.id).await?;
    let mut source = Source::connect(&url)
        .await
        .context("failed to open the database that is imported from")?;
    let shutdown = shutdown_signal()?;
    let mut bars: Option<(String, Progress)> = None;
    let outcome = import::run(
        database,
        &options.tenant,
        options.from,
        &mut source,
        &import::Options {
            source_tenant: options.source_tenant.clone(),
            dry_run: options.dry_run,
            seal: keys.as_ref().map(|keys| keys as &dyn Seal),
            refusals: options.refusals.clone(),
            restart: options.restart,
            batch: 0,
        },
        &mut |now| {
            if bars.as_ref().is_none_or(|(table, _)| table != now.table) {
                bars = Some((now.table.to_owned(), Progress::new("rows", now.of)));
            }
            if let Some((table, bar)) = &mut bars {
                bar.to(now.read, table);
            }
            if shutdown.is_cancelled() {
                Control::Stop
            } else {
                Control::Continue
            }
        },
    )
    .await;
    drop(bars);
    tell(options, &outcome?)
}

fn tell(options: &Options, report: &Report) -> anyhow::Result<ExitCode> {
    if options.json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        print!("{report}");
        let verb = if options.dry_run { "would be" } else { "were" };
        println!(
            "{} rows {verb} written, {} {verb} left out",
            report.written(),
            report.refused()
        );
    }
    Ok(if report.differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn source_url(options: &Options) -> anyhow::Result<Zeroizing<String>> {
    let url = match &options.source_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("failed to read {}", path.display()))?,
        None => match std::env::var(SOURCE) {
            Ok(url) => url,
            Err(_) => bail!("no database is named to import from; set {SOURCE} or --source-file"),
        },
    };
    Ok(Zeroizing::new(url.trim().to_owned()))
}

/// Seals with the tenant's own keys. They are those of the beginning: an import that takes longer than the
/// overlap of a rotation goes on with the key of before, which opens until nothing is sealed with it.
struct TenantKeys {
    tenant: TenantId,
    ring: KeyRing,
}

impl Seal for TenantKeys {
    fn seal(
        &self,
        table: &str,
        column: &str,
        row: Uuid,
        text: &[u8],
    ) -> Result<Vec<u8>, callplane_store::Error> {
        let place = Place::cell(self.tenant, table, column, row);
        self.ring
            .seal(&place, text)
            .map_err(|error| callplane_store::Error::Invalid {
                what: "secret",
                reason: error.to_string(),
            })
    }
}

async fn tenant_keys(
    database: &OperatorDatabase,
    options: &Options,
    tenant: TenantId,
) -> anyhow::Result<Option<TenantKeys>> {
    let ring = match (&options.keys_file, options.keys.named()?) {
        (Some(path), _) => Some(of_file(path)?),
        (None, Some(keys)) => Some(of_database(database, &keys, tenant, options.dry_run).await?),
        (None, None) => None,
    };
    Ok(ring.map(|ring| TenantKeys { tenant, ring }))
}

fn of_file(path: &Path) -> anyhow::Result<KeyRing> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .with_context(|| format!("failed to read {}", path.display()))?;
    KeyRing::parse(text.trim()).with_context(|| format!("{} holds no data keys", path.display()))
}

/// The tenant's keys for columns. The first one is made here, but by a dry run: what that seals is taken
/// back, so any key will do.
async fn of_database(
    database: &OperatorDatabase,
    keys: &Keys,
    tenant: TenantId,
    dry_run: bool,
) -> anyhow::Result<KeyRing> {
    let failed = "failed to open the data keys of the tenant";
    if !dry_run {
        let fence = Fence::command("database import");
        let handed = keys.of_tenant(database, &fence, tenant).await;
        return Ok(handed.context(failed)?.ring);
    }
    if let Some(ring) = keys.present(database, tenant).await.context(failed)? {
        return Ok(ring);
    }
    keys.kek(database).await.context(failed)?;
    Ok(KeyRing::new(DataKey::generate()?))
}
