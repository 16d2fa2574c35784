//! The server process: made in a temporary folder, gone when the test process is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::migrate::BOOTSTRAP;

/// Password of `callplane_operator` on these servers.
const OPERATOR_PASSWORD: &str = "operator";

/// Why there is no server.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct HarnessError(pub(super) String);

impl HarnessError {
    pub(super) fn new(what: impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl From<crate::Error> for HarnessError {
    fn from(error: crate::Error) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self(text)
    }
}

/// How a server weighs speed against a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// Flushes nothing to the disk: for tests.
    Fast,
    /// Flushes as a server in production does, with memory for a million calls: for figures.
    Durable,
    /// As [`Settings::Fast`], and hands its log to an `archive_command`, which the test sets.
    Archiving,
}

impl Settings {
    /// Lines of `postgresql.conf`.
    const fn text(self) -> &'static str {
        match self {
            Self::Fast => "fsync = off\nfull_page_writes = off\nshared_buffers = 64MB",
            Self::Archiving => {
                "fsync = off\nfull_page_writes = off\nshared_buffers = 64MB\narchive_mode = on"
            }
            Self::Durable => {
                "shared_buffers = 1GB\neffective_cache_size = 3GB\nwork_mem = 16MB\n\
                 maintenance_work_mem = 256MB\nmax_wal_size = 4GB\nwal_compression = on\n\
                 random_page_cost = 1.1\ncheckpoint_timeout = 15min"
            }
        }
    }
}

/// A running PostgreSQL that nobody else uses.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Holds the server: when its standard input ends, because we dropped it or died, it stops the
    /// server and removes the folder.
    guardian: Mutex<Child>,
    /// Databases are made one after the other: the first makes the roles.
    bootstrap: Mutex<()>,
}

impl PostgresServer {
    /// The server of this test binary, started at the first call.
    pub fn shared() -> Result<&'static Self, HarnessError> {
        static SHARED: OnceLock<Result<PostgresServer, HarnessError>> = OnceLock::new();
        SHARED
            .get_or_init(Self::start)
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Starts a server of one's own. Takes about a second.
    pub fn start() -> Result<Self, HarnessError> {
        Self::start_with(Settings::Fast)
    }

