//! `database erase`: everything that a tenant holds of a person.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use callplane_store::erasure::{self, Subject};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::{TenantId, TenantName, WallTime};
use clap::Args;
use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::maintain::{ArchiveOptions, chosen};
use super::table::Table;
use crate::keys::Missing;
use crate::maintenance::{Erasure, Signer, Vault};

/// Settings of `erase`.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    archive: ArchiveOptions,
    /// The tenant.
    #[arg(long)]
    tenant: TenantName,
    /// File with the number of the person (E.164), `-` for standard input. Never on the command line,
    /// which others see and logs keep.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["contact", "status"])]
    subject: Option<PathBuf>,
    /// Identifier of a contact instead: all numbers and addresses of it are the person's.
    #[arg(long, conflicts_with = "subject")]
    contact: Option<Uuid>,
    /// Who asked, as the receipt will say: a name or a case, and no number.
    #[arg(long, required_unless_present = "status")]
    requested_by: Option<String>,
    /// File with the secret that the key of the signature is made of.
    #[arg(
        long,
        env = "CALLPLANE_RECEIPT_SECRET_FILE",
        required_unless_present = "status"
    )]
    receipt_secret_file: Option<PathBuf>,
    /// Count, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Show the erasures of the tenant instead, and which media nodes have confirmed that their disks hold
    /// nothing of the person. The exit code is 1 while one has not.
    #[arg(long, conflicts_with_all = ["subject", "contact", "requested_by", "dry_run"])]
    status: bool,
}

/// Erases the person and prints the receipt, which is in the tenant's `audit_logs` too.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let fence = Fence::command("database erase");
    let (tenant, name) = chosen(database, Some(&options.tenant)).await?.remove(0);
    if options.status {
        return status(database, tenant).await;
    }
    let subject = options.subject()?;
    let (requested_by, file) = options
        .requested_by
        .as_ref()
        .zip(options.receipt_secret_file.as_ref())
        .context("name --requested-by and --receipt-secret-file")?;
    let secret = std::fs::read(file)
        .with_context(|| format!("cannot read {}, the secret of receipts", file.display()))?;
    let secret = Zeroizing::new(secret);
    let signer = Signer::new(&secret).context("the secret of receipts makes no key")?;
    let storage = options.archive.storage()?;
    let keys = match &storage {
        Some(_) => {
            let missing = if options.dry_run {
                Missing::Leave
            } else {
                Missing::Make
            };
            let keys = options.archive.keys().await?;
            keys.of_archives(database, &fence, tenant, missing).await?
        }
        None => None,
    };
    if storage.is_none() {
        eprintln!("No object storage is named, so archives are not looked at: set --object-store");
    }
    let vault = storage.as_ref().zip(keys.as_ref());
    let erasure = Erasure {
        database,
        fence: &fence,
        tenant,
        name: &name,
        subject: &subject,
        requested_by,
        vault: vault.map(|(storage, keys)| Vault { storage, keys }),
        signer: &signer,
        dry: options.dry_run,
    };
    println!("{:#}", erasure.run().await?);
    Ok(ExitCode::SUCCESS)
}

/// Prints a line for each media node of each erasure.
async fn status(database: &OperatorDatabase, tenant: TenantId) -> anyhow::Result<ExitCode> {
    let mut table = Table::new([
        "ERASURE",
        "REQUESTED",
        "ERASED",
        "NODE",
        "STATUS",
        "CONFIRMED",
        "AUDIO",
        "RECORDS",
    ]);
    let mut open = false;
    for standing in erasure::standing(database, tenant).await? {
        let at = |time: Option<WallTime>| {
            time.and_then(|time| Timestamp::from_microsecond(time.unix_micros()).ok())
                .map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"))
        };
        let of_all = [
            standing.erasure.to_string(),
            at(Some(standing.requested_at)),
            at(standing.erased_at),
        ];
        open |= standing.erased_at.is_none();
        if standing.nodes.is_empty() {
            let [erasure, requested, erased] = of_all.clone();
            let none = || "-".to_owned();
            table.row([
                erasure,
                requested,
                erased,
                none(),
                none(),
                none(),
                none(),
                none(),
            ]);
        }
        for node in standing.nodes {
            open |= node.confirmed_at.is_none();
            let [erasure, requested, erased] = of_all.clone();
            table.row([
                erasure,
                requested,
                erased,
                node.node,
                node.status.unwrap_or_else(|| "forgotten".to_owned()),
                at(node.confirmed_at),
                node.done.recordings.to_string(),
                node.done.records.to_string(),
            ]);
        }
    }
    print!("{table}");
    Ok(if open {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Options {
    fn subject(&self) -> anyhow::Result<Subject> {
        if let Some(contact) = self.contact {
            return Ok(Subject::Contact(contact));
        }
        let file = self
            .subject
            .as_deref()
            .context("name --subject or --contact")?;
        let mut text = Zeroizing::new(String::new());
        if file.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text)?;
        } else {
            *text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
        }
        // The text of the error would repeat the number.
        let number = text.trim().parse();
        let number = number.map_err(|_| {
            anyhow::anyhow!("the subject is no number; write it as in +15557000001")
        })?;
        Ok(Subject::Number(number))
    }
}
