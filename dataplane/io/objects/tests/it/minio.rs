//! S3 as MinIO speaks it.

use std::sync::Arc;
use std::time::Duration;

use callplane_e2e::MinIo;
use callplane_objects::{Error, ObjectStorage};
use object_store::RetryConfig;
use object_store::aws::{AmazonS3Builder, Checksum};
use uuid::Uuid;

use crate::upload::goes_in_and_comes_out;
use crate::{keys, tenant};

fn start() -> Option<MinIo> {
    let folder = std::env::temp_dir().join(format!("callplane-minio-{}", Uuid::now_v7()));
    MinIo::start(folder).unwrap()
}

/// As `ObjectStorage::open` makes it, which takes the rest from the environment.
fn storage(minio: &MinIo, password: &str) -> ObjectStorage {
    let store = AmazonS3Builder::new()
        .with_bucket_name("bucket")
        .with_endpoint(format!("http://{}", minio.address()))
        .with_region("us-east-1")
        .with_access_key_id(MinIo::USER)
        .with_secret_access_key(password)
        .with_allow_http(true)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_retry(RetryConfig {
            max_retries: 2,
            retry_timeout: Duration::from_secs(5),
            ..RetryConfig::default()
        })
        .build()
        .unwrap();
    ObjectStorage::over(Arc::new(store), "s3://bucket")
}

#[tokio::test]
async fn objects_and_long_files_go_into_a_bucket_and_come_back() {
    let Some(minio) = start() else {
        return;
    };
    let storage = storage(&minio, MinIo::PASSWORD);
    goes_in_and_comes_out(&storage).await;
    let keys = keys();
    let stored = storage.put(&keys, tenant(), "b/sealed", b"content").await;
    let stored = stored.unwrap();
    let read = storage.get(&keys, tenant(), "b/sealed", &stored.sha256);
    assert_eq!(read.await.unwrap().as_slice(), b"content");
    storage.delete("b/sealed").await.unwrap();
    storage.delete("b/sealed").await.unwrap();
    let gone = storage.get(&keys, tenant(), "b/sealed", &stored.sha256);
    assert!(matches!(gone.await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_storage_that_refuses_us_or_is_down_is_told_and_taken_again_when_it_is_back() {
    let Some(mut minio) = start() else {
        return;
    };
    let wrong = storage(&minio, "wrong-password");
    let refused = wrong.put(&keys(), tenant(), "x", b"content").await;
    assert!(matches!(refused, Err(Error::Storage { .. })), "{refused:?}");
    let storage = storage(&minio, MinIo::PASSWORD);
    minio.stop().unwrap();
    let down = storage.put(&keys(), tenant(), "x", b"content").await;
    assert!(matches!(down, Err(Error::Storage { .. })), "{down:?}");
    minio.restart().unwrap();
    storage
        .put(&keys(), tenant(), "x", b"content")
        .await
        .unwrap();
}
