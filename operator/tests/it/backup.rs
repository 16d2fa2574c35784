//! `callplane-operator database backup`, as a process of its own.

use std::io::Write as _;
use std::process::{Output, Stdio};

use callplane_store::test_util::{PostgresServer, TestDatabase};
use serde_json::{Value, json};

use crate::admin::{command, text};

/// Runs `database backup ...` with `input` on its standard input.
fn backup(database: &TestDatabase<'_>, arguments: &[&str], input: &str) -> Output {
    let arguments = [&["backup"], arguments].concat();
    let mut process = command(&database.name, &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    process.wait_with_output().unwrap()
}

/// What pgBackRest says of the server: a full backup that ended a minute ago.
fn info(database: &TestDatabase<'_>, problem: &Value) -> String {
    let query = [
        "-Atc",
        "SELECT system_identifier, extract(epoch FROM now())::bigint FROM pg_control_system()",
        "-d",
    ];
    let answer = database
        .server
        .program("psql", &database.name, &query)
        .unwrap();
    let (system, now) = answer.trim().split_once('|').unwrap();
    let (system, now): (u64, i64) = (system.parse().unwrap(), now.parse().unwrap());
    json!([{
        "name": "main", "status": problem,
        "db": [{"id": 1, "repo-key": 1, "system-id": system, "version": "15"}],
        "archive": [{"database": {"id": 1, "repo-key": 1}, "id": "15-1", "max": "FFFFFFFF00000000000000FF"}],
        "backup": [{
            "label": "20261121-023004F", "type": "full", "error": false,
            "database": {"id": 1, "repo-key": 1},
            "timestamp": {"start": now - 120, "stop": now - 60},
            "info": {"size": 9, "delta": 9, "repository": {"size": 5, "delta": 5}},
        }],
    }])
    .to_string()
}

#[tokio::test]
async fn what_is_noted_is_shown_and_what_is_missing_is_told() {
    let database = TestDatabase::create(PostgresServer::shared().unwrap())
        .await
        .unwrap();
    let before = backup(&database, &["status"], "");
    assert_eq!(before.status.code(), Some(1), "{}", text(&before.stderr));
    let shown = text(&before.stdout);
    for line in [
        "full backup        never",
        "! nothing is proven",
        "! no restore was ever tried",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }

    let info = info(&database, &json!({"code": 0, "message": "ok"}));
    let record = ["record", "--info", "-", "--region", "1=eu-central-1"];
    for new in ["1 new backups", "0 new backups"] {
        let noted = backup(&database, &record, &info);
        assert!(noted.status.success(), "{}", text(&noted.stderr));
        assert!(
            text(&noted.stdout).starts_with(new),
            "{}",
            text(&noted.stdout)
        );
    }
    let report = r#"{"location":"pgbackrest:main","startedAt":"2026-11-21T15:04:05Z","tookMs":4001,"recoveredTo":"2026-11-21T15:04:00Z"}"#;
    let drill = report.replace("2026-11-21T15:04:05Z", "2999-01-01T00:00:00Z");
    let noted = backup(&database, &["drill"], &drill);
    assert!(noted.status.success(), "{}", text(&noted.stderr));
    assert_eq!(
        text(&noted.stdout),
        "noted: restored to 2026-11-21T15:04:00Z in 4.0 s\n"
    );
    let after = backup(&database, &["status"], "");
    let shown = text(&after.stdout);
    assert!(after.status.success(), "{shown}");
    let drill = shown
        .lines()
        .find(|line| line.starts_with("drill"))
        .unwrap();
    let cells: Vec<&str> = drill.split_whitespace().collect();
    assert_eq!(cells, ["drill", "2999-01-01T00:00:05Z", "0", "s", "5", "s"]);
}

#[tokio::test]
async fn what_proves_nothing_ends_with_an_error() {
    let database = TestDatabase::create(PostgresServer::shared().unwrap())
        .await
        .unwrap();
    let empty = info(
        &database,
        &json!({"code": 2, "message": "no valid backups"}),
    );
    let record = ["record", "--info", "-"];
    let noted = backup(&database, &record, &empty);
    assert_eq!(noted.status.code(), Some(1));
    assert!(text(&noted.stderr).contains("stanza main: no valid backups"));

    let other = [&record[..], &["--stanza", "other"]].concat();
    let refused = backup(&database, &other, &empty);
    assert!(text(&refused.stderr).contains("no stanza `other`"));
    let failed = r#"{"location":"pgbackrest:main","startedAt":"2026-11-21T15:04:05Z","tookMs":9,"recoveredTo":null}"#;
    let noted = backup(&database, &["drill"], failed);
    assert_eq!(noted.status.code(), Some(1));
    let shown = backup(&database, &["status"], "");
    assert!(text(&shown.stdout).contains("! the last drill restored nothing"));
    for status in [refused.status, shown.status] {
        assert_eq!(status.code(), Some(1));
    }
}
