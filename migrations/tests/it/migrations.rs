//! Migrations are applied whole, once, and never changed.

use callplane_store::{Error, migrate, tenants};
use callplane_types::TenantId;

use crate::support::{ask, database};

#[tokio::test]
async fn a_second_run_applies_nothing() {
    let database = database().await;
    let again = migrate::platform(&database.operator).await.unwrap();
    assert_eq!(again.applied, Vec::<&str>::new());
    assert_eq!(again.version as usize, migrate::PLATFORM.len());

    let acme = database.tenant("acme").await.unwrap();
    let again = migrate::tenant(&database.operator, &database.fence, acme.id)
        .await
        .unwrap();
    assert_eq!(again.applied, Vec::<&str>::new());
    assert_eq!(again.version as usize, migrate::TENANT.len());
}

#[tokio::test]
async fn an_interrupted_migration_resumes_at_the_file_that_failed() {
    let database = database().await;
    let spec = database.tenant_spec("acme");
    let tenant = tenants::ensure(&database.operator, &database.fence, &spec)
        .await
        .unwrap();
    let schema = &tenant.schema;
    // In the way of the middle of 0011, after it has made other tables.
    database
        .superuser(&format!("CREATE TABLE {schema}.campaign_recipients ()"))
        .await
        .unwrap();
    let error = migrate::tenant(&database.operator, &database.fence, tenant.id)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Migration { file, .. } if *file == "0011_campaigns.sql"),
        "{error}"
    );
    assert_eq!(versions(&database, tenant.id).await, "1,2,3,4,5,6,7,8,9,10");
    let half = format!("SELECT to_regclass('{schema}.campaigns') IS NULL");
    assert_eq!(ask(&database, &half).await, "true");

    database
        .superuser(&format!("DROP TABLE {schema}.campaign_recipients"))
        .await
        .unwrap();
    let resumed = migrate::tenant(&database.operator, &database.fence, tenant.id)
        .await
        .unwrap();
    assert_eq!(resumed.applied.first(), Some(&"0011_campaigns.sql"));
    assert_eq!(resumed.applied.len(), migrate::TENANT.len() - 10);
}

#[tokio::test]
async fn a_file_that_changed_after_it_was_applied_is_refused() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    database
        .superuser(&format!(
            "UPDATE platform.schema_migrations SET checksum = '\\x00'
              WHERE tenant_id = '{}' AND version = 2",
            acme.id
        ))
        .await
        .unwrap();
    let error = migrate::tenant(&database.operator, &database.fence, acme.id)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::ChangedMigration { .. }), "{text}");
    assert!(text.contains("0002_knowledge.sql"), "{text}");
    assert!(
        text.contains("put the change into a new migration"),
        "{text}"
    );
}

#[tokio::test]
async fn two_operators_that_migrate_at_once_apply_each_file_once() {
    let database = database().await;
    let spec = database.tenant_spec("acme");
    let tenant = tenants::ensure(&database.operator, &database.fence, &spec)
        .await
        .unwrap();
    let run = || migrate::tenant(&database.operator, &database.fence, tenant.id);
    let (one, two) = tokio::join!(run(), run());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.applied.len() + two.applied.len(), migrate::TENANT.len());
}

#[tokio::test]
async fn a_migration_does_not_queue_behind_a_lock_for_ever() {
    let database = database().await;
    let spec = database.tenant_spec("acme");
    let tenant = tenants::ensure(&database.operator, &database.fence, &spec)
        .await
        .unwrap();
    // Somebody else migrates this schema and hangs.
    let holder = sqlx::postgres::PgPool::connect(&database.server.superuser_url(&database.name))
        .await
        .unwrap();
    let mut transaction = holder.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('callplane:migrate:' || $1, 0))")
        .bind(tenant.schema.as_str())
        .execute(&mut *transaction)
        .await
        .unwrap();
    let error = migrate::tenant(&database.operator, &database.fence, tenant.id)
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    // Another tenant is not held up by it.
    database.tenant("beta").await.unwrap();
}

async fn versions(database: &callplane_store::test_util::TestDatabase<'_>, id: TenantId) -> String {
    ask(
        database,
        &format!(
            "SELECT string_agg(version::text, ',' ORDER BY version)
               FROM platform.schema_migrations WHERE tenant_id = '{id}' AND status = 'applied'"
        ),
    )
    .await
}
