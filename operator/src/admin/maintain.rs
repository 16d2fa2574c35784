//! `database maintain`: months, archives and ages of all tenants, once.

use std::process::ExitCode;

use anyhow::Context as _;
use callplane_kit::sentence;
use callplane_objects::ObjectStorage;
use callplane_store::retention;
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::{TenantId, TenantName, WallTime};
use clap::Args;
use k8s_openapi::jiff::Timestamp;

use super::progress::Progress;
use crate::keys::{self as keyring, Keys, Missing};
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
    #[command(flatten)]
    keys: keyring::Options,
    /// Namespace with the Secret of the key-encryption key.
    #[arg(long, env = "POD_NAMESPACE", default_value = "callplane-system")]
    namespace: String,
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

    /// What wraps the keys of archives.
    pub(super) async fn keys(&self) -> anyhow::Result<Keys> {
        self.keys.open(&self.namespace).await.context(
            "archives need keys: set --key-encryption-key-file or --vault-address, or run in the cluster",
        )
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
    let keys = match &storage {
        Some(_) => match options.archive.keys().await {
            Err(error) if options.dry_run => {
                eprintln!("Archives are not looked into: {error:#}");
                None
            }
            keys => Some(keys?),
        },
        None => None,
    };
    let missing = if options.dry_run {
        Missing::Leave
    } else {
        Missing::Make
    };
    let mut progress = Progress::new("tenants", tenants.len() as u64);
    let mut failed = false;
    let mut lacks_storage = false;
    for (tenant, name) in &tenants {
        let ring = match &keys {
            Some(keys) => match keys.of_archives(database, &fence, *tenant, missing).await {
                Ok(ring) => ring,
                Err(error) => {
                    failed = true;
                    progress.say(&format!("{name}: {}", sentence(&error)));
                    progress.step(name.as_str());
                    continue;
                }
            },
            None => None,
        };
        let vault = storage.as_ref().zip(ring.as_ref());
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
