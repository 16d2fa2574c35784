//! One month of a family: copied out, stored, read back, removed.

use std::collections::BTreeSet;

use callplane_store::retention::manifests::{self, Manifest, NewManifest};
use callplane_store::retention::{self, Due, Part, Removed, Table};

use super::csv::{pack, rows, unpack};
use super::{Error, Job, Outcome, Vault};

impl Job<'_> {
    /// Archives and removes a month. A month whose rows changed meanwhile is archived anew at the next
    /// run.
    pub(super) async fn archive(&self, vault: Vault<'_>, due: &Due) -> Result<Outcome, Error> {
        let pending =
            async |table| manifests::pending(self.database, self.tenant, table, due.month).await;
        for table in due.family.tables {
            if pending(table).await?.is_empty() {
                self.store(vault, due, table).await?;
            }
        }
        // Whatever run they were written in, and whatever became of the storage since.
        for table in due.family.tables {
            for manifest in pending(table).await? {
                self.verify(vault, &manifest).await?;
            }
        }
        match retention::remove(self.database, self.fence, self.tenant, due).await? {
            Removed::Rows(rows) => Ok(Outcome::Removed(rows)),
            Removed::Held => Ok(Outcome::Held),
            Removed::Changed => {
                for table in due.family.tables {
                    for manifest in pending(table).await? {
                        self.discard(vault, &manifest).await?;
                    }
                }
                Ok(Outcome::Changed)
            }
        }
    }

    /// Writes the rows of a table and month as objects, then their manifests.
    async fn store(&self, vault: Vault<'_>, due: &Due, table: &Table) -> Result<(), Error> {
        let prefix = format!(
            "{}/{}/{}",
            self.tenant,
            table.name,
            due.month.format("%Y%m")
        );
        self.sweep(vault, &prefix).await?;
        let mut objects = Vec::new();
        let since = retention::export(
            self.database,
            self.tenant,
            table,
            due.month,
            async |part: Part| {
                // A name that was never used: an archive is not overwritten.
                let name = format!("{prefix}/{}-{}.csv.gz", uuid::Uuid::now_v7(), part.number);
                let stored = vault
                    .storage
                    .put(vault.keys, self.tenant, &name, &pack(&part.csv))
                    .await?;
                objects.push(NewManifest {
                    rows: part.rows,
                    url: vault.storage.url_of(&name),
                    sha256: stored.sha256,
                    key: stored.key.uuid(),
                });
                Ok::<_, Error>(())
            },
        )
        .await?;
        let (database, fence) = (self.database, self.fence);
        let (tenant, month) = (self.tenant, due.month);
        manifests::record(database, fence, tenant, table, month, since, &objects).await?;
        Ok(())
    }

    /// Deletes what a run left that was ended before it recorded its objects.
    async fn sweep(&self, vault: Vault<'_>, prefix: &str) -> Result<(), Error> {
        let found = vault.storage.list(prefix).await?;
        if found.is_empty() {
            return Ok(());
        }
        let kept = manifests::kept(self.database, self.tenant).await?;
        // An archive under another URL may be one of those found, if it is the same storage otherwise spelled.
        let folder = format!("/{prefix}/");
        let is_elsewhere = |manifest: &Manifest| {
            manifest.url.contains(&folder) && vault.storage.name_of(&manifest.url).is_none()
        };
        if kept.iter().any(is_elsewhere) {
            return Ok(());
        }
        let kept: BTreeSet<&str> = kept
            .iter()
            .filter_map(|manifest| vault.storage.name_of(&manifest.url))
            .collect();
        for name in found.iter().filter(|name| !kept.contains(name.as_str())) {
            vault.storage.delete(name).await?;
        }
        Ok(())
    }

    /// Reads an object back: its SHA-256, its seal, and as many rows as its manifest says.
    async fn verify(&self, vault: Vault<'_>, manifest: &Manifest) -> Result<(), Error> {
        let content = || Error::Content(manifest.url.clone());
        let name = vault.storage.name_of(&manifest.url).ok_or_else(content)?;
        let packed = vault
            .storage
            .get(vault.keys, self.tenant, name, &manifest.sha256)
            .await;
        let packed = match packed {
            // What is lost while its rows are here is written again at the next run.
            Err(
                error @ (callplane_objects::Error::NotFound(_)
                | callplane_objects::Error::Damaged(_)),
            ) => {
                self.discard(vault, manifest).await?;
                return Err(error.into());
            }
            packed => packed?,
        };
        let there = unpack(&packed).and_then(|csv| rows(&csv));
        match there {
            Some(rows) if rows == manifest.rows => Ok(()),
            _ => Err(content()),
        }
    }

    async fn discard(&self, vault: Vault<'_>, manifest: &Manifest) -> Result<(), Error> {
        manifests::forget(self.database, self.fence, manifest.id).await?;
        if let Some(name) = vault.storage.name_of(&manifest.url) {
            vault.storage.delete(name).await?;
        }
        Ok(())
    }
}
