//! MinIO, an object storage that this project did not write.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

const USER: &str = "callplane-test";
const PASSWORD: &str = "not-a-secret";
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of one test, with the bucket `bucket`. Dropping it ends it and removes what it keeps.
#[derive(Debug)]
pub struct MinIo {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl MinIo {
    /// The name of its user.
    pub const USER: &str = USER;
    /// The password of its user.
    pub const PASSWORD: &str = PASSWORD;

    /// Starts one that keeps its objects in `folder`, which need not exist. `None`, and a word about it, where MinIO is
    /// not installed. Blocks.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn start(folder: PathBuf) -> Result<Option<Self>> {
        let cache = std::env::var_os("CALLPLANE_CACHE");
        let cache = cache.map_or_else(|| PathBuf::from("/var/cache/callplane"), PathBuf::from);
        let program = cache.join("bin/minio");
        if !program.exists() {
            println!("SKIPPED: MinIO is not installed: make setup");
            return Ok(None);
        }
        // A folder is a bucket.
        std::fs::create_dir_all(folder.join("bucket"))?;
        let port = free_port().context("no port from 5000 to 5999 is free for MinIO")?;
        let process = run(&program, &folder, port)?;
        Ok(Some(Self {
            program,
            folder,
            port,
            process,
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Ends it; what it keeps stays.
    ///
    /// # Errors
    ///
    /// It has ended by itself.
    pub fn stop(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts it again after [`MinIo::stop`], at the same address. Blocks.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.process = run(&self.program, &self.folder, self.port)?;
        Ok(())
    }
}

fn run(program: &PathBuf, folder: &PathBuf, port: u16) -> Result<Child> {
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
        .context("failed to start MinIO")?;
    let since = Instant::now();
    while !is_up(port) {
        ensure!(since.elapsed() < PATIENCE, "MinIO is not up");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
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

/// A port for a server, which stays its own while it is down: none of those that the system gives to whoever asks for any.
fn free_port() -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let of_process = (std::process::id() % 100) as u16 * 10;
    (0..1_000)
        .map(|_| 5_000 + (of_process + NEXT.fetch_add(1, Ordering::Relaxed)) % 1_000)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}
