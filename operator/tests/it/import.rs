//! `callplane-operator database import`, as a process of its own.

use std::process::Output;

use callplane_keys::{LocalKek, Place};
use callplane_operator::keys::{Keys, Source};
use callplane_store::test_util::{PostgresServer, TestDatabase};

use uuid::Uuid;

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

/// A database with these tables, and its URL: in a schema of their own, beside Callplane's.
async fn source(schema: &str, tables: &str) -> (TestDatabase<'static>, String) {
    let server = PostgresServer::shared().unwrap();
    let source = TestDatabase::create(server).await.unwrap();
    let fill = format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {tables}");
    source.superuser(&fill).await.unwrap();
    let url = server.superuser_url(&source.name);
    (source, format!("{url}&options=-csearch_path%3D{schema}"))
}

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
    let (_source, url) = source("voicecore", SOURCE).await;
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

/// As much of CallFabric as a trunk with a password needs.
const TRUNKS: &str = r#"
    CREATE TABLE "Tenant" (id text);
    INSERT INTO "Tenant" VALUES ('1');
    CREATE TABLE "Trunk" (id text, tenant_id text, name text, protocol text, password text);
    INSERT INTO "Trunk" VALUES ('00000000-0000-4000-8000-000000000007', '1', 'carrier', 'SIP', 'open sesame')"#;

#[tokio::test]
async fn an_import_seals_with_the_keys_of_the_tenant() {
    let server = PostgresServer::shared().unwrap();
    let database = TestDatabase::create(server).await.unwrap();
    let tenant = database.tenant("acme").await.unwrap();
    let (_source, url) = source("callfabric", TRUNKS).await;
    let file = std::env::temp_dir().join(format!("callplane-import-kek-{}", tenant.id));
    let with_key = |rest: &[&str]| {
        let name = tenant.spec.name.as_str();
        let mut arguments = vec!["import", "--from", "callfabric", "--tenant", name];
        arguments.extend(rest);
        command(&database.name, &arguments)
            .env("CALLPLANE_IMPORT_SOURCE", &url)
            .env("CALLPLANE_KEY_ENCRYPTION_KEY_FILE", &file)
            .output()
            .unwrap()
    };
    let keys = "SELECT count(*)::text FROM platform.encryption_keys";
    let schema = tenant.schema();
    let sealed =
        format!("SELECT coalesce(max(encode(password_enc, 'hex')), '') FROM {schema}.trunks");

    // Rather nothing than a trunk without its password.
    let output = with_key(&[]);
    let said = text(&output.stderr);
    assert!(
        !output.status.success() && said.contains("cannot read"),
        "{said}"
    );
    assert_eq!(database.ask(&sealed).await.unwrap(), "");

    std::fs::write(&file, LocalKek::generate().unwrap().as_bytes()).unwrap();
    let output = with_key(&["--dry-run"]);
    let said = text(&output.stdout);
    assert!(
        output.status.success() && !said.contains("no data key"),
        "{said}"
    );
    assert_eq!(
        database.ask(keys).await.unwrap(),
        "0",
        "a dry run made a key"
    );

    let output = with_key(&[]);
    let said = text(&output.stdout);
    assert!(
        output.status.success() && !said.contains("no data key"),
        "{said}"
    );
    let hex = database.ask(&sealed).await.unwrap();
    let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let envelope: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
    let row = Uuid::parse_str("00000000-0000-4000-8000-000000000007").unwrap();
    let place = Place::cell(tenant.id, "trunks", "password_enc", row);
    let ring = Keys::new(Source::File(file.clone()));
    let ring = ring.of_tenant(&database.operator, &database.fence, tenant.id);
    let opened = ring.await.unwrap().ring.open(&place, &envelope).unwrap();
    assert_eq!(opened.as_slice(), b"open sesame");
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn an_import_from_another_source_says_how_to_begin_anew() {
    let server = PostgresServer::shared().unwrap();
    let database = TestDatabase::create(server).await.unwrap();
    let tenant = database.tenant("acme").await.unwrap();
    let (_source, url) = source("voicecore", SOURCE).await;
    // One that was killed.
    let begun = format!(
        "INSERT INTO platform.import_progress (tenant_id, source_platform, source_tenant,
                source_database, source_table, last_key)
         VALUES ('{}', 'voicecore', '00000000-0000-4000-8000-000000000001', '1/2/other',
                 'call_logs -> calls', 'ffffffff-ffff-4fff-8fff-ffffffffffff')",
        tenant.id
    );
    database.superuser(&begun).await.unwrap();
    let into = ["--from", "voicecore", "--tenant", tenant.spec.name.as_str()];
    let output = import(&database, &url, &into);
    let said = text(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("--restart") && !said.contains("1/2/other"),
        "{said}"
    );
    let output = import(&database, &url, &[&into[..], &["--restart"]].concat());
    let shown = text(&output.stdout);
    assert!(
        output.status.success() && shown.contains("9 rows"),
        "{shown}"
    );
}
