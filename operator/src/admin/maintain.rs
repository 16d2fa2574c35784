//! `database maintain`: months, archives and ages of all tenants, once.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use callplane_keys::KeyRing;
use callplane_kit::sentence;
use callplane_objects::ObjectStorage;
use callplane_store::retention;
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::{TenantId, TenantName, WallTime};
use clap::Args;
use k8s_openapi::jiff::Timestamp;

use super::archive_keys;
use super::progress::Progress;
use crate::maintenance::{Error, Job, Report, Vault};

/// Settings of `maintain`.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    archive: ArchiveOptions,
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<TenantName>,
    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Where archives are and what opens them.
#[derive(Debug, Args)]
pub(super) struct ArchiveOptions {
    /// Where archives go: `file:///FOLDER` or `s3://BUCKET/PREFIX`, with the credentials of S3 in the
    /// usual variables (`AWS_ACCESS_KEY_ID` and so on). Without it nothing is archived, and nothing is
    /// removed that would have to be.
    #[arg(long, env = "CALLPLANE_OBJECT_STORE")]
    object_store: Option<String>,
    /// File with key-encryption keys: 32 octets in base64, one a line, the newest first. They wrap the
    /// keys that archives are sealed with.
    #[arg(long, env = "CALLPLANE_KEY_ENCRYPTION_KEY_FILE")]
    key_encryption_key_file: Option<PathBuf>,
}

impl ArchiveOptions {
    /// The storage; `None` when none is named.
    pub(super) fn storage(&self) -> anyhow::Result<Option<ObjectStorage>> {
        Ok(self
            .object_store
            .as_deref()
            .map(ObjectStorage::open)
            .transpose()?)
    }

    /// The keys of a tenant's archives.
    pub(super) async fn keys(
        &self,
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
    ) -> anyhow::Result<KeyRing> {
        let file = self.key_encryption_key_file.as_deref().context(
            "archives need keys; set --key-encryption-key-file or CALLPLANE_KEY_ENCRYPTION_KEY_FILE",
        )?;
        archive_keys::ring(database, fence, tenant, file).await
    }
}

/// Maintains one tenant after the other. One that fails does not stop the others; the exit code is 1
/// then.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let fence = Fence::command("database maintain");
    let storage = options.archive.storage()?;
    // The earlier of the two: a clock that is ahead makes nothing old.
    let own = WallTime::from_unix_micros(Timestamp::now().as_microsecond());
    let now = own.min(retention::clock(database).await?);
    let tenants = chosen(database, options.tenant.as_ref()).await?;
    let mut progress = Progress::new("tenants", tenants.len() as u64);
    let mut failed = false;
    let mut lacks_storage = false;
    for (tenant, name) in &tenants {
        let keys = match &storage {
            Some(_) if !options.dry_run => {
                match options.archive.keys(database, &fence, *tenant).await {
                    Ok(keys) => Some(keys),
                    Err(error) => {
                        failed = true;
                        progress.say(&format!("{name}: {error:#}"));
                        progress.step(name.as_str());
                        continue;
                    }
                }
            }
            _ => None,
        };
        let vault = storage.as_ref().zip(keys.as_ref());
        let job = Job {
            database,
            fence: &fence,
            tenant: *tenant,
            vault: vault.map(|(storage, keys)| Vault { storage, keys }),
            now,
            dry: options.dry_run,
        };
        match job.run().await {
            Ok(report) => {
                lacks_storage |= report.lacks_storage();
                print!("{}", told(name, &report));
            }
            Err(error) => {
                failed = true;
                progress.say(&format!("{name}: {}", failure(&error)));
            }
        }
        progress.step(name.as_str());
    }
    drop(progress);
    let sessions = retention::sessions(database, &fence, options.dry_run).await?;
    println!("sessions and tokens past their age: {sessions}");
    if lacks_storage {
        eprintln!(
            "There is no object storage, so nothing that has to be archived was removed: set --object-store or CALLPLANE_OBJECT_STORE"
        );
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// All tenants, or the one that is named.
pub(super) async fn chosen(
    database: &OperatorDatabase,
    wanted: Option<&TenantName>,
) -> anyhow::Result<Vec<(TenantId, TenantName)>> {
    let mut tenants = retention::tenants(database).await?;
    if let Some(wanted) = wanted {
        tenants.retain(|(_, name)| name == wanted);
        anyhow::ensure!(!tenants.is_empty(), "tenant `{wanted}` does not exist");
    }
    Ok(tenants)
}

fn told(name: &TenantName, report: &Report) -> String {
    let lines = report.to_string();
    lines
        .lines()
        .map(|line| format!("{name}: {line}\n"))
        .collect()
}

fn failure(error: &Error) -> String {
    sentence(error)
}
