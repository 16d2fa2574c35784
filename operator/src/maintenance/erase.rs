//! Erasing a person: from the database, from archives, and their recordings.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callplane_store::erasure::{self, Erased, Mode, Subject};
use callplane_store::retention;
use callplane_store::retention::manifests::{self, Manifest, NewManifest};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::{TenantId, TenantName};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::audio::{Place, names};
use super::csv::{Sheet, pack};
use super::person::{Person, contains};
use super::{Error, Vault};

/// Signs receipts. Made of a secret, so that the same secret makes the same key.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// A key of `secret`, which is never in a receipt. `None` if the system refuses it.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        let seed = digest(&SHA256, &[b"callplane receipt\0", secret].concat());
        Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
            .ok()
            .map(Self)
    }

    /// Adds `signature` and `publicKey` (Ed25519, RFC 8032) over the JSON of `receipt` as it is without
    /// them.
    #[must_use]
    pub fn sign(&self, mut receipt: Value) -> Value {
        let signature = self.0.sign(receipt.to_string().as_bytes());
        receipt["signature"] = STANDARD.encode(signature.as_ref()).into();
        receipt["publicKey"] = STANDARD.encode(self.0.public_key().as_ref()).into();
        receipt
    }
}

/// What to erase, and on whose word.
pub struct Erasure<'a> {
    /// The operator's door.
    pub database: &'a OperatorDatabase,
    /// The right to write.
    pub fence: &'a Fence,
    /// Whose data.
    pub tenant: TenantId,
    /// Its name.
    pub name: &'a TenantName,
    /// Who.
    pub subject: &'a Subject,
    /// Who asked for it, as the receipt says it.
    pub requested_by: &'a str,
    /// Where archives are; `None` leaves them alone, and the receipt says so.
    pub vault: Option<Vault<'a>>,
    /// Signs the receipt.
    pub signer: &'a Signer,
    /// Only count.
    pub dry: bool,
}

