//! Files that are sealed already, in and out piece by piece.

use std::io;
use std::ops::Range;
use std::pin::pin;

use futures::{Stream, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, WriteMultipart};

use crate::storage::storage;
use crate::{Error, ObjectStorage, Result};

/// Octets of a part of an upload; S3 takes no smaller ones but the last.
pub const UPLOAD_PART: usize = 8 << 20;
/// Parts that are on their way at once.
const PARTS_AT_ONCE: usize = 2;

impl ObjectStorage {
    /// Writes `pieces`: at once when there is one and it is shorter than [`UPLOAD_PART`], else in parts, of
    /// which nothing is seen before the last one is there. S3 compares the SHA-256 of each. Writing the same
    /// name again replaces what is there; so does a repetition after an error.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::File`] with that of `pieces`.
    pub async fn upload(
        &self,
        name: &str,
        pieces: impl Stream<Item = io::Result<Vec<u8>>> + Send,
    ) -> Result<()> {
        let mut pieces = pin!(pieces);
        let written = |source| storage(name, "written", source);
        let read = |source| Error::File {
            name: name.to_owned(),
            source,
        };
        let path = self.path(name);
        let first = pieces.try_next().await.map_err(read)?.unwrap_or_default();
        if first.len() < UPLOAD_PART {
            self.store.put(&path, first.into()).await.map_err(written)?;
            return Ok(());
        }
        let upload = self.store.put_multipart(&path).await.map_err(written)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, UPLOAD_PART);
        let mut piece = Some(first);
        while let Some(octets) = piece {
            upload
                .wait_for_capacity(PARTS_AT_ONCE)
                .await
                .map_err(written)?;
            upload.put(octets.into());
            piece = match pieces.try_next().await {
                Ok(piece) => piece,
                Err(error) => {
                    // What came so far would be paid for until somebody tidies up.
                    let _ = upload.abort().await;
                    return Err(read(error));
                }
            };
        }
        // It aborts by itself when a part fails.
        upload.finish().await.map_err(written)?;
        Ok(())
    }

    /// How long an object is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Storage`].
    pub async fn length(&self, name: &str) -> Result<u64> {
        let head = self.store.head(&self.path(name)).await;
        Ok(head.map_err(|source| storage(name, "read", source))?.size)
    }

    /// A part of an object, as it lies there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Storage`].
    pub async fn part(&self, name: &str, part: Range<u64>) -> Result<Vec<u8>> {
        let path: Path = self.path(name);
        let part = self.store.get_range(&path, part).await;
        Ok(part
            .map_err(|source| storage(name, "read", source))?
            .to_vec())
    }
}
