//! Views come and go with what is wanted, and change with their files.

use std::collections::BTreeSet;

use callplane_store::compatibility::{self, Platform};
use callplane_store::roles::Purpose;
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Error, migrate, tenants};

use super::{all, connect, ensure, tenant_with_views, views};
use crate::support::{ask, count, database, superuser};

async fn schemas(database: &TestDatabase<'_>, tenant: &TestTenant) -> String {
    let schemas = format!(
        "SELECT string_agg(replace(nspname, '{0}__', ''), ' ' ORDER BY nspname)
           FROM pg_namespace WHERE starts_with(nspname, '{0}__')",
        tenant.schema()
    );
    ask(database, &schemas).await
}

/// Changes whenever a view is made anew.
async fn fingerprint(database: &TestDatabase<'_>, tenant: &TestTenant) -> String {
    let views = format!(
        "SELECT sum(c.oid::bigint) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE starts_with(n.nspname, '{}__') AND c.relkind = 'v'",
        tenant.schema()
    );
    ask(database, &views).await
}

async fn in_force(database: &TestDatabase<'_>, tenant: &TestTenant) -> BTreeSet<Platform> {
    compatibility::in_force(&database.operator, tenant.id)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_views_follow_the_wanted_set() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    assert_eq!(in_force(&database, &acme).await, BTreeSet::new());
    for wanted in [
        BTreeSet::from([Platform::Irisx]),
        all(),
        BTreeSet::from([Platform::Dukat, Platform::VoiceCore]),
        BTreeSet::new(),
    ] {
        ensure(&database, &acme, &wanted).await.unwrap();
        assert_eq!(in_force(&database, &acme).await, wanted);
        let words: Vec<&str> = wanted.iter().map(|platform| platform.as_str()).collect();
        let mut words = words;
        words.sort_unstable();
        assert_eq!(schemas(&database, &acme).await, words.join(" "));
    }
    let mut connection = connect(&database, &acme, Purpose::App).await;
    assert_eq!(views(&mut connection, &acme).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_as_wanted_is_not_made_again() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let before = fingerprint(&database, &acme).await;
    let changes = ensure(&database, &acme, &all()).await.unwrap();
    assert_eq!(changes, compatibility::Changes::default());
    assert_eq!(fingerprint(&database, &acme).await, before);
    // Neither by a migration that has nothing to apply.
    migrate::tenant(&database.operator, &database.fence, acme.id)
        .await
        .unwrap();
    assert_eq!(fingerprint(&database, &acme).await, before);
}

#[tokio::test]
async fn views_of_an_earlier_file_are_made_anew() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let schema = format!("{}__irisx", acme.schema());
    database
        .superuser(&format!(
            "COMMENT ON SCHEMA {schema} IS 'Compatibility views of irisx, sha256 00';
             ALTER VIEW {schema}.calls RENAME COLUMN hangup_by TO ended_by"
        ))
        .await
        .unwrap();
    let current = in_force(&database, &acme).await;
    assert!(!current.contains(&Platform::Irisx) && current.len() == 4);
    let changes = ensure(&database, &acme, &all()).await.unwrap();
    assert_eq!(changes.made, [Platform::Irisx]);
    assert_eq!(in_force(&database, &acme).await, all());
    let mut connection = connect(&database, &acme, Purpose::Ro).await;
    let calls = format!("SELECT count(hangup_by) FROM {schema}.calls");
    assert_eq!(count(&mut connection, &calls).await, 0);
}

#[tokio::test]
async fn a_schema_of_somebody_else_is_not_touched() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = format!("{}__dukat", acme.schema());
    database
        .superuser(&format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {schema}.calls ()"
        ))
        .await
        .unwrap();
    let error = ensure(&database, &acme, &all()).await.unwrap_err();
    assert!(
        matches!(&error, Error::NotOwner { kind: "schema", name } if *name == schema),
        "{error}"
    );
    assert_eq!(schemas(&database, &acme).await, "dukat");
    // Where it is not wanted it is in nobody's way, even when the tenant goes.
    let irisx = BTreeSet::from([Platform::Irisx]);
    ensure(&database, &acme, &irisx).await.unwrap();
    assert_eq!(in_force(&database, &acme).await, irisx);
    tenants::delete(&database.operator, &database.fence, acme.spec.object.uid)
        .await
        .unwrap();
    assert_eq!(schemas(&database, &acme).await, "dukat");
}

