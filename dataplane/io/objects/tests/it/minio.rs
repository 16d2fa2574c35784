//! S3 as MinIO speaks it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use callplane_objects::{Error, ObjectStorage};
use object_store::RetryConfig;
use object_store::aws::{AmazonS3Builder, Checksum};
use uuid::Uuid;

use crate::upload::goes_in_and_comes_out;
use crate::{keys, tenant};

const USER: &str = "callplane-test";
const PASSWORD: &str = "not-a-secret";

/// A server of one test, with a bucket.
struct MinIo {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl MinIo {
    /// `None`, and a word about it, where MinIO is not installed.
    fn start() -> Option<Self> {
        let cache = std::env::var_os("CALLPLANE_CACHE");
        let cache = cache.map_or_else(|| PathBuf::from("/var/cache/callplane"), PathBuf::from);
        let program = cache.join("bin/minio");
        if !program.exists() {
            println!("SKIPPED: MinIO is not installed: make setup");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("callplane-minio-{}", Uuid::now_v7()));
        // A folder is a bucket.
        std::fs::create_dir_all(folder.join("bucket")).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Self::run(&program, &folder, port);
        Some(Self {
            program,
            folder,
            port,
            process,
        })
    }

    fn run(program: &PathBuf, folder: &PathBuf, port: u16) -> Child {
        let child = Command::new(program)
            .args(["server", "--quiet", "--address"])
            .arg(format!("127.0.0.1:{port}"))
            .args(["--console-address", "127.0.0.1:0"])
            .arg(folder)
            .env("MINIO_ROOT_USER", USER)
            .env("MINIO_ROOT_PASSWORD", PASSWORD)
            .env("MINIO_UPDATE", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let since = Instant::now();
        while !is_up(port) {
            assert!(since.elapsed() < Duration::from_secs(30), "MinIO is not up");
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn restart(&mut self) {
        self.process = Self::run(&self.program, &self.folder, self.port);
    }

    /// As `ObjectStorage::open` makes it, which takes the rest from the environment.
    fn storage(&self, password: &str) -> ObjectStorage {
        let store = AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_endpoint(format!("http://127.0.0.1:{}", self.port))
            .with_region("us-east-1")
            .with_access_key_id(USER)
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
}

/// Whether it says so. That somebody accepts is not enough: a socket may connect to itself on a free port.
fn is_up(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let request = "GET /minio/health/live HTTP/1.1\r\nHost: minio\r\n\r\n";
    let wanted = b"HTTP/1.1 200";
    let mut answer = [0; 12];
    let asked = stream.set_read_timeout(Some(Duration::from_secs(2)));
    asked
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.read_exact(&mut answer))
        .is_ok_and(|()| answer == *wanted)
}

impl Drop for MinIo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn objects_and_long_files_go_into_a_bucket_and_come_back() {
    let Some(minio) = MinIo::start() else {
        return;
    };
    let storage = minio.storage(PASSWORD);
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
    let Some(mut minio) = MinIo::start() else {
        return;
    };
    let wrong = minio.storage("wrong-password");
    let refused = wrong.put(&keys(), tenant(), "x", b"content").await;
    assert!(matches!(refused, Err(Error::Storage { .. })), "{refused:?}");
    let storage = minio.storage(PASSWORD);
    minio.stop();
    let down = storage.put(&keys(), tenant(), "x", b"content").await;
    assert!(matches!(down, Err(Error::Storage { .. })), "{down:?}");
    minio.restart();
    storage
        .put(&keys(), tenant(), "x", b"content")
        .await
        .unwrap();
}
