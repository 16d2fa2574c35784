//! A tenant moves to another server by `move-tenant.sh`, while its nodes go on ending calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use callplane_store::compatibility::{self, Platform};
use callplane_store::roles::{self, Purpose};
use callplane_store::tenants::{self, TenantSpec};
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};
use callplane_store::{ObjectRef, Slot, agents, drift, flows, migrate, numbers, trunks};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::figure;
use super::writer::Writer;
use crate::support::{ask, equip, superuser};

/// The script's exit and what it says.
fn script(
    tenant: &TestTenant,
    from: &TestDatabase<'_>,
    to: &TestDatabase<'_>,
    more: &[&str],
) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("backup/move-tenant.sh");
    let output = Command::new("bash")
        .arg(script)
        .args(["--tenant", tenant.spec.name.as_str()])
        .args(["--from", &from.server.superuser_url(&from.name)])
        .args(["--to", &to.server.superuser_url(&to.name)])
        .args(more)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), told)
}

fn refused(outcome: (bool, String), sentence: &str) {
    let (done, told) = outcome;
    assert!(
        !done && told.contains(sentence),
        "{sentence} is not in\n{told}"
    );
}

async fn calls(database: &TestDatabase<'_>, tenant: &TestTenant) -> BTreeSet<Uuid> {
    let query = format!("SELECT id FROM {}.calls", tenant.schema());
    sqlx::query(AssertSqlSafe(query))
        .fetch_all(&mut superuser(database).await)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// The tenant with what another resource of the same name asks for: it may have the retained data.
fn adopting(tenant: &TestTenant) -> TenantSpec {
    TenantSpec {
        object: ObjectRef {
            uid: Uuid::now_v7(),
            ..tenant.spec.object.clone()
        },
        spec_hash: "2".to_owned(),
        adopt: Some(tenant.id),
        quotas: BTreeMap::new(),
        ..tenant.spec.clone()
    }
}

/// What the operator does for each custom resource of the tenant that is deleted.
async fn delete_resources(database: &TestDatabase<'_>, tenant: &TestTenant) {
    let (operator, fence) = (&database.operator, &database.fence);
    let uid = async |table: &str| -> Uuid {
        let query = format!("SELECT k8s_uid FROM {}.{table}", tenant.schema());
        ask(database, &query).await.parse().unwrap()
    };
    let number = uid("phone_numbers").await;
    numbers::remove(operator, fence, tenant.id, number)
        .await
        .unwrap();
    let agent = uid("agents").await;
    agents::remove(operator, fence, tenant.id, agent)
        .await
        .unwrap();
    let flow = uid("flows").await;
    flows::remove(operator, fence, tenant.id, flow)
        .await
        .unwrap();
    let trunk = uid("trunks").await;
    trunks::remove(operator, fence, tenant.id, trunk)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_moves_with_every_call_and_nothing_differs() {
    let number = "+15550000001";
    let source = TestDatabase::create(PostgresServer::shared().unwrap())
        .await
        .unwrap();
    let other = PostgresServer::start().unwrap();
    let target = TestDatabase::create(&other).await.unwrap();
    // Each server numbers its tenants: the number is not free there.
    target.tenant("resident").await.unwrap();
    let tenant = source.tenant("mover").await.unwrap();
    equip(&source, &tenant, number).await;
    let views = BTreeSet::from([Platform::Dukat]);
    compatibility::ensure(&source.operator, &source.fence, tenant.id, &views)
        .await
        .unwrap();
    let writer = Writer::start(tenant.database.clone());
    writer.more(20).await;

    refused(
        script(&tenant, &source, &target, &[]),
        "is at work (active)",
    );
    let paused = Instant::now();
    let uid = tenant.spec.object.uid;
    tenants::retain(&source.operator, &source.fence, uid)
        .await
        .unwrap();
    refused(script(&tenant, &source, &target, &[]), "custom resources");
    delete_resources(&source, &tenant).await;
    let (done, told) = script(&tenant, &source, &target, &[]);
    assert!(done, "{told}");
    assert!(told.contains("the same at both"), "{told}");
    let moved_in = paused.elapsed();
    refused(script(&tenant, &source, &target, &[]), "there is a tenant");
    what_differs_is_found(&tenant, &source, &target).await;

    let adopting_since = Instant::now();
    let adopted = tenants::ensure(&target.operator, &target.fence, &adopting(&tenant))
        .await
        .unwrap();
    assert_eq!(adopted.id, tenant.id);
    let migrated = migrate::tenant(&target.operator, &target.fence, tenant.id).await;
    assert_eq!(migrated.unwrap().applied, [""; 0], "it is migrated already");
    let drift = drift::tenant(&target.operator, tenant.id).await;
    assert_eq!(drift.unwrap(), []);
    let login = roles::issue(
        &target.operator,
        &target.fence,
        tenant.id,
        Purpose::Media,
        Slot::B,
    )
    .await
    .unwrap();
    // What a node does when its Secret has changed; what it could not write meanwhile it kept.
    tenant.database.rotate(&login).unwrap();
    // Without what the test tries in between.
    let back = moved_in + (writer.more(20).await - adopting_since);
    equip(&target, &tenant, number).await;
    tenant.database.ping().await.unwrap();

    let written = writer.stop();
    let stayed = calls(&source, &tenant).await;
    let moved = calls(&target, &tenant).await;
    assert!(moved.is_superset(&written), "calls are lost");
    assert!(moved.is_superset(&stayed) && moved.len() > stayed.len());
    figure(
        "move of a tenant to another server: no record is stored for",
        format!("{:.1}", back.as_secs_f64()),
        "s",
        "",
    );
}

/// The control of the comparison: whatever is changed at the target is found.
async fn what_differs_is_found(
    tenant: &TestTenant,
    source: &TestDatabase<'_>,
    target: &TestDatabase<'_>,
) {
    let (schema, id) = (tenant.schema(), tenant.id);
    let change = format!(
        "ALTER TABLE {schema}.calls NO FORCE ROW LEVEL SECURITY;
         GRANT DELETE ON {schema}.cdrs TO {schema}_media;
         ALTER ROLE {schema}_media_a SET app.tenant_id = 'x';
         SELECT setval('{schema}.calls_row_no_seq', 1);
         UPDATE {schema}.events SET published_at = now();
         UPDATE platform.usage_quotas SET limit_value = 0 WHERE tenant_id = '{id}'"
    );
    let undo = format!(
        "ALTER TABLE {schema}.calls FORCE ROW LEVEL SECURITY;
         REVOKE DELETE ON {schema}.cdrs FROM {schema}_media;
         ALTER ROLE {schema}_media_a SET app.tenant_id = '{id}';
         SELECT setval('{schema}.calls_row_no_seq', (SELECT max(row_no) FROM {schema}.calls))"
    );
    target.superuser(&change).await.unwrap();
    let (done, told) = script(tenant, source, target, &["--compare"]);
    assert!(!done, "{told}");
    for found in [
        format!("> object relation {schema}.calls "),
        format!("> object relation {schema}.cdrs "),
        format!("> object role {schema}_media_a "),
        format!("> object sequence {schema}.calls_row_no_seq "),
        format!("> rows {schema}.events "),
        "> rows platform.usage_quotas ".to_owned(),
    ] {
        assert!(told.contains(&found), "{found} is not in\n{told}");
    }
    assert_eq!(told.lines().filter(|line| line.starts_with('>')).count(), 6);
    target.superuser(&undo).await.unwrap();
}
