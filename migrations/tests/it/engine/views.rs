//! Compatibility views over tables that a migration changes.

use std::collections::BTreeSet;

use callplane_store::compatibility::{self, Platform};
use callplane_store::tenants;
use callplane_store::test_util::{TestDatabase, TestTenant};

use super::next;
use crate::support::{ask, database};

async fn with_views(database: &TestDatabase<'_>, base: &str) -> TestTenant {
    let tenant = database.tenant(base).await.unwrap();
    let all = BTreeSet::from(Platform::ALL);
    compatibility::ensure(&database.operator, &database.fence, tenant.id, &all)
        .await
        .unwrap();
    tenant
}

async fn in_force(database: &TestDatabase<'_>, tenant: &TestTenant) -> usize {
    compatibility::in_force(&database.operator, tenant.id)
        .await
        .unwrap()
        .len()
}

/// A column of `platform` that views of dukat show.
const CHANGE: &str = "ALTER TABLE platform.plans ALTER COLUMN name TYPE varchar(300);";

#[tokio::test]
async fn a_migration_of_platform_changes_a_column_under_views_and_brings_them_back() {
    let database = database().await;
    let acme = with_views(&database, "acme").await;
    let beta = with_views(&database, "beta").await;
    let file = next(CHANGE);
    let migrated = database.migrate_platform_on(&file).await.unwrap();
    assert_eq!(migrated.applied, ["9999_next.sql"]);
    for tenant in [&acme, &beta] {
        assert_eq!(in_force(&database, tenant).await, Platform::ALL.len());
        let shown = format!(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
              WHERE attrelid = '{}__dukat.plans'::regclass AND attname = 'name'",
            tenant.schema()
        );
        assert_eq!(ask(&database, &shown).await, "character varying(300)");
    }
}

#[tokio::test]
async fn views_of_a_retained_tenant_do_not_hinder_a_migration_of_platform() {
    let database = database().await;
    let acme = with_views(&database, "acme").await;
    let uid = acme.spec.object.uid;
    tenants::retain(&database.operator, &database.fence, uid)
        .await
        .unwrap()
        .unwrap();
    let file = next(CHANGE);
    let migrated = database.migrate_platform_on(&file).await.unwrap();
    assert_eq!(migrated.applied, ["9999_next.sql"]);
    assert_eq!(in_force(&database, &acme).await, Platform::ALL.len());
}

#[tokio::test]
async fn views_come_back_when_a_later_file_of_platform_fails() {
    let database = database().await;
    let acme = with_views(&database, "acme").await;
    let [change] = next(CHANGE);
    let [mut broken] = next("SELECT 1 / 0");
    broken.name = "9999_broken.sql";
    let error = database
        .migrate_platform_on(&[change, broken])
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("22012"));
    assert_eq!(in_force(&database, &acme).await, Platform::ALL.len());
}

#[tokio::test]
async fn views_come_back_when_a_later_file_of_the_tenant_fails() {
    let database = database().await;
    let acme = with_views(&database, "acme").await;
    let [change] = next("ALTER TABLE calls ALTER COLUMN outcome TYPE varchar(300)");
    let [mut broken] = next("SELECT 1 / 0");
    broken.name = "9999_broken.sql";
    let error = database
        .migrate_on(&acme, &[change, broken])
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("22012"));
    assert_eq!(in_force(&database, &acme).await, Platform::ALL.len());
}
