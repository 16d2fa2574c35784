//! Files without a transaction.

use callplane_store::Error;
use callplane_store::migrate::{self, Mode};
use sqlx::Connection as _;

use super::{indexes, next, recorded, state};
use crate::records::record;
use crate::support::{ask, database, equipped, superuser, wait_until_somebody_waits};

const INDEX: &str = "-- transaction: none
CREATE INDEX CONCURRENTLY IF NOT EXISTS calls_by_cause ON calls (hangup_cause);";

#[tokio::test]
async fn an_index_of_a_partitioned_table_is_made_while_calls_are_written() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    // A call that is under way when the migration begins. Whatever is made of the partition must wait
    // for it, and what is made otherwise than concurrently lets nobody else write meanwhile.
    let mut before = superuser(&database).await;
    let mut call = before.begin().await.unwrap();
    let write = format!("DELETE FROM {}.calls_default", acme.schema());
    sqlx::query(sqlx::AssertSqlSafe(write))
        .execute(&mut *call)
        .await
        .unwrap();

    let file = next(INDEX);
    let migration = database.migrate_on(&acme, &file);
    let calls = async {
        wait_until_somebody_waits(&mut superuser(&database).await).await;
        let record = record(&acme).await;
        callplane_store::records::finish(&acme.database, &record)
            .await
            .unwrap();
        assert_eq!(recorded(&database, &acme).await, "running");
        assert!(state(&database, &acme).await.stuck.is_some());
        call.commit().await.unwrap();
    };
    let (migrated, ()) = tokio::join!(migration, calls);
    assert_eq!(migrated.unwrap().applied, ["9999_next.sql"]);
    let found = indexes(acme.schema().as_str(), "calls_by_cause");
    assert_eq!(ask(&database, &found).await, "2 0");
    assert_eq!(recorded(&database, &acme).await, "applied");
}

#[tokio::test]
async fn an_index_that_was_interrupted_is_dropped_and_made_again() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    // Two rows that a unique index does not allow: the attempt fails and leaves an invalid index.
    let schema = acme.schema().as_str();
    database
        .superuser(&format!(
            "INSERT INTO {schema}.teams (name) VALUES ('one'), ('two')"
        ))
        .await
        .unwrap();
    let file = next(
        "-- transaction: none
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS teams_once ON teams (created_at);",
    );
    let error = database.migrate_on(&acme, &file).await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("23505"), "{error}");
    let found = indexes(schema, "teams_once");
    assert_eq!(ask(&database, &found).await, "1 1");
    let stuck = state(&database, &acme).await.stuck.unwrap();
    assert_eq!(stuck.file, "9999_next.sql");
    assert!(stuck.error.unwrap().contains("teams_once"));

    database
        .superuser(&format!("DELETE FROM {schema}.teams"))
        .await
        .unwrap();
    database.migrate_on(&acme, &file).await.unwrap();
    assert_eq!(ask(&database, &found).await, "1 0");
    assert_eq!(state(&database, &acme).await.stuck, None);
}

#[tokio::test]
async fn a_partition_that_has_the_index_is_not_indexed_again() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let file = next(INDEX);
    database.migrate_on(&acme, &file).await.unwrap();
    let schema = acme.schema().as_str();
    let oids = format!(
        "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class
          WHERE relnamespace = '{schema}'::regnamespace AND relname LIKE '%calls_by_cause'"
    );
    let before = ask(&database, &oids).await;
    // As when the process died after the work and before the record.
    database
        .superuser(
            "UPDATE platform.schema_migrations SET status = 'running' WHERE name = '9999_next.sql'",
        )
        .await
        .unwrap();
    database.migrate_on(&acme, &file).await.unwrap();
    assert_eq!(ask(&database, &oids).await, before);
    assert_eq!(recorded(&database, &acme).await, "applied");
}

#[tokio::test]
async fn a_word_of_an_enum_and_a_superfluous_index_need_no_transaction_either() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let words = next(
        "-- transaction: none\nALTER TYPE platform.call_status ADD VALUE IF NOT EXISTS 'parked';",
    );
    database.migrate_platform_on(&words).await.unwrap();
    let word = "SELECT 'parked' = ANY (enum_range(NULL::platform.call_status)::text[])";
    assert_eq!(ask(&database, word).await, "true");
    let drop =
        next("-- transaction: none\nDROP INDEX CONCURRENTLY IF EXISTS campaign_recipients_due;");
    database.migrate_on(&acme, &drop).await.unwrap();
    let found = indexes(acme.schema().as_str(), "campaign_recipients_due");
    assert_eq!(ask(&database, &found).await, "0 0");
}

#[tokio::test]
async fn a_statement_that_cannot_be_repeated_is_not_begun() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let file = next("-- transaction: none\nALTER TABLE calls DROP COLUMN outcome;");
    let error = database.migrate_on(&acme, &file).await.unwrap_err();
    assert!(super::told(&error).contains("transaction: none"), "{error}");
    assert!(matches!(error, Error::Migration { .. }));
    assert_eq!(recorded(&database, &acme).await, "failed");
}

#[test]
fn the_files_without_a_transaction_are_few_and_known() {
    let concurrent: Vec<&str> = [migrate::PLATFORM, migrate::TENANT]
        .concat()
        .iter()
        .filter(|file| file.mode() == Mode::Concurrent)
        .map(|file| file.name)
        .collect();
    assert_eq!(concurrent, ["0019_search.sql"]);
}
