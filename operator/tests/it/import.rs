//! `callplane-operator database import`, as a process of its own.

use std::process::Output;

use callplane_store::test_util::{PostgresServer, TestDatabase};

use crate::admin::{command, text};

/// As much of voice-core as an import needs: what a database lacks is left out.
const SOURCE: &str = "
    CREATE TABLE tenants (tenant_id uuid PRIMARY KEY, business_name text);
    INSERT INTO tenants VALUES ('00000000-0000-4000-8000-000000000001', 'Acme');
    CREATE TABLE call_logs (call_log_id uuid PRIMARY KEY, call_id text, tenant_id uuid, status text,
      total_cost_usd numeric, created_at timestamp);
    INSERT INTO call_logs
    SELECT md5(n::text)::uuid, 'call-' || n, '00000000-0000-4000-8000-000000000001',
           CASE n WHEN 7 THEN 'vanished' ELSE 'completed' END, 0.25, '2024-05-01'
      FROM generate_series(1, 10) AS n;
    CREATE TABLE notes (id integer)";

fn import(database: &TestDatabase<'_>, source: &str, arguments: &[&str]) -> Output {
    let mut arguments = arguments.to_vec();
    arguments.insert(0, "import");
    command(&database.name, &arguments)
        .env("CALLPLANE_IMPORT_SOURCE", source)
        .output()
        .unwrap()
}

#[tokio::test]
async fn an_import_prints_what_came_and_what_did_not() {
    let server = PostgresServer::shared().unwrap();
    let database = TestDatabase::create(server).await.unwrap();
    let tenant = database.tenant("acme").await.unwrap();
    let source = TestDatabase::create(server).await.unwrap();
    source.superuser("CREATE SCHEMA voicecore").await.unwrap();
    source
        .superuser(&format!("SET search_path = voicecore; {SOURCE}"))
        .await
        .unwrap();
    let url = format!(
        "{}&options=-csearch_path%3Dvoicecore",
        server.superuser_url(&source.name)
    );
    let into = ["--from", "voicecore", "--tenant", tenant.spec.name.as_str()];

    let first = import(&database, &url, &into);
    let shown = text(&first.stdout);
    assert!(first.status.success(), "{shown}{}", text(&first.stderr));
    assert!(
        shown.contains("1 left out") || shown.contains("1 were left out"),
        "{shown}"
    );
    assert!(shown.contains("status: the word is not known"), "{shown}");
    assert!(shown.contains("not read: notes"), "{shown}");
    assert!(
        !shown.contains("vanished"),
        "the report shows a value: {shown}"
    );

    let json = [&into[..], &["--json"]].concat();
    let second: serde_json::Value =
        serde_json::from_slice(&import(&database, &url, &json).stdout).unwrap();
    let calls = second["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["table"] == "call_logs")
        .unwrap();
    assert_eq!(
        (&calls["written"], &calls["present"], &calls["refused"]),
        (&0.into(), &9.into(), &1.into())
    );
}

#[tokio::test]
async fn a_source_that_cannot_be_opened_is_not_repeated() {
    let server = PostgresServer::shared().unwrap();
    let database = TestDatabase::create(server).await.unwrap();
    let tenant = database.tenant("acme").await.unwrap();
    let into = ["--from", "irisx", "--tenant", tenant.spec.name.as_str()];
    for source in ["nonsense:secret@x", "postgres://u:secret@127.0.0.1:1/x"] {
        let output = import(&database, source, &into);
        assert!(!output.status.success());
        let said = text(&output.stderr);
        assert!(!said.contains("secret"), "{said}");
    }
}
