//! Erasing a person: from the database, from archives, and their recordings.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callplane_store::erasure::{self, Erased, Subject};
use callplane_store::retention::manifests::{self, Manifest, NewManifest};
use callplane_store::{Fence, OperatorDatabase};
use callplane_types::{TenantId, TenantName};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::csv::{Sheet, pack, unpack};
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
        let (database, fence, tenant) = (self.database, self.fence, self.tenant);
        // Who it is, before anything changes.
        let found =
            erasure::erase(database, fence, tenant, self.subject, true, |_| json!({})).await?;
        let mut archives = Vec::new();
        let mut objects = Vec::new();
        if let Some(vault) = self.vault {
            archives = self.archives(vault, &found.traces).await?;
            for url in &found.recordings {
                if let (Some(name), false) = (vault.storage.name_of(url), self.dry) {
                    vault.storage.delete(name).await?;
                    objects.push(url.clone());
                }
            }
        }
        let mut receipt = Value::Null;
        erasure::erase(database, fence, tenant, self.subject, self.dry, |erased| {
            receipt = self.signer.sign(self.receipt(erased, &archives, &objects));
            receipt.clone()
        })
        .await?;
        Ok(receipt)
    }

    fn receipt(&self, erased: &Erased, archives: &[Value], objects: &[String]) -> Value {
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
        let tellable = |url: &&String| !erased.traces.iter().any(|trace| contains(url, trace));
        let deleted: Vec<&String> = objects.iter().filter(tellable).collect();
        let elsewhere: Vec<&String> = erased
            .recordings
            .iter()
            .filter(|url| !objects.contains(url))
            .filter(tellable)
            .collect();
        json!({
            "kind": "erasure",
            "tenant": self.name.as_str(),
            "at": Timestamp::now().to_string(),
            "requestedBy": self.requested_by,
            "dryRun": self.dry,
            "rows": erased.rows,
            "rowsWithTraces": erased.scrubbed,
            "recordingsDeleted": deleted,
            "recordingsToDelete": elsewhere,
            "archivesRewritten": archives,
            "archivesLookedAt": self.vault.is_some(),
            "keptUnderLegalHold": held,
            "keptAsHash": ["dnc_list_entries", "consent_tokens", "campaign_recipients"],
        })
    }

    /// Takes the rows of the person out of the archives; says which it wrote anew, and how many rows
    /// each lost.
    async fn archives(&self, vault: Vault<'_>, traces: &[String]) -> Result<Vec<Value>, Error> {
        let kept = manifests::kept(self.database, self.tenant).await?;
        let mut calls = Vec::new();
        let mut conversations = Vec::new();
        let mut written = Vec::new();
        // What others refer to first, whose rows tell which rows of others are the person's.
        for pass in [&["calls"][..], &["conversations"], &[]] {
            for manifest in &kept {
                let is_now = match pass {
                    [] => !["calls", "conversations"].contains(&manifest.table.as_str()),
                    of => of.contains(&manifest.table.as_str()),
                };
                // Under the name it was sealed for; another storage's is not ours to reach.
                let Some(name) = vault.storage.name_of(&manifest.url).filter(|_| is_now) else {
                    continue;
                };
                let packed = vault
                    .storage
                    .get(vault.keys, self.tenant, name, &manifest.sha256)
                    .await?;
                let sheet = unpack(&packed).and_then(|csv| Sheet::parse(&csv));
                let mut sheet = sheet.ok_or_else(|| Error::Content(manifest.url.clone()))?;
                let gone = take(&mut sheet, traces, &calls, &conversations);
                match manifest.table.as_str() {
                    "calls" => calls.extend(gone.iter().cloned()),
                    "conversations" => conversations.extend(gone.iter().cloned()),
                    _ => {}
                }
                if !gone.is_empty() {
                    if !self.dry {
                        self.rewrite(vault, manifest, name, &sheet).await?;
                    }
                    written.push(json!({
                        "table": manifest.table, "manifest": manifest.id, "rows": gone.len(),
                    }));
                }
            }
        }
        Ok(written)
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
        let next = format!("{folder}/{}-e.csv.gz", uuid::Uuid::now_v7());
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

/// Takes the rows out of a sheet that name the person or belong to a call or conversation of theirs; says
/// their ids.
fn take(
    sheet: &mut Sheet,
    traces: &[String],
    calls: &[String],
    conversations: &[String],
) -> Vec<String> {
    let id = sheet.column("id").unwrap_or_default();
    let (call, conversation) = (sheet.column("call_id"), sheet.column("conversation_id"));
    let of = |row: &[String], column: Option<usize>, ids: &[String]| {
        column.is_some_and(|column| ids.contains(&row[column]))
    };
    let mut gone = Vec::new();
    sheet.rows.retain(|row| {
        let is_theirs = of(row, call, calls)
            || of(row, conversation, conversations)
            || row
                .iter()
                .any(|value| traces.iter().any(|trace| contains(value, trace)));
        if is_theirs {
            gone.push(row[id].clone());
        }
        !is_theirs
    });
    gone
}

/// Whether a text has the number or address in it, and not in a longer number.
fn contains(text: &str, trace: &str) -> bool {
    let digits = trace.strip_prefix('+').unwrap_or(trace);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let (text, digits) = (text.to_lowercase(), digits.to_lowercase());
    text.match_indices(&digits).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !is_number || ![before, after].iter().flatten().any(char::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written_and_not_in_a_longer_one() {
        for text in ["+15557000001", "sip:15557000001@x", "{\"n\":15557000001}"] {
            assert!(contains(text, "+15557000001"), "{text}");
        }
        for text in ["+155570000012", "915557000001", ""] {
            assert!(!contains(text, "+15557000001"), "{text}");
        }
        assert!(contains("<Jo@Example.com>", "jo@example.com"));
    }

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
