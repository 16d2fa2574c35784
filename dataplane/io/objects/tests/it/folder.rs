//! A folder as storage.

use std::fs;
use std::path::{Path, PathBuf};

use callplane_objects::{Error, ObjectStorage};
use callplane_types::TenantId;
use uuid::Uuid;

use crate::{keys, tenant};

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("callplane-objects-{}", Uuid::now_v7()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn storage(&self) -> ObjectStorage {
        ObjectStorage::open(&format!("file://{}", self.0.display())).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.0).join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const NAME: &str = "archives/calls/202601/1.csv.gz";
const CONTENT: &[u8] = b"id,from_number\n1,+15557000001\n";

#[tokio::test]
async fn an_object_is_enciphered_and_comes_back() {
    let (folder, keys) = (Folder::new(), keys());
    let storage = folder.storage();
    let stored = storage.put(&keys, tenant(), NAME, CONTENT).await.unwrap();
    assert_eq!(stored.key, keys.sealing());
    let octets = fs::read(folder.file(NAME)).unwrap();
    assert_eq!(octets.len() as u64, stored.len);
    assert!(!octets.windows(12).any(|part| part == b"+15557000001"));
    let read = storage.get(&keys, tenant(), NAME, &stored.sha256).await;
    assert_eq!(**read.unwrap(), *CONTENT);
    assert_eq!(storage.list("archives/calls").await.unwrap(), [NAME]);
    let url = storage.url_of(NAME);
    assert_eq!(storage.name_of(&url), Some(NAME));
    assert_eq!(storage.name_of("s3://other/x"), None);
    for _ in 0..2 {
        storage.delete(NAME).await.unwrap();
    }
    let gone = storage.get(&keys, tenant(), NAME, &stored.sha256).await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
}

#[tokio::test]
async fn an_object_that_was_changed_moved_or_belongs_to_another_does_not_open() {
    let (folder, own) = (Folder::new(), keys());
    let storage = folder.storage();
    let stored = storage.put(&own, tenant(), NAME, CONTENT).await.unwrap();
    let other_tenant = TenantId::new(Uuid::from_u128(8));
    let foreign = storage.get(&own, other_tenant, NAME, &stored.sha256).await;
    assert!(matches!(foreign, Err(Error::Sealed { .. })), "{foreign:?}");
    let foreign = storage.get(&keys(), tenant(), NAME, &stored.sha256).await;
    assert!(matches!(foreign, Err(Error::Sealed { .. })), "{foreign:?}");
    let moved = "archives/calls/202602/1.csv.gz";
    fs::create_dir_all(folder.file(moved).parent().unwrap()).unwrap();
    fs::copy(folder.file(NAME), folder.file(moved)).unwrap();
    let read = storage.get(&own, tenant(), moved, &stored.sha256).await;
    assert!(matches!(read, Err(Error::Sealed { .. })), "{read:?}");
    let mut octets = fs::read(folder.file(NAME)).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    fs::write(folder.file(NAME), octets).unwrap();
    let read = storage.get(&own, tenant(), NAME, &stored.sha256).await;
    assert!(matches!(read, Err(Error::Damaged(_))), "{read:?}");
}

#[tokio::test]
async fn a_storage_that_is_not_there_is_told_with_what_to_do() {
    for (url, told) in [
        ("file:///no/such/folder", "mount its volume there"),
        ("gopher://x", "write file:///FOLDER or s3://BUCKET/PREFIX"),
        ("nothing", "write file:///FOLDER or s3://BUCKET/PREFIX"),
    ] {
        let error = ObjectStorage::open(url).unwrap_err().to_string();
        assert!(error.contains(told), "{url}: {error}");
    }
}
