//! Migrations and calls at the same time, and what is told of a failure.

use std::time::{Duration, Instant};

use callplane_store::contacts::{self, Contact};
use callplane_store::migrate;
use sqlx::{AssertSqlSafe, Connection as _};

use super::{next, recorded, state, told};
use crate::support::{database, superuser, wait_until_somebody_waits};

fn contact(phone: &str) -> Contact {
    Contact {
        first_name: None,
        last_name: None,
        phone: phone.parse().unwrap(),
        time_zone: None,
        do_not_call: false,
    }
}

#[tokio::test]
async fn calls_do_not_queue_behind_a_migration_that_waits_for_a_table() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    // Somebody is in the middle of a transaction over the table, and takes a while.
    let mut slow = superuser(&database).await;
    let mut transaction = slow.begin().await.unwrap();
    let read = format!("SELECT count(*) FROM {}.contacts", acme.schema());
    sqlx::query(AssertSqlSafe(read))
        .execute(&mut *transaction)
        .await
        .unwrap();

    let file = next("ALTER TABLE contacts ADD COLUMN next_thing text");
    let migration = database.migrate_on(&acme, &file);
    let writes = async {
        wait_until_somebody_waits(&mut superuser(&database).await).await;
        let mut slowest = Duration::ZERO;
        // Over several attempts of the migration.
        let begun = Instant::now();
        for serial in 0.. {
            let begin = Instant::now();
            contacts::add(&acme.database, &contact(&format!("+1555700{serial:04}")))
                .await
                .unwrap();
            slowest = slowest.max(begin.elapsed());
            if begun.elapsed() > Duration::from_secs(2) {
                break;
            }
        }
        transaction.commit().await.unwrap();
        slowest
    };
    let (migrated, slowest) = tokio::join!(migration, writes);
    assert_eq!(migrated.unwrap().applied, ["9999_next.sql"]);
    assert!(slowest < Duration::from_millis(1_500), "{slowest:?}");
}

#[tokio::test]
async fn a_failure_is_recorded_without_the_data_that_it_met() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    contacts::add(&acme.database, &contact("+15557654321"))
        .await
        .unwrap();
    let file = next("ALTER TABLE contacts ALTER COLUMN phone TYPE uuid USING phone::uuid");
    let error = database.migrate_on(&acme, &file).await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("22P02"));
    assert!(!told(&error).contains("7654321"), "{}", told(&error));
    let state = state(&database, &acme).await;
    assert!(!state.is_current() || state.stuck.is_some());
    let problem = state.problem().unwrap();
    assert!(
        problem.starts_with("9999_next.sql failed: ") && problem.contains("22P02"),
        "{problem}"
    );
    assert!(!problem.contains("7654321"), "{problem}");
}

#[tokio::test]
async fn what_failed_is_tried_again_with_a_mended_file() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let broken = next("CREATE TABLE next_things (); SELECT * FROM nowhere");
    database.migrate_on(&acme, &broken).await.unwrap_err();
    assert_eq!(recorded(&database, &acme).await, "failed");
    let mended = next("CREATE TABLE next_things ()");
    database.migrate_on(&acme, &mended).await.unwrap();
    assert_eq!(recorded(&database, &acme).await, "applied");
    assert_eq!(state(&database, &acme).await.problem(), None);
}

#[tokio::test]
async fn two_operators_with_pools_of_their_own_migrate_platform_and_tenant_once() {
    let server = callplane_store::test_util::PostgresServer::shared().unwrap();
    server.bootstrap("racing_operators").unwrap();
    let url = server.operator_url("racing_operators");
    let open = || callplane_store::OperatorDatabase::connect_lazy(&url, 4).unwrap();
    let (a, b) = (open(), open());
    let (one, two) = tokio::join!(migrate::platform(&a), migrate::platform(&b));
    let applied = one.unwrap().applied.len() + two.unwrap().applied.len();
    assert_eq!(applied, migrate::PLATFORM.len());
}
