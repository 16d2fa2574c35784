//! The data of a tenant from another platform, by `kubectl callplane import`.

use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::tenant::{Options, Tenant};

/// A Job from its making to the end of its log, on a machine with other tests.
const JOB: Duration = Duration::from_secs(120);
const OPERATOR: &str = "callplane-system";
const PASSWORD: &str = "let-me-read";

/// As much of CallFabric as calls and a trunk with a password need; one call has a word that nobody knows.
const SOURCE: &str = r#"
    CREATE TABLE "Tenant" (id text);
    INSERT INTO "Tenant" VALUES ('t1');
    CREATE TABLE "Trunk" (id text, tenant_id text, name text, protocol text, password text);
    INSERT INTO "Trunk" VALUES ('k1', 't1', 'Former carrier', 'SIP', 'open sesame');
    CREATE TABLE "Call" (id text, tenant_id text, "callSid" text, direction text, status text,
      "callerId" text, did text, "initiatedAt" timestamptz, "createdAt" timestamptz,
      duration integer, revenue numeric, payout numeric, cost numeric, currency text);
    INSERT INTO "Call"
    SELECT 'c' || n, 't1', 'sid-' || n, 'INBOUND', CASE n WHEN 7 THEN 'VANISHED' ELSE 'COMPLETED' END,
           '+15550100001', '+15550100002', '2024-05-01', '2024-05-01', 60, 0, 0, 0.25, 'USD'
      FROM generate_series(1, 10) AS n;
    GRANT USAGE ON SCHEMA public TO former;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO former"#;

/// How a command ended, and what it said on both ways.
struct Ended {
    code: Option<i32>,
    said: String,
}

async fn import(tenant: &Tenant, rest: &[&str]) -> Ended {
    let mut command = Command::new("kubectl");
    command
        .args(["callplane", "import", "--from", "callfabric", "--tenant"])
        .args([&tenant.name, "--source-secret", "former"])
        .args(rest)
        .kill_on_drop(true);
    let output = timeout(JOB, command.output()).await.unwrap().unwrap();
    let said =
        [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part).into_owned());
    Ended {
        code: output.status.code(),
        said: said.concat(),
    }
}

/// The address of the database server as pods reach it.
async fn server(tenant: &Tenant) -> String {
    let template = "go-template={{.data.url | base64decode}}";
    let secret = [
        "get",
        "secret",
        "-n",
        OPERATOR,
        "callplane-operator-database",
        "-o",
        template,
    ];
    let url = tenant.cluster.kubectl(&secret).await.unwrap();
    let (_, rest) = url.split_once('@').unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

/// Puts the URL of the source where the Job reads it.
async fn name_source(tenant: &Tenant, url: &str) {
    let gone = [
        "delete",
        "secret",
        "-n",
        OPERATOR,
        "former",
        "--ignore-not-found",
    ];
    tenant.cluster.kubectl(&gone).await.unwrap();
    let url = format!("--from-literal=url={url}");
    let made = [
        "create", "secret", "generic", "former", "-n", OPERATOR, &url,
    ];
    tenant.cluster.kubectl(&made).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_job_imports_a_tenant_from_another_platform() {
    let tenant = Tenant::ready("import", &Options::default()).await;
    let cluster = &tenant.cluster;
    for statement in [
        "DROP DATABASE IF EXISTS former".to_owned(),
        "DROP ROLE IF EXISTS former".to_owned(),
        format!("CREATE ROLE former LOGIN PASSWORD '{PASSWORD}'"),
        "CREATE DATABASE former".to_owned(),
    ] {
        cluster.sql(&statement).await.unwrap();
    }
    cluster.sql_in("former", SOURCE).await.unwrap();
    let server = server(&tenant).await;
    let url = format!("postgres://former:{PASSWORD}@{server}/former?sslmode=require");
    name_source(&tenant, &url).await;
    let count = "select count(*) from calls where call_sid like 'sid-%'";

    let dry = import(&tenant, &["--dry-run"]).await;
    assert_eq!(dry.code, Some(0), "{}", dry.said);
    assert!(
        dry.said
            .contains("10 rows would be written, 1 would be left out"),
        "{}",
        dry.said
    );
    assert_eq!(tenant.sql(count).await, "0");

    let first = import(&tenant, &[]).await;
    assert_eq!(first.code, Some(0), "{}", first.said);
    assert!(
        first.said.contains("10 rows were written, 1 were left out"),
        "{}",
        first.said
    );
    assert!(
        first
            .said
            .contains("Call c7: status: the word is not known"),
        "{}",
        first.said
    );
    assert!(!first.said.contains("VANISHED"), "{}", first.said);
    assert_eq!(tenant.sql(count).await, "9");
    // Sealed by the tenant's own key, which the Job has opened.
    assert!(!first.said.contains("no data key"), "{}", first.said);
    let sealed = "select count(*) from trunks t join encryption_keys k
                    on uuid_send(k.id) = substring(t.password_enc from 2 for 16)
                   where t.k8s_name = 'former-carrier' and k.status = 'active'";
    assert_eq!(tenant.sql(sealed).await, "1");

    // Again there is nothing to do, as a program reads it.
    let again = import(&tenant, &["--json"]).await;
    assert_eq!(again.code, Some(0), "{}", again.said);
    // The log of a pod has both ways in one: the report is from the first brace to the last.
    let report = again.said.find("{\n").zip(again.said.rfind("\n}"));
    let (from, to) = report.unwrap_or_else(|| panic!("no report: {}", again.said));
    let report: Value = serde_json::from_str(&again.said[from..to + 2]).unwrap();
    let tables = report["tables"].as_array().unwrap();
    let calls = tables
        .iter()
        .find(|table| table["table"] == "Call")
        .unwrap();
    assert_eq!(
        (&calls["written"], &calls["present"]),
        (&0.into(), &9.into())
    );

    // A source that cannot be opened ends with a sentence, and without the password.
    name_source(&tenant, &url.replace(PASSWORD, "not-the-password")).await;
    let failed = import(&tenant, &[]).await;
    assert_ne!(failed.code, Some(0), "{}", failed.said);
    let sentence = "failed to open the database that is imported from";
    assert!(failed.said.contains(sentence), "{}", failed.said);
    assert!(!failed.said.contains("not-the-password"), "{}", failed.said);

    for gone in [
        &["delete", "secret", "former"][..],
        &[
            "delete",
            "job",
            "-l",
            "callplane.dev/tenant=import",
            "--wait=false",
        ],
    ] {
        let gone = [gone, &["-n", OPERATOR]].concat();
        cluster.kubectl(&gone).await.unwrap();
    }
    cluster.sql("DROP DATABASE former").await.unwrap();
    cluster.sql("DROP ROLE former").await.unwrap();
}
