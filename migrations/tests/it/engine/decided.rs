//! What people decide: a migration that failed is resolved, a schema for development is made anew.

use callplane_store::migrate::{self, Resolution, TENANT};
use callplane_store::{Error, records};

use super::state;
use crate::records::record;
use crate::support::{ask, database, equip, equipped};

#[tokio::test]
async fn a_file_that_is_there_by_other_ways_is_marked_and_not_run() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let last = TENANT.last().unwrap().name;
    let fail = format!(
        "UPDATE platform.schema_migrations SET status = 'failed', error = 'why' WHERE name = '{last}'"
    );
    database.superuser(&fail).await.unwrap();
    assert_eq!(state(&database, &acme).await.pending, [last]);
    let resolve =
        |resolution| migrate::resolve(&database.operator, Some(acme.id), last, resolution);
    resolve(Resolution::Applied).await.unwrap();
    assert!(state(&database, &acme).await.is_current());
    let again = migrate::tenant(&database.operator, &database.fence, acme.id);
    assert_eq!(again.await.unwrap().applied, Vec::<&str>::new());
    // Once more is a mistake, and it may be taken back.
    let error = resolve(Resolution::Applied).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    resolve(Resolution::RolledBack).await.unwrap();
    let again = migrate::tenant(&database.operator, &database.fence, acme.id);
    assert_eq!(again.await.unwrap().applied, [last]);
}

#[tokio::test]
async fn what_was_applied_is_not_taken_back_and_what_is_unknown_not_resolved() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    for (file, resolution) in [
        ("0001_core_and_people.sql", Resolution::RolledBack),
        ("0001_core_and_people.sql", Resolution::Applied),
        ("0001_nothing.sql", Resolution::Applied),
    ] {
        migrate::resolve(&database.operator, Some(acme.id), file, resolution)
            .await
            .unwrap_err();
    }
    assert!(state(&database, &acme).await.is_current());
}

#[tokio::test]
async fn a_changed_file_is_accepted_when_a_person_says_that_it_makes_the_same() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let changed = "UPDATE platform.schema_migrations SET checksum = '\\x00' WHERE version = 2";
    database.superuser(changed).await.unwrap();
    let problem = state(&database, &acme).await.problem().unwrap();
    assert!(
        problem.starts_with("0002_knowledge.sql was changed"),
        "{problem}"
    );
    migrate::resolve(
        &database.operator,
        Some(acme.id),
        "0002_knowledge.sql",
        Resolution::Applied,
    )
    .await
    .unwrap();
    assert!(state(&database, &acme).await.is_current());
}

#[tokio::test]
async fn a_schema_is_made_anew_only_where_its_data_is_nobodys() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    records::finish(&acme.database, &record(&acme).await)
        .await
        .unwrap();
    let calls = format!("SELECT count(*) FROM {}.calls", acme.schema());
    let reset = || migrate::reset(&database.operator, &database.fence, acme.id);
    let cluster = |environment: &str| {
        format!(
            "INSERT INTO platform.database_clusters
                    (name, region, environment, pooled_dsn_secret, direct_dsn_secret)
             VALUES ('{environment}', 'here', '{environment}', 's', 's')"
        )
    };
    // Nobody has said what this database is; then one of two is not for development.
    let error = reset().await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("platform.database_clusters"), "{told}");
    database.superuser(&cluster("dev")).await.unwrap();
    database.superuser(&cluster("production")).await.unwrap();
    let error = reset().await.unwrap_err();
    assert!(matches!(error, Error::NotForDevelopment), "{error}");
    assert_eq!(ask(&database, &calls).await, "1");

    let only = "DELETE FROM platform.database_clusters WHERE environment = 'production'";
    database.superuser(only).await.unwrap();
    let progress = format!(
        "INSERT INTO platform.import_progress (tenant_id, source_platform, source_tenant,
                source_database, source_table)
         VALUES ('{}', 'dukat', 'acme', '1/dukat/public', 'calls')",
        acme.id
    );
    database.superuser(&progress).await.unwrap();
    let migrated = reset().await.unwrap();
    assert_eq!(migrated.version as usize, TENANT.len());
    let begun = "SELECT count(*) FROM platform.import_progress";
    assert_eq!(ask(&database, begun).await, "0");
    assert_eq!(ask(&database, &calls).await, "0");
    assert!(
        callplane_store::roles::verify(&acme.credentials)
            .await
            .unwrap()
    );
    let found = callplane_store::drift::tenant(&database.operator, acme.id);
    assert_eq!(found.await.unwrap(), []);
    // What custom resources own is put back by who projects them, and calls go on.
    equip(&database, &acme, "+15550000002").await;
    records::finish(&acme.database, &record(&acme).await)
        .await
        .unwrap();
    assert_eq!(ask(&database, &calls).await, "1");
}
