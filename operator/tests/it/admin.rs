//! `callplane-operator database`, as a process of its own.

use std::process::{Command, Output, Stdio};

use callplane_store::test_util::{PostgresServer, TestDatabase};
use callplane_store::{OperatorDatabase, migrate, tenants};

/// The command, ready to run, in a database of the shared server.
pub(crate) fn command(database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callplane-operator"));
    let url = PostgresServer::shared().unwrap().operator_url(database);
    command
        .arg("database")
        .args(arguments)
        .env("CALLPLANE_DATABASE_URL", url);
    command
}

fn run(database: &str, arguments: &[&str]) -> Output {
    command(database, arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn an_empty_database_is_told_apart_from_a_migrated_one() {
    let server = PostgresServer::shared().unwrap();
    server.bootstrap("admin_status").unwrap();
    let before = run("admin_status", &["status"]);
    assert_eq!(before.status.code(), Some(1), "{}", text(&before.stderr));
    let shown = text(&before.stdout);
    assert!(shown.contains("0001_foundation.sql"), "{shown}");

    let migrated = run("admin_status", &["migrate"]);
    assert!(migrated.status.success(), "{}", text(&migrated.stderr));
    let after = run("admin_status", &["status"]);
    let shown = text(&after.stdout);
    assert!(after.status.success(), "{shown}");
    assert!(
        shown.ends_with("1 schemas, 0 with something to do\n"),
        "{shown}"
    );
}

#[tokio::test]
async fn two_processes_that_migrate_at_once_apply_each_file_once() {
    let server = PostgresServer::shared().unwrap();
    let database = TestDatabase::create(server).await.unwrap();
    let mut schemas = Vec::new();
    for base in ["racing-a", "racing-b", "racing-c"] {
        let spec = database.tenant_spec(base);
        schemas.push(spec.schema.to_string());
        tenants::ensure(&database.operator, &database.fence, &spec)
            .await
            .unwrap();
    }
    let both: Vec<_> = (0..2)
        .map(|_| {
            let mut command = command(&database.name, &["migrate"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for process in both {
        let ended = process.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", text(&ended.stderr));
    }
    for state in migrate::states(&database.operator).await.unwrap() {
        assert!(state.is_current(), "{state:?}");
    }
    let rows = "DO $$ BEGIN
        IF (SELECT count(*) FROM platform.schema_migrations WHERE tenant_id IS NOT NULL) <> FILES
        THEN RAISE 'a file was applied twice, or not at all'; END IF; END $$";
    let files = schemas.len() * migrate::TENANT.len();
    let rows = rows.replace("FILES", &files.to_string());
    database.superuser(&rows).await.unwrap();
}

#[test]
fn a_command_without_a_database_says_how_to_name_one() {
    let outcome = command("any", &["status"])
        .env_remove("CALLPLANE_DATABASE_URL")
        .output()
        .unwrap();
    let told = text(&outcome.stderr);
    assert!(told.contains("--database-url"), "{told}");
    assert!(!outcome.status.success());
}

#[test]
fn a_wrong_password_is_not_repeated() {
    let server = PostgresServer::shared().unwrap();
    server.bootstrap("admin_password").unwrap();
    let url = server
        .operator_url("admin_password")
        .replace("operator:operator@", "operator:hunter2@");
    assert!(OperatorDatabase::connect_lazy(&url.replace("postgres:", "nonsense "), 1).is_err());
    let outcome = command("admin_password", &["status", "--database-url", &url])
        .output()
        .unwrap();
    let told = text(&outcome.stderr);
    assert!(
        !outcome.status.success() && !told.contains("hunter2"),
        "{told}"
    );
}
