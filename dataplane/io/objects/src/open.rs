//! From a URL to a storage.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use crate::{Error, Result};

/// How long one request to S3 is tried: a job that waits longer has lost its window.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often.
const RETRIES: usize = 4;

/// The storage and the path in it that all objects lie under.
pub(crate) fn open(url: &str) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let parsed = Url::parse(url).map_err(|error| Error::Url(error.to_string()))?;
    match parsed.scheme() {
        "file" => folder(&parsed),
        "s3" => bucket(url, &parsed),
        other => Err(Error::Url(format!("`{other}:` is not known"))),
    }
}

fn folder(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let path = url
        .to_file_path()
        .map_err(|()| Error::Url("file: needs an absolute path".to_owned()))?;
    if !FilePath::new(&path).is_dir() {
        return Err(Error::NoFolder(path.display().to_string()));
    }
    let store = LocalFileSystem::new_with_prefix(&path)
        .map_err(|error| Error::Url(error.to_string()))?
        // An object that was told to be there is there after a power cut too.
        .with_fsync(true);
    Ok((Arc::new(store), Path::default()))
}

/// Credentials, region and endpoint come from the usual variables: `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`, or from the identity of the pod.
fn bucket(url: &str, parsed: &Url) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let wrong = |error: object_store::Error| Error::Url(error.to_string());
    let store = AmazonS3Builder::from_env()
        .with_url(url)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: PATIENCE,
            ..RetryConfig::default()
        })
        .build()
        .map_err(wrong)?;
    let prefix =
        Path::from_url_path(parsed.path()).map_err(|error| Error::Url(error.to_string()))?;
    Ok((Arc::new(store), prefix))
}