#[tokio::test]
async fn what_somebody_put_beside_the_views_is_not_dropped_with_them() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let table = format!("{}__irisx.notes", acme.schema());
    database
        .superuser(&format!("CREATE TABLE {table} (text text)"))
        .await
        .unwrap();
    // Made anew around it, and not removed.
    let schema = format!("{}__irisx", acme.schema());
    database
        .superuser(&format!("COMMENT ON SCHEMA {schema} IS NULL"))
        .await
        .unwrap();
    ensure(&database, &acme, &all()).await.unwrap();
    let error = ensure(&database, &acme, &BTreeSet::new())
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("2BP01"));
    // One transaction: nothing else is gone either.
    assert_eq!(in_force(&database, &acme).await, all());
    let rows = format!("SELECT count(*) FROM {table}");
    assert_eq!(count(&mut superuser(&database).await, &rows).await, 0);
}

#[tokio::test]
async fn the_views_go_with_the_tenant() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    tenants::delete(&database.operator, &database.fence, acme.spec.object.uid)
        .await
        .unwrap();
    assert_eq!(schemas(&database, &acme).await, "");
}

#[tokio::test]
async fn another_operator_makes_no_views() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let newer = callplane_store::Fence::take(&database.operator, "operator-1")
        .await
        .unwrap();
    let error = ensure(&database, &acme, &all()).await.unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    compatibility::ensure(&database.operator, &newer, acme.id, &all())
        .await
        .unwrap();
}

/// A file of a later version.
fn next(sql: &'static str) -> [migrate::File; 1] {
    [migrate::File {
        name: "9999_next.sql",
        sql,
    }]
}

#[tokio::test]
async fn a_migration_changes_a_column_under_views_and_brings_them_back() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let file = next("ALTER TABLE calls ALTER COLUMN outcome TYPE varchar(100)");
    let migrated = database.migrate_on(&acme, &file).await.unwrap();
    assert_eq!(migrated.applied, ["9999_next.sql"]);
    assert_eq!(in_force(&database, &acme).await, all());
    let shown = format!(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
          WHERE attrelid = '{}__voicecore.call_logs'::regclass AND attname = 'outcome'",
        acme.schema()
    );
    assert_eq!(ask(&database, &shown).await, "character varying(100)");
    let mut connection = connect(&database, &acme, Purpose::App).await;
    for view in views(&mut connection, &acme).await {
        count(&mut connection, &format!("SELECT count(*) FROM {view}")).await;
    }
}

#[tokio::test]
async fn a_migration_that_views_do_not_hinder_leaves_them_in_place() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let before = fingerprint(&database, &acme).await;
    let file = next("ALTER TABLE calls ADD COLUMN next_thing text");
    database.migrate_on(&acme, &file).await.unwrap();
    assert_eq!(fingerprint(&database, &acme).await, before);
}

#[tokio::test]
async fn a_migration_that_fails_for_another_reason_costs_no_view() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let before = fingerprint(&database, &acme).await;
    // The first statement needs the views away, the second fails without them too.
    let file = next("ALTER TABLE calls DROP COLUMN outcome; SELECT 1 / 0");
    let error = database.migrate_on(&acme, &file).await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("22012"));
    assert_eq!(in_force(&database, &acme).await, all());
    assert_eq!(fingerprint(&database, &acme).await, before);
}

#[tokio::test]
async fn a_tenant_is_migrated_even_when_its_views_cannot_follow() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let file = next("ALTER TABLE calls DROP COLUMN outcome");
    let migrated = database.migrate_on(&acme, &file).await.unwrap();
    assert_eq!(migrated.applied, ["9999_next.sql"]);
    // The set is remembered, nothing is in force, and whoever asks is told why.
    assert_eq!(in_force(&database, &acme).await, BTreeSet::new());
    assert_eq!(
        schemas(&database, &acme).await,
        "callfabric dukat irisx organization voicecore"
    );
    let error = ensure(&database, &acme, &all()).await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42703"));
}
