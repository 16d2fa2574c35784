//! The server dies in the middle of a migration.

use callplane_store::migrate::{self, File};
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{indexes, next, recorded, state};
use crate::support::{ask, superuser, wait_until_somebody_waits};

/// Holds back a migration with `hold`, kills the server once the migration waits, starts it again.
async fn killed_while(database: &TestDatabase<'_>, tenant: &TestTenant, file: &[File], hold: &str) {
    let mut other = superuser(database).await;
    let mut holding: PgConnection = superuser(database).await;
    let mut transaction = holding.begin().await.unwrap();
    sqlx::query(AssertSqlSafe(hold.to_owned()))
        .execute(&mut *transaction)
        .await
        .unwrap();
    let migration = database.migrate_on(tenant, file);
    let killing = async {
        wait_until_somebody_waits(&mut other).await;
        database.server.kill().unwrap();
    };
    let (migrated, ()) = tokio::join!(migration, killing);
    let error = migrated.unwrap_err();
    assert!(error.is_transient(), "{}", super::told(&error));
    database.server.resume().unwrap();
}

#[tokio::test]
async fn a_migration_whose_server_was_killed_converges() {
    let server = PostgresServer::start().unwrap();
    let database = TestDatabase::create(&server).await.unwrap();
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema().as_str();

    // In a transaction: nothing of it is left.
    let file = next(
        "CREATE TABLE next_things (id integer);
         SELECT pg_advisory_xact_lock(4711);
         ALTER TABLE next_things ADD COLUMN name text;",
    );
    killed_while(
        &database,
        &acme,
        &file,
        "SELECT pg_advisory_xact_lock(4711)",
    )
    .await;
    let there = format!("SELECT to_regclass('{schema}.next_things') IS NOT NULL");
    assert_eq!(ask(&database, &there).await, "false");
    assert_eq!(recorded(&database, &acme).await, "");
    let migrated = database.migrate_on(&acme, &file).await.unwrap();
    assert_eq!(migrated.applied, ["9999_next.sql"]);
    assert_eq!(ask(&database, &there).await, "true");

    // Without one: an invalid index is left, and the record that it was begun.
    let concurrent = [
        file[0],
        File {
            name: "9999_index.sql",
            sql: "-- transaction: none
CREATE INDEX CONCURRENTLY IF NOT EXISTS calls_by_cause ON calls (hangup_cause);",
        },
    ];
    let write = format!("DELETE FROM {schema}.calls_default");
    killed_while(&database, &acme, &concurrent, &write).await;
    let found = indexes(schema, "calls_by_cause");
    assert_eq!(ask(&database, &found).await, "2 2");
    let stuck = state(&database, &acme).await.stuck.unwrap();
    assert_eq!((stuck.file.as_str(), stuck.error), ("9999_index.sql", None));
    database.migrate_on(&acme, &concurrent).await.unwrap();
    assert_eq!(ask(&database, &found).await, "2 0");
    assert_eq!(state(&database, &acme).await.stuck, None);
    assert_eq!(
        state(&database, &acme).await.version as usize,
        migrate::TENANT.len() + 2
    );
}
