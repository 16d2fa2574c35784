//! Call records on disk until PostgreSQL has them.
//!
//! One file a record, named by the call: written beside, flushed to the disk, renamed, and the
//! folder flushed, so that after a power cut a record is there whole or not at all. Delivery may
//! happen twice; the store takes a record once. That is why removing a record is not flushed: at
//! worst it is delivered again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callplane_store::records::CallRecord;
use callplane_types::CallId;
use serde_json::error::Category;

/// The folder. **A record is on the disk when [`Spool::put`] returns, and until
/// [`Spool::remove`] is called.** Everything here blocks.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    folder: PathBuf,
    /// Held while names change, and while a record is read to be written again: whoever looks for a record
    /// finds it under one of its names, and nobody brings back what another took out of it.
    names: Arc<Mutex<()>>,
    /// Tells halves that are written at the same time apart.
    halves: Arc<AtomicU64>,
}

impl Spool {
    /// Opens the folder, creating it if need be. Halves of records that a crash left are removed,
    /// and dead letters get another try: the reason may have been in the database.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "partial") {
                fs::remove_file(path)?;
            }
        }
        let spool = Self {
            folder: folder.to_owned(),
            names: Arc::default(),
            halves: Arc::default(),
        };
        spool.offer_again(Duration::ZERO)?;
        Ok(spool)
    }

    /// Puts dead letters that have lain for `longer` among those that wait.
    pub(crate) fn offer_again(&self, longer: Duration) -> io::Result<()> {
        let _names = self.names();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|e| e != "refused") {
                continue;
            }
            let reason = path.with_extension("reason");
            // A letter without a reason, or from a clock that was set, has lain long enough.
            let lain = fs::metadata(&reason)
                .and_then(|metadata| metadata.modified())
                .ok()
                .and_then(|since| since.elapsed().ok());
            if lain.is_none_or(|lain| lain >= longer) {
                fs::rename(&path, path.with_extension("json"))?;
                // Without its letter it says nothing; the next refusal replaces it.
                let _ = fs::remove_file(reason);
            }
        }
        Ok(())
    }

    /// Keeps a record. A record of the same call is replaced.
    pub(crate) fn put(&self, record: &CallRecord) -> io::Result<()> {
        let bytes = serde_json::to_vec(record)?;
        let half = self.write_half(&bytes)?;
        let names = self.names();
        half.become_file(&self.path(record.call.id))?;
        drop(names);
        self.flush()
    }

    /// Writes a file of the folder again, whole or not at all. Names are held by the caller.
    pub(super) fn replace(
        &self,
        _names: &MutexGuard<'_, ()>,
        path: &Path,
        bytes: &[u8],
    ) -> io::Result<()> {
        self.write_half(bytes)?.become_file(path)?;
        self.flush()
    }

    fn write_half(&self, bytes: &[u8]) -> io::Result<Half> {
        let number = self.halves.fetch_add(1, Ordering::Relaxed);
        let half = Half(self.folder.join(format!("{number}.partial")));
        let mut file = File::create(&half.0)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(half)
    }

    fn flush(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    /// Keeps all names as they are until it is dropped.
    pub(super) fn names(&self) -> MutexGuard<'_, ()> {
        // It guards files, which are whole whoever panicked.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of records and of dead letters.
    pub(super) fn files(&self) -> io::Result<Vec<(CallId, PathBuf)>> {
        let _names = self.names();
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_record = path
                .extension()
                .is_some_and(|e| e == "json" || e == "refused");
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if is_record && let Some(call) = stem.and_then(|stem| stem.parse().ok()) {
                files.push((call, path));
            }
        }
        Ok(files)
    }

    /// Reads a record; `None` when it is not there any more. [`is_damaged`] tells whether an error
    /// is about the record or about the moment.
    pub(crate) fn get(&self, call: CallId) -> io::Result<Option<CallRecord>> {
        match fs::read(self.path(call)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| without_value(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Spool::get`], with the record changed: the spool has it so too, however long it stays.
    pub(crate) fn amend<E>(
        &self,
        call: CallId,
        change: impl FnOnce(&mut CallRecord) -> Result<(), E>,
    ) -> io::Result<Option<Result<CallRecord, E>>> {
        let names = self.names();
        let Some(spooled) = self.get(call)? else {
            return Ok(None);
        };
        let mut record = spooled.clone();
        if let Err(error) = change(&mut record) {
            return Ok(Some(Err(error)));
        }
        if record != spooled
            && let Err(error) = serde_json::to_vec(&record)
                .map_err(io::Error::from)
                .and_then(|bytes| self.replace(&names, &self.path(call), &bytes))
        {
            tracing::warn!(call.id = %call, %error, "failed to write a changed call record to the spool; only the database gets it so");
        }
        Ok(Some(Ok(record)))
    }

    /// Forgets a record that is stored elsewhere now.
    pub(crate) fn remove(&self, call: CallId) -> io::Result<()> {
        let _names = self.names();
        match fs::remove_file(self.path(call)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes a record a dead letter, `<call>.refused`, with a sentence about why beside it,
    /// `<call>.reason`, until it is offered again.
    pub(crate) fn set_aside(&self, call: CallId, sentence: &str) -> io::Result<()> {
        let _names = self.names();
        let path = self.path(call);
        fs::write(path.with_extension("reason"), format!("{sentence}\n"))?;
        fs::rename(&path, path.with_extension("refused"))
    }

    /// The calls whose records wait, oldest first: call identifiers begin with their time.
    pub(crate) fn waiting(&self) -> io::Result<Vec<CallId>> {
        let files = self.files()?.into_iter();
        let mut calls: Vec<CallId> = files
            .filter(|(_, path)| path.extension().is_some_and(|e| e == "json"))
            .map(|(call, _)| call)
            .collect();
        calls.sort_unstable();
        Ok(calls)
    }

    /// Where the record of a call waits.
    pub(super) fn path(&self, call: CallId) -> PathBuf {
        self.folder.join(format!("{call}.json"))
    }
}

/// A file that is not a record yet. It goes when it does not become one: it may say who called.
struct Half(PathBuf);

impl Half {
    fn become_file(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        // Gone already when it became a file.
        let _ = fs::remove_file(&self.0);
    }
}

/// Where a record does not read. What serde itself says may quote the value that it did not want: a
/// number, or what somebody said.
fn without_value(error: &serde_json::Error) -> io::Error {
    let kind = match error.classify() {
        Category::Io => io::ErrorKind::Other,
        Category::Eof => io::ErrorKind::UnexpectedEof,
        Category::Syntax | Category::Data => io::ErrorKind::InvalidData,
    };
    let (line, column) = (error.line(), error.column());
    io::Error::new(
        kind,
        format!("no call record at line {line}, column {column}"),
    )
}

/// Whether the error of [`Spool::get`] says that the file is no record, as opposed to a disk or a
/// process in trouble.
pub(crate) fn is_damaged(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use callplane_store::records::Call;
    use callplane_types::{Direction, TenantId, WallTime};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_dead_letter_lies_with_its_reason_until_it_is_offered_again() {
        let folder = std::env::temp_dir().join(format!("callplane-spool-{}", Uuid::now_v7()));
        let spool = Spool::open(&folder).unwrap();
        let call = CallId::new(Uuid::now_v7());
        fs::write(spool.path(call), "{}").unwrap();
        spool.set_aside(call, "invalid call.outcome").unwrap();
        assert_eq!(spool.waiting().unwrap(), []);
        let reason = spool.path(call).with_extension("reason");
        assert_eq!(
            fs::read_to_string(&reason).unwrap(),
            "invalid call.outcome\n"
        );
        spool.offer_again(Duration::from_secs(600)).unwrap();
        assert_eq!(spool.waiting().unwrap(), []);
        let spool = Spool::open(&folder).unwrap();
        assert_eq!(spool.waiting().unwrap(), [call]);
        assert!(!reason.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_record_that_does_not_read_is_told_without_what_it_says() {
        let folder = std::env::temp_dir().join(format!("callplane-spool-{}", Uuid::now_v7()));
        let spool = Spool::open(&folder).unwrap();
        let call = CallId::new(Uuid::now_v7());
        for (damaged, kind) in [
            (r#"{"call": "+15551230001"}"#, io::ErrorKind::InvalidData),
            (
                r#"{"call": {"id": "+15551230001"}}"#,
                io::ErrorKind::InvalidData,
            ),
            (r#"{"call": {"id": "+155512"#, io::ErrorKind::UnexpectedEof),
        ] {
            fs::write(spool.path(call), damaged).unwrap();
            let error = spool.get(call).unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(is_damaged(&error));
            let said = format!("{error} {error:?}");
            assert!(!said.contains("1555"), "{said}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_record_that_finds_no_room_leaves_nothing_of_itself() {
        let folder = std::env::temp_dir().join(format!("callplane-spool-{}", Uuid::now_v7()));
        let spool = Spool::open(&folder).unwrap();
        let id = CallId::new(Uuid::now_v7());
        // What is in the way: a file does not become a folder.
        fs::create_dir(spool.path(id)).unwrap();
        let (tenant, at) = (TenantId::new(Uuid::nil()), WallTime::from_unix_micros(0));
        let call = Call::begin(id, tenant, Direction::Inbound, at);
        spool.put(&CallRecord::new(call)).unwrap_err();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
