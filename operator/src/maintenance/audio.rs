//! Audio past its age.

use std::collections::BTreeSet;

use callplane_store::retention::manifests::{self, Manifest};
use callplane_store::retention::{self, OldRecording};
use callplane_types::TenantId;
use k8s_openapi::jiff::Timestamp;

use super::csv::Sheet;
use super::report::{Audio, Sum};
use super::{Error, Job, Vault};

/// Where the audio of a recording is, as far as `call_recordings.object_url` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// In the tenant's folder of the storage, under this name.
    Storage(&'a str),
    /// Below the folder of recordings of a media node.
    Node,
    /// Where we have no business: another storage, another's folder, an archive.
    Elsewhere,
}

impl<'a> Place<'a> {
    /// Tenants write these addresses, so only what lies in the tenant's own folder and is none of `archives` is
    /// taken for theirs.
    pub(super) fn of(
        vault: Option<Vault<'_>>,
        tenant: TenantId,
        archives: &BTreeSet<&str>,
        url: &'a str,
    ) -> Self {
        if !url.contains("://") {
            return Self::Node;
        }
        let folder = format!("{tenant}/");
        let is_ours = |name: &&str| {
            name.starts_with(&folder)
                && !archives.contains(name)
                && !name.split('/').any(|part| ["", ".", ".."].contains(&part))
        };
        vault
            .and_then(|vault| vault.storage.name_of(url))
            .filter(is_ours)
            .map_or(Self::Elsewhere, Self::Storage)
    }
}

/// The names of archives in the storage.
pub(super) fn names<'a>(vault: Option<Vault<'_>>, kept: &'a [Manifest]) -> BTreeSet<&'a str> {
    let Some(vault) = vault else {
        return BTreeSet::new();
    };
    kept.iter()
        .filter_map(|manifest| vault.storage.name_of(&manifest.url))
        .collect()
}

impl Job<'_> {
    /// Deletes the audio of recordings past their age whose rows are in the database. What lies on media
    /// nodes they delete themselves; it is counted until they have.
    pub(super) async fn delete_old_audio(&self, audio: &mut Audio) -> Result<(), Error> {
        let kept = manifests::kept(self.database, self.tenant).await?;
        let archives = names(self.vault, &kept);
        let mut last: Option<OldRecording> = None;
        loop {
            let page =
                retention::old_recordings(self.database, self.tenant, self.now, last.as_ref());
            let page = page.await?;
            for recording in &page {
                match Place::of(self.vault, self.tenant, &archives, &recording.url) {
                    Place::Storage(name) if self.dry || self.delete(recording, name).await? => {
                        audio.deleted.add(recording.bytes);
                    }
                    // Put under legal hold just now.
                    Place::Storage(_) => {}
                    Place::Node => audio.on_nodes.add(recording.bytes),
                    Place::Elsewhere => audio.elsewhere.add(recording.bytes),
                }
            }
            match page.into_iter().next_back() {
                Some(recording) => last = Some(recording),
                None => return Ok(()),
            }
        }
    }

    async fn delete(&self, recording: &OldRecording, name: &str) -> Result<bool, Error> {
        let Some(vault) = self.vault else {
            return Ok(false);
        };
        let Self {
            database,
            fence,
            tenant,
            ..
        } = *self;
        retention::delete_recording(database, fence, tenant, recording, async || {
            Ok::<_, Error>(vault.storage.delete(name).await?)
        })
        .await
    }

    /// Deletes the audio that an expired archive of recordings describes; whether the archive may go, too.
    pub(super) async fn delete_archived_audio(
        &self,
        manifest: &Manifest,
        audio: &mut Audio,
    ) -> Result<bool, Error> {
        let Some(vault) = self.vault else {
            // A dry run tells the archive; without a storage it stays anyway.
            return Ok(self.dry);
        };
        let kept = manifests::kept(self.database, self.tenant).await?;
        let archives = names(Some(vault), &kept);
        let sheet = match vault.read(self.tenant, manifest).await {
            // Nothing is left that would say where audio is.
            Err(Error::Objects(callplane_objects::Error::NotFound(_))) => return Ok(true),
            read => read?,
        };
        let Some((_, sheet)) = sheet else {
            return Ok(true);
        };
        let rows = Archived::rows(&sheet);
        if rows.iter().any(|row| row.is_kept(self)) {
            return Ok(false);
        }
        for row in rows.iter().filter(|row| !row.is_deleted) {
            match Place::of(self.vault, self.tenant, &archives, row.url) {
                Place::Storage(name) => {
                    if !self.dry {
                        vault.storage.delete(name).await?;
                    }
                    audio.deleted.add(row.bytes);
                }
                // It deletes by age what has no row any more.
                Place::Node => audio.on_nodes.add(row.bytes),
                Place::Elsewhere => audio.elsewhere.add(row.bytes),
            }
        }
        Ok(true)
    }
}

/// A row of `call_recordings` in an archive.
struct Archived<'a> {
    url: &'a str,
    bytes: u64,
    is_deleted: bool,
    is_held: bool,
    retain_until: Option<&'a str>,
}

impl<'a> Archived<'a> {
    fn rows(sheet: &'a Sheet) -> Vec<Self> {
        let value = |row: &'a [String], name: &str| {
            let value = row.get(sheet.column(name)?)?;
            (value != "\\N").then_some(value.as_str())
        };
        sheet
            .rows
            .iter()
            .filter_map(|row| {
                Some(Self {
                    url: value(row, "object_url")?,
                    bytes: value(row, "size_bytes").map_or(0, |text| text.parse().unwrap_or(0)),
                    is_deleted: value(row, "deleted_at").is_some(),
                    is_held: value(row, "legal_hold") == Some("t"),
                    retain_until: value(row, "retain_until"),
                })
            })
            .collect()
    }

    /// Whether its own time is not over, or nobody can tell.
    fn is_kept(&self, job: &Job<'_>) -> bool {
        let until = |text: &str| {
            // PostgreSQL writes a blank where RFC 3339 has a T, and the offset of UTC as +00.
            let text = text.replacen(' ', "T", 1);
            let text = text.strip_suffix("+00").unwrap_or(&text);
            format!("{text}Z").parse::<Timestamp>().ok()
        };
        self.is_held
            || self.retain_until.is_some_and(|text| {
                until(text).is_none_or(|until| until.as_microsecond() > job.now.unix_micros())
            })
    }
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.recordings += 1;
        self.bytes += bytes;
    }
}
