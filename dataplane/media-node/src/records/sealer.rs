//! Sealing records of a tenant whose transcripts are encrypted. **What such a tenant's callers say is in
//! clear nowhere but in the memory of the node that carries the call.**

use std::sync::{Arc, Mutex, PoisonError};

use callplane_store::records::{CallEvent, CallRecord, has_clear_words, seal, take_words_out};
use callplane_store::tenants::Transcripts;
use serde_json::json;
use tokio::sync::watch;

use crate::keys::TenantKeys;
use crate::routing::Directory;

/// Why a record cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CannotSeal {
    /// The Secret has none.
    #[error("there are no data keys")]
    NoKeys,
    /// The key does not.
    #[error(transparent)]
    Keys(#[from] callplane_keys::Error),
}

/// Seals what is said with the tenant's key, when the tenant asks for it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sealer {
    keys: TenantKeys,
    directory: watch::Receiver<Arc<Directory>>,
    /// The directory that said less than the database did.
    outdated: Arc<Mutex<Option<Arc<Directory>>>>,
}

impl Sealer {
    pub(crate) fn new(keys: TenantKeys, directory: watch::Receiver<Arc<Directory>>) -> Self {
        Self {
            keys,
            directory,
            outdated: Arc::default(),
        }
    }

    /// The database has refused clear words: seals until another directory is read.
    pub(super) fn heed(&self) {
        let outdated = Some(Arc::clone(&self.directory.borrow()));
        *self.outdated.lock().unwrap_or_else(PoisonError::into_inner) = outdated;
    }

    /// Whether what is said in a call that begins now can be kept as the tenant asks. Without keys no
    /// call of such a tenant is taken: its words could only be lost or be in clear.
    pub(crate) fn can_keep(&self) -> bool {
        match self.transcripts() {
            Transcripts::Clear => true,
            Transcripts::Encrypted => self.keys.can_seal(),
        }
    }

    /// Seals the record if the tenant asks for it now; else, or with an error, it is in clear.
    pub(super) fn seal(&self, record: &mut CallRecord) -> Result<(), CannotSeal> {
        if self.transcripts() == Transcripts::Clear || !has_clear_words(record) {
            return Ok(());
        }
        let ring = self.keys.ring().ok_or(CannotSeal::NoKeys)?;
        Ok(seal(record, &ring)?)
    }

    /// Makes the record of a call one that may lie on a disk. What cannot be sealed is left out, and the
    /// record says so: that takes a key that the calls which run have used up.
    pub(super) fn close(&self, record: &mut CallRecord) {
        let Err(error) = self.seal(record) else {
            return;
        };
        tracing::error!(call.id = %record.call.id, %error, "failed to seal what was said in a call; it is left out of its record");
        take_words_out(record);
        record.events.push(CallEvent {
            event_type: "transcript_lost".to_owned(),
            at: record.call.ended_at.unwrap_or(record.call.initiated_at),
            from_status: None,
            to_status: None,
            metadata: json!({"message": error.to_string()}),
        });
    }

    fn transcripts(&self) -> Transcripts {
        let directory = self.directory.borrow();
        let outdated = self.outdated.lock().unwrap_or_else(PoisonError::into_inner);
        match outdated.as_ref() {
            Some(outdated) if Arc::ptr_eq(outdated, &directory) => Transcripts::Encrypted,
            _ => directory.transcripts(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use callplane_store::records::{Call, Spoken, Transcription};
    use callplane_types::{CallId, Direction, TenantId, WallTime};
    use uuid::Uuid;

    use super::*;
    use crate::keys::KeyFile;

    fn said() -> CallRecord {
        let now = WallTime::from_unix_micros(1_700_000_000_000_000);
        let (call, tenant) = (CallId::new(Uuid::now_v7()), TenantId::new(Uuid::nil()));
        let mut record = CallRecord::new(Call::begin(call, tenant, Direction::Inbound, now));
        record.transcription = Some(Transcription {
            id: Uuid::now_v7(),
            provider: None,
            model: None,
            language: None,
            text: Spoken::clear("open sesame".to_owned()),
            segments: Spoken::clear(json!([])),
            confidence_percent: None,
        });
        record
    }

    #[test]
    fn words_that_nothing_can_seal_are_left_out_and_the_record_says_so() {
        let keys = TenantKeys::open(
            &std::env::temp_dir().join(Uuid::now_v7().to_string()),
            KeyFile::Columns,
        );
        for (transcripts, lost) in [(Transcripts::Clear, false), (Transcripts::Encrypted, true)] {
            let directory = Directory::new(
                Vec::new(),
                Vec::new(),
                HashMap::new(),
                None,
                true,
                transcripts,
            );
            let (_published, directory) = watch::channel(Arc::new(directory));
            let sealer = Sealer::new(keys.clone(), directory);
            assert_eq!(sealer.can_keep(), !lost);
            let mut record = said();
            sealer.close(&mut record);
            assert_eq!(has_clear_words(&record), !lost);
            let written = serde_json::to_string(&record).unwrap();
            assert_eq!(written.contains("sesame"), !lost);
            assert_eq!(written.contains("transcript_lost"), lost);
        }
    }
}
