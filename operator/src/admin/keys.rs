//! `database keys`: the data keys of tenants and the key that wraps them.

use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use callplane_keys::{KekError, KeyId, KeyPurpose};
use callplane_store::keys::{self as stored, KeyStatus, StoredKey};
use callplane_store::{Fence, OperatorDatabase, tenants};
use callplane_types::{TenantId, TenantName};
use clap::{Args, Subcommand};
use k8s_openapi::jiff::Timestamp;

use super::progress::Progress;
use super::table::Table;
use crate::keys as keyring;

/// Which keys, and where the key-encryption key is.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    keys: keyring::Options,
    /// Namespace with the Secret of the key-encryption key.
    #[arg(long, env = "POD_NAMESPACE", default_value = "callplane-system")]
    namespace: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the keys, and what is wrapped with which key-encryption key
    Status,
    /// Make a successor of the key that seals a tenant's columns, recordings or archives
    ///
    /// For columns the operator does the rest: it hands the new key to all media nodes, lets it seal when
    /// they have had it for the overlap of the Tenant's credentialRotation, and seals what the old one
    /// sealed anew. So it does for recordings, but those that are there keep their key. A new key for archives
    /// seals the next one; those that are there keep theirs.
    Rotate {
        /// Name of the Tenant; all without it.
        #[arg(long)]
        tenant: Option<TenantName>,
        /// What the key is for: `column`, `recording` or `archive`.
        #[arg(long, default_value = "column")]
        purpose: KeyPurpose,
    },
    /// Wrap all data keys with the newest key-encryption key
    ///
    /// Data is not touched. Keep the former key-encryption key, apart, until the last backup from before
    /// has expired. Keys that another one wraps, as that of archives, are left as they are and named; the
    /// exit code is 1 then.
    Rewrap,
    /// Hand a retired key out again
    ///
    /// For values that it sealed and that came later: a media node kept the record of a call for longer than
    /// the overlap. The operator hands it to the readers at its next look at the Tenant, seals such values
    /// anew, and retires it again.
    Recall {
        /// The key, as `status` shows it.
        key: KeyId,
    },
    /// Destroy a data key: everything that it sealed is lost, in archives and backups too
    ///
    /// Refused while retention or a legal hold wants an archive or a recording kept.
    Shred {
        /// The key, as `status` shows it.
        key: KeyId,
        /// The same again.
        #[arg(long)]
        confirm: KeyId,
        /// Also a key that is in use.
        #[arg(long)]
        force: bool,
    },
}