    /// [`PostgresServer::start`] with other settings.
    pub fn start_with(settings: Settings) -> Result<Self, HarnessError> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let programs = find_programs()?;
        let folder = std::env::temp_dir().join(format!(
            "callplane-pg-{}-{}",
            std::process::id(),
            SERIAL.fetch_add(1, Ordering::Relaxed)
        ));
        let port = free_port()?;
        let mut command = match unprivileged_user()? {
            // PostgreSQL refuses to run as root.
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
                    .arg("sh");
                command
            }
            None => Command::new("sh"),
        };
        let mut guardian = command
            .args(["-c", GUARDIAN, "guardian"])
            .arg(&folder)
            .arg(port.to_string())
            .arg(settings.text())
            .env("PATH", path_with(&programs))
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| HarnessError::new(format!("cannot start a shell: {error}")))?;
        let mut line = String::new();
        if let Some(stdout) = guardian.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(HarnessError::new)?;
        }
        if line.trim() != "ready" {
            return Err(HarnessError::new(format!(
                "PostgreSQL did not start in {}; what it said is above",
                folder.display()
            )));
        }
        Ok(Self {
            programs,
            folder,
            port,
            guardian: Mutex::new(guardian),
            bootstrap: Mutex::new(()),
        })
    }

    /// Its TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// URL of a database as the operator.
    #[must_use]
    pub fn operator_url(&self, database: &str) -> String {
        format!(
            "postgres://callplane_operator:{OPERATOR_PASSWORD}@127.0.0.1:{}/{database}?sslmode=disable",
            self.port
        )
    }

    /// Runs a program of PostgreSQL (`pgbench`, `pg_dump`) against a database as superuser and returns
    /// what it prints. Blocks.
    pub fn program(
        &self,
        name: &str,
        database: &str,
        arguments: &[&str],
    ) -> Result<String, HarnessError> {
        let output = Command::new(self.programs.join(name))
            .args(["--username", "postgres", "--port", &self.port.to_string()])
            .arg("--host")
            .arg(&self.folder)
            .args(arguments)
            .arg(database)
            .env("LC_ALL", "C")
            .output()
            .map_err(HarnessError::new)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(HarnessError::new(format!(
                "{name} failed: {}",
                String::from_utf8_lossy(&output.stderr)
            )))
        }
    }

    /// URL of a database as superuser: for what a test does behind the store's back.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@localhost/{database}?host={}&port={}",
            self.folder.display(),
            self.port
        )
    }

    /// Runs `bootstrap.sql` for a new database, as an administrator would.
    pub fn bootstrap(&self, database: &str) -> Result<(), HarnessError> {
        let _one_at_a_time = self.bootstrap.lock().map_err(HarnessError::new)?;
        let mut psql = Command::new(self.programs.join("psql"))
            .args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"])
            .args(["--set", &format!("password={OPERATOR_PASSWORD}")])
            .args(["--set", &format!("database={database}")])
            .args(["--username", "postgres", "--dbname", "postgres"])
            .args(["--port", &self.port.to_string(), "--host"])
            .arg(&self.folder)
            .args(["--file", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(HarnessError::new)?;
        if let Some(mut stdin) = psql.stdin.take() {
            stdin
                .write_all(BOOTSTRAP.as_bytes())
                .map_err(HarnessError::new)?;
        }
        let output = psql.wait_with_output().map_err(HarnessError::new)?;
        if output.status.success() {
            Ok(())
        } else {
            Err(HarnessError::new(format!(
                "bootstrap.sql failed: {}",
                String::from_utf8_lossy(&output.stderr)
            )))
        }
    }

    /// Stops the server at once, as a crash would; [`PostgresServer::resume`] starts it again.
    pub fn crash(&self) -> Result<(), HarnessError> {
        self.control(&["stop", "-m", "immediate"])
    }

    /// Starts a server that [`PostgresServer::crash`] or [`PostgresServer::kill`] ended, on the same port with its data.
    pub fn resume(&self) -> Result<(), HarnessError> {
        let log = self.folder.join("log");
        self.control(&["start", "-w", "-l", &log.display().to_string()])
    }

    /// The folder of its socket, with `data` in it; a test may keep more there. It belongs to the user
    /// of the server and goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program of PostgreSQL's or of the system, run as the user of the server.
    pub fn command(&self, program: &str) -> Result<Command, HarnessError> {
        let mut command = match unprivileged_user()? {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
                    .arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .env("PATH", path_with(&self.programs))
            .env("LC_ALL", "C")
            .current_dir("/");
        Ok(command)
    }

    fn control(&self, arguments: &[&str]) -> Result<(), HarnessError> {
        let status = self
            .command("pg_ctl")?
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(HarnessError::new)?;
        if status.success() {
            Ok(())
        } else {
            Err(HarnessError::new(format!("pg_ctl {arguments:?} failed")))
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Ok(guardian) = self.guardian.get_mut() {
            drop(guardian.stdin.take());
            // It ends by itself; waiting keeps the folder from outliving the test.
            let _ = guardian.wait();
        }
    }
}

/// Runs as long as its standard input is open, whatever signals the terminal sends.
const GUARDIAN: &str = r#"
trap '' INT TERM HUP
folder=$1 port=$2 settings=$3
stop() { pg_ctl -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"; }
mkdir -m 700 "$folder" &&
initdb -D "$folder/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$folder/log" 2>&1 &&
cat >>"$folder/data/postgresql.conf" <<CONF &&
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
max_connections = 200
max_locks_per_transaction = 256
timezone = 'UTC'
$settings
CONF
printf '%s\n' 'local all all trust' 'host all all 127.0.0.1/32 scram-sha-256' >"$folder/data/pg_hba.conf" &&
pg_ctl -D "$folder/data" -w -l "$folder/log" start >/dev/null 2>&1 </dev/null &&
echo ready || { cat "$folder/log" >&2; stop; exit 1; }
exec >/dev/null
cat
stop
"#;

/// Where `initdb` is: Debian keeps the server's programs out of PATH.
fn find_programs() -> Result<PathBuf, HarnessError> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs
                .join("initdb")
                .exists()
                .then_some((version, programs))
        })
        .collect();
    versions.sort();
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    });
    versions
        .pop()
        .map(|(_, programs)| programs)
        .or(on_path)
        .ok_or_else(|| {
            HarnessError::new(
                "no PostgreSQL server found in /usr/lib/postgresql or PATH; install it: apt-get install postgresql",
            )
        })
}

/// Who runs the server when we are root.
fn unprivileged_user() -> Result<Option<&'static str>, HarnessError> {
    let id = |arguments: &[&str]| {
        Command::new("id")
            .args(arguments)
            .stderr(Stdio::null())
            .output()
            .map_err(HarnessError::new)
    };
    if String::from_utf8_lossy(&id(&["-u"])?.stdout).trim() != "0" {
        return Ok(None);
    }
    // `nobody` has no group of its own name on Debian: the package's user is the way.
    if id(&["-u", "postgres"])?.status.success() {
        Ok(Some("postgres"))
    } else {
        Err(HarnessError::new(
            "PostgreSQL does not run as root and there is no user `postgres`; install the package: apt-get install postgresql",
        ))
    }
}

/// A port for a server, which stays its own while it is down: none of those that the system gives to whoever asks for
/// any.
fn free_port() -> Result<u16, HarnessError> {
    const FIRST: u32 = 6_000;
    const PORTS: u32 = 3_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let of_process = std::process::id() * 30;
    for _ in 0..PORTS {
        let offset = of_process.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let port = u16::try_from(FIRST + offset).map_err(HarnessError::new)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(HarnessError::new(
        "no port from 6000 to 8999 is free for PostgreSQL",
    ))
}

fn path_with(programs: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}
