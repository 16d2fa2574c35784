//! An object of an object storage as a file that is read.

use std::io::{self, Read, Seek, SeekFrom};

use callplane_objects::{Error, ObjectStorage};
use tokio::runtime::Handle;

/// How much is asked for at once: who reads a recording reads on, and a request takes longer than its octets.
const AHEAD: u64 = 64 << 10;

/// Reads an object. **It blocks**, so it belongs on a thread that may.
pub(crate) struct RemoteFile {
    storage: ObjectStorage,
    name: String,
    length: u64,
    position: u64,
    /// What came with the last request, and from where on.
    fetched: (u64, Vec<u8>),
    runtime: Handle,
}

impl RemoteFile {
    /// Asks how long the object is; called on the runtime that will do the asking.
    pub(crate) async fn open(storage: ObjectStorage, name: String) -> Result<Self, Error> {
        Ok(Self {
            length: storage.length(&name).await?,
            storage,
            name,
            position: 0,
            fetched: (0, Vec::new()),
            runtime: Handle::current(),
        })
    }
}

impl RemoteFile {
    /// Of the object.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What was fetched from the position on.
    fn at_hand(&self) -> &[u8] {
        let (from, octets) = &self.fetched;
        let at = self.position.checked_sub(*from);
        let at = at.and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| octets.get(at..)).unwrap_or_default()
    }
}

impl Read for RemoteFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || out.is_empty() {
            return Ok(0);
        }
        if self.at_hand().is_empty() {
            let wanted = AHEAD.max(out.len() as u64);
            let end = self.position.saturating_add(wanted).min(self.length);
            let part = self.storage.part(&self.name, self.position..end);
            let octets = self.runtime.block_on(part).map_err(io::Error::other)?;
            self.fetched = (self.position, octets);
        }
        let octets = self.at_hand();
        let length = octets.len().min(out.len());
        out[..length].copy_from_slice(&octets[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for RemoteFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
