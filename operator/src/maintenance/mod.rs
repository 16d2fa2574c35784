//! Keeping a tenant's data: months are made, what is old is archived and removed, what may go is deleted.
//!
//! Every step may be the last one of a process: the next run finds what is done in the database and in
//! the object storage, and goes on from there. **Rows are removed only after each object of theirs was
//! read back in the same run**, in a transaction that counts them ([`callplane_store::retention`]).

mod archive;
mod audio;
mod csv;
mod erase;
mod person;
mod report;

use callplane_keys::KeyRing;
use callplane_objects::ObjectStorage;
use callplane_store::months::{self, Ensured};
use callplane_store::retention::manifests::Manifest;
use callplane_store::retention::{self, manifests};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::{TenantId, WallTime};

pub use self::csv::{Sheet, pack, unpack};
pub use erase::{Erasure, Signer};
pub use report::{Audio, Outcome, Report, Sum};

/// Why a tenant could not be maintained. What was done before stays done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Database(#[from] callplane_store::Error),
    /// The object storage. Nothing was removed that is not archived.
    #[error("nothing was removed, because the archive could not be written or read")]
    Objects(#[from] callplane_objects::Error),
    /// An archive holds something else than its manifest says.
    #[error("nothing was removed, because archive {0} does not hold what its manifest says")]
    Content(String),
    /// Another job has the tenant.
    #[error(
        "nothing was erased, because maintenance or another erasure is at work; try again when it is done"
    )]
    Busy,
    /// Archives that cannot be looked at.
    #[error(
        "nothing was erased, because the archives of a contact are found by what the contact says; name their storage with --object-store"
    )]
    NoStorage,
}

/// Where archives go, and what they are sealed with.
#[derive(Debug, Clone, Copy)]
pub struct Vault<'a> {
    /// The storage.
    pub storage: &'a ObjectStorage,
    /// Keys of the tenant, of the purpose `archive`.
    pub keys: &'a KeyRing,
}

impl<'a> Vault<'a> {
    /// Reads an archive, under the name it was sealed for; another storage's is not ours to reach.
    async fn read<'b>(
        &self,
        tenant: TenantId,
        manifest: &'b Manifest,
    ) -> Result<Option<(&'b str, Sheet)>, Error>
    where
        'a: 'b,
    {
        let Some(name) = self.storage.name_of(&manifest.url) else {
            return Ok(None);
        };
        let packed = self
            .storage
            .get(self.keys, tenant, name, &manifest.sha256)
            .await?;
        let sheet = unpack(&packed).and_then(|csv| Sheet::parse(&csv));
        let sheet = sheet.ok_or_else(|| Error::Content(manifest.url.clone()))?;
        Ok(Some((name, sheet)))
    }
}

/// One tenant at one time.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The operator's door.
    pub database: &'a OperatorDatabase,
    /// The right to write.
    pub fence: &'a Fence,
    /// Whose data.
    pub tenant: TenantId,
    /// Where archives go; `None` is nowhere, and then nothing leaves that has to be archived.
    pub vault: Option<Vault<'a>>,
    /// What counts as now.
    pub now: WallTime,
    /// Only tell what would be done.
    pub dry: bool,
}

impl Job<'_> {
    /// Does all that is due.
    ///
    /// # Errors
    /// [`Error`]. It may be repeated at any time.
    pub async fn run(&self) -> Result<Report, Error> {
        let Some(alone) = retention::alone(self.database, self.tenant).await? else {
            return Ok(Report::busy());
        };
        let done = self.work().await;
        alone.end().await?;
        done
    }

    async fn work(&self) -> Result<Report, Error> {
        let mut report = Report::default();
        if !self.dry {
            let partitioning = months::partitioning(self.database, self.tenant).await?;
            let Ensured { made, .. } = months::ensure(
                self.database,
                self.fence,
                self.tenant,
                partitioning,
                self.now,
            )
            .await?;
            report.made = made;
        }
        let plan = retention::plan(self.database, self.tenant, self.now).await?;
        report.held = plan.held;
        for due in plan.due {
            let outcome = match self.vault {
                _ if self.dry => Outcome::Due,
                None => Outcome::NoStorage,
                Some(vault) => self.archive(vault, &due).await?,
            };
            report.months.push((due, outcome));
        }
        self.delete_old_audio(&mut report.audio).await?;
        self.delete_expired(&mut report).await?;
        report.thinned =
            retention::thin(self.database, self.fence, self.tenant, self.now, self.dry).await?;
        Ok(report)
    }

    /// Deletes the archives that need not be kept any longer.
    async fn delete_expired(&self, report: &mut Report) -> Result<(), Error> {
        let expired = manifests::expired(self.database, self.tenant, self.now).await?;
        for manifest in expired {
            if manifest.table == "call_recordings"
                && !self
                    .delete_archived_audio(&manifest, &mut report.audio)
                    .await?
            {
                continue;
            }
            if !self.dry {
                let Some(vault) = self.vault else { continue };
                // One of another storage is not ours to reach: it stays on the list.
                let Some(name) = vault.storage.name_of(&manifest.url) else {
                    continue;
                };
                vault.storage.delete(name).await?;
                manifests::forget(self.database, self.fence, manifest.id).await?;
            }
            report.expired += 1;
        }
        Ok(())
    }
}