/// Does it.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let fence = Fence::command("database keys");
    match &options.command {
        Command::Status => status(database).await?,
        Command::Rotate { tenant, purpose } => {
            let keys = options.keys.open(&options.namespace).await?;
            rotate(database, &fence, &keys, tenant.as_ref(), *purpose).await?;
        }
        Command::Rewrap => {
            let keys = options.keys.open(&options.namespace).await?;
            return rewrap(database, &fence, &keys).await;
        }
        Command::Recall { key } => {
            stored::recall(database, &fence, *key).await?;
            println!("data key {key} is handed out again at the next look at its tenant");
        }
        Command::Shred {
            key,
            confirm,
            force,
        } => {
            ensure!(key == confirm, "the key and --confirm differ");
            shred(database, &fence, *key, *force).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(database: &OperatorDatabase) -> anyhow::Result<()> {
    let names = names(database).await?;
    let keys = stored::list_all(database).await?;
    let mut table = Table::new([
        "TENANT",
        "PURPOSE",
        "VERSION",
        "STATUS",
        "MADE",
        "WRAPPED WITH",
        "KEY",
    ]);
    for key in &keys {
        table.row(row(key, &names));
    }
    print!("{table}");
    println!("{} keys", keys.len());
    Ok(())
}

fn row(key: &StoredKey, names: &HashMap<TenantId, TenantName>) -> [String; 7] {
    let made = Timestamp::from_microsecond(key.created_at.unix_micros()).ok();
    [
        tenant_of(key, names),
        key.holder.purpose.to_string(),
        key.version.to_string(),
        key.status.to_string(),
        made.map_or_else(String::new, |time| format!("{time:.0}")),
        key.wrapped.kek.clone(),
        key.holder.key.to_string(),
    ]
}

/// The name, or the id of one that is gone.
fn tenant_of(key: &StoredKey, names: &HashMap<TenantId, TenantName>) -> String {
    key.holder.tenant.map_or_else(String::new, |id| {
        names
            .get(&id)
            .map_or_else(|| id.to_string(), TenantName::to_string)
    })
}

async fn names(database: &OperatorDatabase) -> anyhow::Result<HashMap<TenantId, TenantName>> {
    let tenants = tenants::list(database).await?;
    Ok(tenants
        .into_iter()
        .map(|tenant| (tenant.id, tenant.name))
        .collect())
}

async fn rotate(
    database: &OperatorDatabase,
    fence: &Fence,
    keys: &keyring::Keys,
    tenant: Option<&TenantName>,
    purpose: KeyPurpose,
) -> anyhow::Result<()> {
    let mut tenants = tenants::list(database).await?;
    tenants.retain(|known| match tenant {
        Some(name) => known.name == *name,
        None => known.uid.is_some(),
    });
    if let Some(name) = tenant
        && tenants.is_empty()
    {
        bail!("there is no tenant `{name}`");
    }
    let mut progress = Progress::new("tenants", tenants.len() as u64);
    for tenant in &tenants {
        let id = tenant.id;
        let begun = if purpose == KeyPurpose::Archive {
            keys.replace_archive_key(database, fence, id).await
        } else {
            keys.begin_rotation(database, fence, id, purpose).await
        };
        let begun = begun.with_context(|| format!("tenant {}", tenant.name))?;
        progress.step(tenant.name.as_str());
        let told = match (purpose, begun) {
            (KeyPurpose::Archive, true) => "a new key seals the next archive",
            (KeyPurpose::Archive, false) => "there is no archive yet",
            (_, true) => "a new key waits until all media nodes have it",
            (_, false) => "a rotation is under way already",
        };
        println!("{}: {told}", tenant.name);
    }
    Ok(())
}

async fn rewrap(
    database: &OperatorDatabase,
    fence: &Fence,
    keys: &keyring::Keys,
) -> anyhow::Result<ExitCode> {
    let kek = keys.kek(database).await?;
    let mut stored = stored::list_all(database).await?;
    stored.retain(|key| key.status != KeyStatus::Shredded);
    let mut progress = Progress::new("keys", stored.len() as u64);
    let (mut wrapped, mut foreign) = (0, 0);
    for key in &stored {
        let id = key.holder.key;
        match kek.rewrap(&key.holder, &key.wrapped).await {
            Ok(None) => {}
            Ok(Some(anew)) => {
                stored::replace_wrapping(database, fence, id, &key.wrapped, &anew).await?;
                wrapped += 1;
            }
            Err(KekError::UnknownKey(other)) => {
                println!(
                    "{} key {id} is wrapped with {other} and stays",
                    key.holder.purpose
                );
                foreign += 1;
            }
            Err(error) => return Err(error).with_context(|| format!("data key {id}")),
        }
        progress.step(&id.to_string());
    }
    println!("{wrapped} of {} keys wrapped anew", stored.len());
    if foreign == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{foreign} keys need another key-encryption key: repeat with its file as --key-encryption-key-file"
    );
    Ok(ExitCode::FAILURE)
}

async fn shred(
    database: &OperatorDatabase,
    fence: &Fence,
    key: KeyId,
    force: bool,
) -> anyhow::Result<()> {
    let lost = stored::shred(database, fence, key, force).await?;
    println!("data key {key} is destroyed; media nodes that have it drop it within minutes");
    for (table, column, rows) in &lost.rows {
        println!("{rows} values of {table}.{column} are lost");
    }
    println!(
        "{} archives and {} recordings are lost",
        lost.archives, lost.recordings
    );
    Ok(())
}
