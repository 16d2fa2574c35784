//! Writing, reading back, reading and deleting objects.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use callplane_keys::{KeyId, KeyRing, Place};
use callplane_types::TenantId;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use zeroize::Zeroizing;

use crate::open::open;
use crate::{Error, Result};

/// Octets of one object at most: it is sealed at once, in memory.
pub const MAX_LEN: usize = 256 << 20;

/// A place for encrypted objects. Cheap to clone.
#[derive(Clone)]
pub struct ObjectStorage {
    pub(crate) store: Arc<dyn ObjectStore>,
    root: Path,
    url: String,
}

/// An object that was written and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Of the sealed octets.
    pub sha256: [u8; 32],
    /// Sealed octets.
    pub len: u64,
    /// The key that opens it.
    pub key: KeyId,
}

impl ObjectStorage {
    /// Opens `file:///FOLDER` or `s3://BUCKET/PREFIX`. Asks nothing of the storage yet, except whether
    /// the folder is there.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::NoFolder`].
    pub fn open(url: &str) -> Result<Self> {
        let (store, root) = open(url)?;
        Ok(Self {
            store,
            root,
            url: url.trim_end_matches('/').to_owned(),
        })
    }

    /// Uses a storage that was made elsewhere: tests bring one that fails.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>, url: &str) -> Self {
        Self {
            store,
            root: Path::default(),
            url: url.to_owned(),
        }
    }

    /// Where an object is, for people: the URL of the storage and the name.
    #[must_use]
    pub fn url_of(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// The name in a URL of [`Self::url_of`]; `None` for an object of another storage.
    #[must_use]
    pub fn name_of<'a>(&self, url: &'a str) -> Option<&'a str> {
        url.strip_prefix(&self.url)?.strip_prefix('/')
    }

    /// Seals `content` for `tenant` and `name`, writes it, reads it back and opens it. On any error
    /// nothing may be relied on; writing the same name again replaces what is there.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Damaged`], [`Error::Sealed`], [`Error::TooLong`].
    pub async fn put(
        &self,
        keys: &KeyRing,
        tenant: TenantId,
        name: &str,
        content: &[u8],
    ) -> Result<Stored> {
        if content.len() > MAX_LEN {
            return Err(Error::TooLong {
                name: name.to_owned(),
                octets: content.len(),
            });
        }
        let sealed = keys
            .seal(&Place::object(tenant, name, 0), content)
            .map_err(|source| sealed(name, source))?;
        let stored = Stored {
            sha256: sha256(&sealed),
            len: sealed.len() as u64,
            key: keys.sealing(),
        };
        self.store
            .put(&self.path(name), sealed.into())
            .await
            .map_err(|source| storage(name, "written", source))?;
        if *self.get(keys, tenant, name, &stored.sha256).await? != *content {
            return Err(Error::Damaged(name.to_owned()));
        }
        Ok(stored)
    }

    /// Reads an object, compares its SHA-256 with what it was when it was written, and opens it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Storage`], [`Error::Damaged`], [`Error::Sealed`].
    pub async fn get(
        &self,
        keys: &KeyRing,
        tenant: TenantId,
        name: &str,
        expected: &[u8; 32],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let read = |source| storage(name, "read", source);
        let object = self.store.get(&self.path(name)).await.map_err(read)?;
        let octets = object.bytes().await.map_err(read)?;
        if sha256(&octets) != *expected {
            return Err(Error::Damaged(name.to_owned()));
        }
        keys.open(&Place::object(tenant, name, 0), &octets)
            .map_err(|source| sealed(name, source))
    }

    /// Deletes an object; one that is not there is deleted.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn delete(&self, name: &str) -> Result<()> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(storage(name, "deleted", source)),
        }
    }

    /// The names of all objects below `prefix`, which ends at a slash of the names.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let root = self.root.as_ref();
        self.store
            .list(Some(&self.path(prefix)))
            .map_ok(|object| {
                let name = object.location.as_ref();
                let name = name.strip_prefix(root).unwrap_or(name);
                name.trim_start_matches('/').to_owned()
            })
            .try_collect()
            .await
            .map_err(|source| storage(prefix, "listed", source))
    }

    pub(crate) fn path(&self, name: &str) -> Path {
        if self.root.as_ref().is_empty() {
            Path::from(name)
        } else {
            Path::from(format!("{}/{name}", self.root))
        }
    }
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectStorage({})", self.url)
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, octets).as_ref());
    hash
}

pub(crate) fn storage(name: &str, what: &'static str, source: object_store::Error) -> Error {
    match source {
        object_store::Error::NotFound { .. } => Error::NotFound(name.to_owned()),
        source => Error::Storage {
            name: name.to_owned(),
            what,
            source: Box::new(source),
        },
    }
}

fn sealed(name: &str, source: callplane_keys::Error) -> Error {
    Error::Sealed {
        name: name.to_owned(),
        source,
    }
}
