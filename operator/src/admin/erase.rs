//! `database erase`: everything that a tenant holds of a person.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use callplane_store::erasure::Subject;
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::TenantName;
use clap::Args;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::maintain::{ArchiveOptions, chosen};
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
    #[arg(long, value_name = "FILE", required_unless_present = "contact")]
    subject: Option<PathBuf>,
    /// Identifier of a contact instead: all numbers and addresses of it are the person's.
    #[arg(long, conflicts_with = "subject")]
    contact: Option<Uuid>,
    /// Who asked, as the receipt will say: a name or a case, and no number.
    #[arg(long)]
    requested_by: String,
    /// File with the secret that the key of the signature is made of.
    #[arg(long, env = "CALLPLANE_RECEIPT_SECRET_FILE")]
    receipt_secret_file: PathBuf,
    /// Count, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Erases the person and prints the receipt, which is in the tenant's `audit_logs` too.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let fence = Fence::command("database erase");
    let subject = options.subject()?;
    let (tenant, name) = chosen(database, Some(&options.tenant)).await?.remove(0);
    let secret = Zeroizing::new(std::fs::read(&options.receipt_secret_file).with_context(
        || {
            format!(
                "cannot read {}, the secret of receipts",
                options.receipt_secret_file.display()
            )
        },
    )?);
    let signer = Signer::new(&secret).context("the secret of receipts makes no key")?;
    let storage = options.archive.storage()?;
    let keys = match &storage {
        Some(_) => Some(options.archive.keys(database, &fence, tenant).await?),
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
        requested_by: &options.requested_by,
        vault: vault.map(|(storage, keys)| Vault { storage, keys }),
        signer: &signer,
        dry: options.dry_run,
    };
    println!("{:#}", erasure.run().await?);
    Ok(ExitCode::SUCCESS)
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