impl Erasure<'_> {
    /// Erases, and returns the signed receipt, which is in the tenant's audit trail too. Archives first:
    /// a run that ends in between leaves the rows, by which the next one finds the rest.
    ///
    /// # Errors
    /// [`Error`]. It may be repeated.
    pub async fn run(&self) -> Result<Value, Error> {
        // What is archived meanwhile would be archived with the person.
        let Some(alone) = retention::alone(self.database, self.tenant).await? else {
            return Err(Error::Busy);
        };
        let done = self.work().await;
        alone.end().await?;
        done
    }

    async fn work(&self) -> Result<Value, Error> {
        let (database, fence, tenant) = (self.database, self.fence, self.tenant);
        // Who it is, before anything changes.
        let found = erasure::erase(database, fence, tenant, self.subject, Mode::Dry, |_| {
            json!({})
        })
        .await?;
        let kept = manifests::kept(database, tenant).await?;
        // The contact would lose what its archives are found by.
        if self.vault.is_none() && matches!(self.subject, Subject::Contact(_)) && !kept.is_empty() {
            return Err(Error::NoStorage);
        }
        // Nobody stores anything of the person from here on.
        let erasure = if self.dry {
            None
        } else {
            Some(erasure::request(database, fence, tenant, &found).await?)
        };
        let mut recordings: BTreeSet<String> = found.recordings.iter().cloned().collect();
        let mut archives = Vec::new();
        let mut objects = Vec::new();
        if let Some(vault) = self.vault {
            let mut person = Person {
                tenant,
                traces: &found.traces,
                contacts: found.contacts.iter().map(Uuid::to_string).collect(),
                calls: Vec::new(),
                conversations: Vec::new(),
                recordings: Vec::new(),
            };
            // All of them before the first row goes by which they are found.
            let touched = self.search(vault, &kept, &mut person).await?;
            recordings.extend(person.recordings.iter().cloned());
            objects = self.delete_audio(vault, &kept, &recordings).await?;
            if let Some(erasure) = erasure {
                let calls: Vec<Uuid> = person
                    .calls
                    .iter()
                    .filter_map(|call| call.parse().ok())
                    .collect();
                erasure::note_archived(database, fence, tenant, erasure, &calls).await?;
            }
            archives = self.take(vault, &touched, &mut person).await?;
        }
        let mode = erasure.map_or(Mode::Dry, |erasure| Mode::For { erasure });
        let mut receipt = Value::Null;
        erasure::erase(database, fence, tenant, self.subject, mode, |erased| {
            recordings.extend(erased.recordings.iter().cloned());
            let mut unsigned = self.receipt(erased, &archives, &recordings, &objects);
            unsigned["erasure"] = json!(erasure);
            receipt = self.signer.sign(unsigned);
            receipt.clone()
        })
        .await?;
        Ok(receipt)
    }

    fn receipt(
        &self,
        erased: &Erased,
        archives: &[Value],
        recordings: &BTreeSet<String>,
        objects: &[String],
    ) -> Value {
        let held: Vec<Value> = erased
            .held
            .iter()
            .map(|held| {
                let until = held
                    .retain_until
                    .and_then(|at| Timestamp::from_microsecond(at.unix_micros()).ok());
                json!({ "call": held.call, "atLeastUntil": until.map(|at| at.to_string()) })
            })
            .collect();
        // The receipt is kept, so it names nothing that names the person.
        let names = |text: &str| erased.traces.iter().any(|trace| contains(text, trace));
        let tellable = |url: &&String| !names(url);
        let deleted: Vec<&String> = objects.iter().filter(tellable).collect();
        let elsewhere: Vec<&String> = recordings
            .iter()
            .filter(|url| !objects.contains(url))
            .filter(tellable)
            .collect();
        json!({
            "kind": "erasure",
            "tenant": self.name.as_str(),
            "at": Timestamp::now().to_string(),
            "requestedBy": (!names(self.requested_by)).then_some(self.requested_by),
            "dryRun": self.dry,
            "rows": erased.rows,
            "rowsWithTraces": erased.scrubbed,
            "recordingsDeleted": deleted,
            "recordingsToDelete": elsewhere,
            "mediaNodesToConfirm": erased.nodes,
            "archivesRewritten": archives,
            "archivesLookedAt": self.vault.is_some(),
            "keptUnderLegalHold": held,
            "keptAsHash": ["dnc_list_entries", "consent_tokens", "campaign_recipients", "erasures"],
        })
    }

    /// Finds the archives with rows of the person, and of those rows what is to be known beside.
    async fn search<'b>(
        &self,
        vault: Vault<'_>,
        kept: &'b [Manifest],
        person: &mut Person<'_>,
    ) -> Result<Vec<&'b Manifest>, Error> {
        let mut found = Vec::new();
        // What others refer to first, whose rows tell which rows of others are the person's.
        for pass in [&["calls"][..], &["conversations"], &[]] {
            for manifest in kept {
                let is_now = match pass {
                    [] => !["calls", "conversations"].contains(&manifest.table.as_str()),
                    of => of.contains(&manifest.table.as_str()),
                };
                if !is_now {
                    continue;
                }
                let Some((_, mut sheet)) = vault.read(self.tenant, manifest).await? else {
                    continue;
                };
                if person.take(&manifest.table, &mut sheet) > 0 {
                    found.push(manifest);
                }
            }
        }
        Ok(found)
    }

    /// Takes the person out of the archives that [`Self::search`] found; says how many rows each lost or
    /// has otherwise. What others refer to last: a run that ends in between finds the rest by it.
    async fn take(
        &self,
        vault: Vault<'_>,
        found: &[&Manifest],
        person: &mut Person<'_>,
    ) -> Result<Vec<Value>, Error> {
        let mut written = Vec::new();
        for manifest in found.iter().rev() {
            let Some((name, mut sheet)) = vault.read(self.tenant, manifest).await? else {
                continue;
            };
            let rows = person.take(&manifest.table, &mut sheet);
            if !self.dry {
                self.rewrite(vault, manifest, name, &sheet).await?;
            }
            written.push(json!({
                "table": manifest.table, "manifest": manifest.id, "rows": rows,
            }));
        }
        Ok(written)
    }

    /// Deletes the audio in the storage; says which.
    async fn delete_audio(
        &self,
        vault: Vault<'_>,
        kept: &[Manifest],
        recordings: &BTreeSet<String>,
    ) -> Result<Vec<String>, Error> {
        let archives = names(Some(vault), kept);
        let mut deleted = Vec::new();
        for url in recordings {
            if let Place::Storage(name) = Place::of(Some(vault), self.tenant, &archives, url)
                && !self.dry
            {
                vault.storage.delete(name).await?;
                deleted.push(url.clone());
            }
        }
        Ok(deleted)
    }

    /// Writes an archive without the rows under a new name, and deletes the old one once the manifest
    /// names the new.
    async fn rewrite(
        &self,
        vault: Vault<'_>,
        manifest: &Manifest,
        name: &str,
        sheet: &Sheet,
    ) -> Result<(), Error> {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let next = format!("{folder}/{}-e.csv.gz", Uuid::now_v7());
        let stored = vault
            .storage
            .put(vault.keys, self.tenant, &next, &pack(&sheet.to_csv()))
            .await?;
        let object = NewManifest {
            rows: i64::try_from(sheet.rows.len()).unwrap_or(i64::MAX),
            url: vault.storage.url_of(&next),
            sha256: stored.sha256,
            key: stored.key.uuid(),
        };
        manifests::replace(self.database, self.fence, manifest.id, &object).await?;
        vault.storage.delete(name).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_signed_over_what_it_says() {
        let signer = Signer::new(b"secret").unwrap();
        let signed = signer.sign(json!({ "rows": { "calls": 1 } }));
        let key = STANDARD
            .decode(signed["publicKey"].as_str().unwrap())
            .unwrap();
        let signature = STANDARD
            .decode(signed["signature"].as_str().unwrap())
            .unwrap();
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key);
        key.verify(br#"{"rows":{"calls":1}}"#, &signature).unwrap();
        key.verify(br#"{"rows":{"calls":2}}"#, &signature)
            .unwrap_err();
    }
}
