//! A pgBackRest repository of a test server, set up as `migrations/backup` shows it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use callplane_store::backups::{self, Drill, Info, Recorded, Regions};
use callplane_store::test_util::{PostgresServer, TestDatabase};

/// The stanza of the example.
const STANZA: &str = "main";

/// What `pgbackrest` is told about one server.
pub(super) struct Repository<'a> {
    server: &'a PostgresServer,
    config: PathBuf,
}

impl<'a> Repository<'a> {
    /// Sends the server's log to a new repository in its folder, at most `archive_timeout` behind.
    pub(super) async fn create(database: &TestDatabase<'a>, archive_timeout: u32) -> Self {
        let server = database.server;
        let folder = server.folder().display().to_string();
        for made in ["repository", "lock", "spool", "pgbackrest-log"] {
            run(server
                .command("mkdir")
                .unwrap()
                .arg("-m")
                .arg("700")
                .arg(server.folder().join(made)));
        }
        let config = server.folder().join("pgbackrest.conf");
        let text = example("pgbackrest.conf")
            .replace("/var/lib/pgbackrest", &format!("{folder}/repository"))
            .replace("CHANGE-ME\n", "a passphrase of the tests\n")
            .replace("/var/lib/postgresql/15/main", &format!("{folder}/data"))
            .replace("pg1-port=5432", &format!("pg1-port={}\npg1-socket-path={folder}", server.port()))
            .replace(
                "[main]",
                &format!("lock-path={folder}/lock\nspool-path={folder}/spool\nlog-path={folder}/pgbackrest-log\n\n[main]"),
            );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let repository = Self { server, config };
        repository.set_archive(database, archive_timeout).await;
        repository.pgbackrest(&["stanza-create"]);
        repository.pgbackrest(&["check"]);
        repository
    }

    async fn set_archive(&self, database: &TestDatabase<'_>, archive_timeout: u32) {
        let lines = example("postgresql.conf");
        let setting = |name: &str| {
            let line = lines.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once(" = ").unwrap().1.to_owned()
        };
        let with_config = format!("pgbackrest --config={} ", self.config.display());
        let command = setting("archive_command").replace("pgbackrest ", &with_config);
        assert_eq!(setting("archive_mode"), "on");
        set(
            database,
            "archive_timeout",
            &format!("'{archive_timeout}s'"),
        )
        .await;
        set(database, "archive_command", &command).await;
    }

    /// Runs `pgbackrest` as the user of the server; what it prints.
    pub(super) fn pgbackrest(&self, arguments: &[&str]) -> String {
        run(self
            .server
            .command("pgbackrest")
            .unwrap()
            .arg(format!("--config={}", self.config.display()))
            .arg(format!("--stanza={STANZA}"))
            .args(arguments))
    }

    /// What `callplane-operator database backup record` does.
    pub(super) async fn record(&self, database: &TestDatabase<'_>) -> Recorded {
        let json = self.pgbackrest(&["--output=json", "info"]);
        let info = Info::parse(json.as_bytes(), STANZA).unwrap();
        assert_eq!(info.problem, None);
        backups::record(&database.operator, &info, &Regions::new())
            .await
            .unwrap()
    }

    /// Runs `drill.sh` into the folder `scratch` of the server and leaves what it restored running.
    pub(super) fn drill(&self, database: &str, scratch: &str, port: u16, to: &str) -> Drill {
        let printed = run(self
            .server
            .command("bash")
            .unwrap()
            .arg(folder().join("drill.sh"))
            .arg("--config")
            .arg(&self.config)
            .args(["--stanza", STANZA, "--database", database, "--keep"])
            .args(["--target-time", to, "--port", &port.to_string()])
            .arg("--scratch")
            .arg(self.server.folder().join(scratch)));
        Drill::parse(printed.as_bytes()).unwrap()
    }
}

/// `ALTER SYSTEM` of a value that is written as SQL, taken over at once.
pub(super) async fn set(database: &TestDatabase<'_>, name: &str, value: &str) {
    database
        .superuser(&format!("ALTER SYSTEM SET {name} = {value}"))
        .await
        .unwrap();
    database.superuser("SELECT pg_reload_conf()").await.unwrap();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("backup")
}

fn example(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// What a program prints; the test ends when the program fails.
pub(super) fn run(command: &mut std::process::Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}\n{stderr}");
    String::from_utf8(stdout).unwrap()
}
