//! An object storage in memory that fails or falls silent when it is told to.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;

const NEVER: i64 = -1;

#[derive(Debug)]
pub(crate) struct Flaky {
    memory: InMemory,
    /// Operations until the storage is silent.
    until_silent: AtomicI64,
    /// Operations until it is full.
    until_full: AtomicI64,
    /// It fell silent.
    pub(crate) silent: Notify,
    /// The operation that does not end goes on.
    pub(crate) resume: Notify,
}

impl Default for Flaky {
    fn default() -> Self {
        Self {
            memory: InMemory::new(),
            until_silent: AtomicI64::new(NEVER),
            until_full: AtomicI64::new(NEVER),
            silent: Notify::new(),
            resume: Notify::new(),
        }
    }
}

impl Flaky {
    /// The operation after so many does not end.
    pub(crate) fn silent_after(&self, operations: i64) {
        self.until_silent.store(operations, Ordering::SeqCst);
    }

    /// Nothing is written after so many operations.
    pub(crate) fn full_after(&self, operations: i64) {
        self.until_full.store(operations, Ordering::SeqCst);
    }

    pub(crate) fn well(&self) {
        self.silent_after(NEVER);
        self.full_after(NEVER);
    }

    async fn operation(&self) {
        if passed(&self.until_silent) {
            self.silent.notify_one();
            self.resume.notified().await;
        }
    }
}

/// Counts down; whether it was at the end.
fn passed(counter: &AtomicI64) -> bool {
    let left = counter.load(Ordering::SeqCst);
    if left > 0 {
        counter.store(left - 1, Ordering::SeqCst);
    }
    left == 0
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.operation().await;
        if passed(&self.until_full) {
            return Err(Error::Generic {
                store: "Flaky",
                source: "no space left on device".into(),
            });
        }
        self.memory.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.memory.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.operation().await;
        self.memory.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.memory.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.memory.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.memory.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.memory.copy_opts(from, to, options).await
    }
}
