//! Partitions by month: made ahead, caught up with, and given to a tenant whose calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use callplane_store::months::{self, Ensured, Partitioning};
use callplane_store::records;
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_types::WallTime;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::records::{now, own, record, record_at};
use crate::support::{ask, count, database, equipped, login, refused, superuser};

const DAY: Duration = Duration::from_secs(86_400);

fn days_from_now(days: u32) -> WallTime {
    now() + DAY * days
}

async fn ensure(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    partitioning: Partitioning,
    at: WallTime,
) -> Ensured {
    months::ensure(
        &database.operator,
        &database.fence,
        tenant.id,
        partitioning,
        at,
    )
    .await
    .unwrap()
}

/// How many partitions by month each of these tables has.
async fn partitions(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    tables: [&str; 3],
) -> [i64; 3] {
    let mut connection = superuser(database).await;
    let mut found = [0; 3];
    for (found, table) in found.iter_mut().zip(tables) {
        let sql = format!(
            "SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = '{}.{table}'::regclass",
            tenant.schema()
        );
        *found = count(&mut connection, &sql).await;
    }
    found
}

/// One row in each table that every tenant has by month, `months` from now.
async fn write_figures(connection: &mut PgConnection, schema: &str, months: u32) {
    let sql = format!(
        "SET search_path = {schema}, public;
         INSERT INTO call_metrics (metric_date, granularity, bucket_start)
         SELECT d, 'day', d FROM (SELECT (now() + interval '{months} months')::date) x(d);
         INSERT INTO agent_metrics (metric_date, bucket_start, agent_id, completed_calls, total_duration_seconds)
         SELECT d, d, a.id, 2, 7 FROM (SELECT (now() + interval '{months} months')::date) x(d), agents a;
         INSERT INTO voice_quality_metrics (metric_date, sampled_at, call_id)
         SELECT d, d, platform.uuid_v7() FROM (SELECT (now() + interval '{months} months')::date) x(d);
         INSERT INTO usage_metrics (metric_date, resource)
         SELECT d, 'minutes' FROM (SELECT (now() + interval '{months} months')::date) x(d)"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn rows_of_months_that_were_late_move_into_them() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15551230001").await;
    let mut connection = superuser(&database).await;
    for months in [4, 5] {
        write_figures(&mut connection, acme.schema().as_str(), months).await;
    }
    let in_default = "(SELECT count(*) FROM call_metrics_default)
                    + (SELECT count(*) FROM agent_metrics_default)
                    + (SELECT count(*) FROM voice_quality_metrics_default)
                    + (SELECT count(*) FROM usage_metrics_default)";
    let all = "(SELECT count(*) FROM call_metrics) + (SELECT count(*) FROM voice_quality_metrics)
             + (SELECT count(*) FROM usage_metrics) + (SELECT sum(avg_duration * 2)::int FROM agent_metrics)";
    assert_eq!(own(&database, &acme, in_default).await, "8");
    assert_eq!(own(&database, &acme, all).await, "20");

    // Half a year later, to the day or a little more.
    let later = days_from_now(184);
    let ensured = ensure(&database, &acme, Partitioning::Small, later).await;
    assert!(ensured.made >= 5 * 5, "{ensured:?}");
    assert_eq!(own(&database, &acme, in_default).await, "0");
    assert_eq!(own(&database, &acme, all).await, "20");
    let again = ensure(&database, &acme, Partitioning::Small, later).await;
    assert_eq!(again, Ensured::default());
    // A clock that was set back asks for nothing that is not there.
    let back = ensure(&database, &acme, Partitioning::Small, now()).await;
    assert_eq!(back, Ensured::default());
}

#[tokio::test]
async fn while_nothing_is_missing_no_table_is_touched() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15551230001").await;
    let mut connection = superuser(&database).await;
    let lock = format!(
        "BEGIN; LOCK TABLE {0}.calls, {0}.call_metrics IN ACCESS EXCLUSIVE MODE",
        acme.schema()
    );
    sqlx::raw_sql(AssertSqlSafe(lock))
        .execute(&mut connection)
        .await
        .unwrap();
    let ensured = ensure(&database, &acme, Partitioning::Small, now()).await;
    assert_eq!(ensured, Ensured::default());
}

/// Calls that are written one after the other until they are told to stop; says how many there were.
async fn write_calls(tenant: Arc<TestTenant>, stop: Arc<AtomicBool>) -> u64 {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let record = record(&tenant).await;
        records::start(&tenant.database, &record.call)
            .await
            .unwrap();
        records::finish(&tenant.database, &record).await.unwrap();
        written += 1;
    }
    written
}

#[tokio::test]
async fn a_small_tenant_becomes_large_while_its_calls_go_on() {
    let database = database().await;
    let acme = Arc::new(equipped(&database, "acme", "+15551230001").await);
    // A call that goes on over all of it.
    let long = record(&acme).await;
    records::start(&acme.database, &long.call).await.unwrap();
    let relations = format!(
        "SELECT count(*) FROM pg_class WHERE relnamespace = '{}'::regnamespace",
        acme.schema()
    );
    let before = ask(&database, &relations).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|_| tokio::spawn(write_calls(Arc::clone(&acme), Arc::clone(&stop))))
        .collect();

    let begun = Instant::now();
    let ensured = ensure(&database, &acme, Partitioning::Month, now()).await;
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    let after = ask(&database, &relations).await;
    eprintln!(
        "{written} calls while {before} relations became {after} in {} ms",
        took.as_millis()
    );
    assert_eq!(ensured.in_default, 0);
    assert!(written > 0);
    records::finish(&acme.database, &long).await.unwrap();
    assert_eq!(
        own(&database, &acme, "SELECT count(*) FROM cdrs").await,
        (written + 1).to_string()
    );
    for rows in [
        "call_legs",
        "call_recordings",
        "conversations",
        "messages",
        "events",
    ] {
        let each = if rows == "messages" { 2 } else { 1 };
        let sql = format!("SELECT count(*) FROM {rows}");
        assert_eq!(
            own(&database, &acme, &sql).await,
            (each * (written + 1)).to_string(),
            "{rows}"
        );
    }
    // The months to come, of all tables; the constraints that proved them are gone.
    let tables = ["calls", "messages", "audit_logs"];
    assert_eq!(partitions(&database, &acme, tables).await, [3; 3]);
    let proofs = "SELECT count(*) FROM pg_constraint WHERE conname = 'callplane_before'";
    assert_eq!(own(&database, &acme, proofs).await, "0");
    a_call_of_next_month_is_in_its_month(&database, &acme).await;
}

async fn a_call_of_next_month_is_in_its_month(database: &TestDatabase<'_>, tenant: &TestTenant) {
    let next = record_at(tenant, days_from_now(32)).await;
    records::finish(&tenant.database, &next).await.unwrap();
    for (table, key) in [
        ("calls", "id"),
        ("call_legs", "call_id"),
        ("cdrs", "call_id"),
    ] {
        let sql = format!(
            "SELECT tableoid::regclass::text = '{table}_' || to_char(platform.uuid_v7_month({key}), 'YYYYMM')
               FROM {table} WHERE {key} = '{}'",
            next.call.id
        );
        assert_eq!(own(database, tenant, &sql).await, "true", "{table}");
    }
}

#[tokio::test]
async fn a_large_tenant_whose_months_are_late_keeps_its_calls_and_is_told() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15551230001").await;
    ensure(&database, &acme, Partitioning::Month, now()).await;
    let rows = async || months::strays(&database.operator).await.unwrap()[0].rows;
    assert_eq!(rows().await, 0);
    let late = days_from_now(184);
    let call = record_at(&acme, late).await;
    records::finish(&acme.database, &call).await.unwrap();
    // The call, its rows, its figures and its event are in DEFAULT; the event of today is in time.
    assert!(rows().await > 10);

    let ensured = ensure(&database, &acme, Partitioning::Month, late).await;
    assert!(ensured.in_default > 0 && ensured.made > 0, "{ensured:?}");
    assert_eq!(
        own(&database, &acme, "SELECT count(*) FROM cdrs").await,
        "1"
    );
    let again = ensure(&database, &acme, Partitioning::Month, late).await;
    assert_eq!(again, Ensured::default());
    // A small tenant is not watched: DEFAULT is where its calls are.
    let beta = equipped(&database, "beta", "+15551230002").await;
    let call = record(&beta).await;
    records::finish(&beta.database, &call).await.unwrap();
    assert_eq!(months::strays(&database.operator).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_proof_that_was_left_behind_refuses_no_call() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15551230001").await;
    let left = format!(
        "ALTER TABLE {}.calls_default ADD CONSTRAINT callplane_before
            CHECK (id < platform.uuid_v7_floor('2020-01-01')) NOT VALID",
        acme.schema()
    );
    database.superuser(&left).await.unwrap();
    let call = record(&acme).await;
    records::finish(&acme.database, &call).await.unwrap_err();
    ensure(&database, &acme, Partitioning::Month, now()).await;
    records::finish(&acme.database, &call).await.unwrap();
}

#[tokio::test]
async fn what_never_changes_leaves_by_the_owner_alone_and_only_when_it_says_so() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15551230001").await;
    let call = record(&acme).await;
    records::finish(&acme.database, &call).await.unwrap();
    let schema = acme.schema();
    let delete = format!("DELETE FROM {schema}.cdrs");
    // A login of the tenant, even with the privilege and with the word.
    let grant = format!("GRANT DELETE ON {schema}.cdrs TO {schema}_media");
    database.superuser(&grant).await.unwrap();
    let mut media = login(&acme.credentials).await.unwrap();
    let with_word = format!("SET app.retention = 'on'; {delete}");
    assert_eq!(refused(&mut media, &with_word).await, "42501");
    // The owner without the word, then with it.
    let mut owner = superuser(&database).await;
    let enter = format!("SET ROLE {schema}_owner; SET search_path = {schema}");
    sqlx::raw_sql(AssertSqlSafe(enter))
        .execute(&mut owner)
        .await
        .unwrap();
    assert_eq!(refused(&mut owner, &delete).await, "42501");
    sqlx::raw_sql(AssertSqlSafe(with_word))
        .execute(&mut owner)
        .await
        .unwrap();
    assert_eq!(
        own(&database, &acme, "SELECT count(*) FROM cdrs").await,
        "0"
    );
}

#[tokio::test]
async fn a_recording_under_legal_hold_keeps_its_call() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15551230001").await;
    let call = record(&acme).await;
    records::finish(&acme.database, &call).await.unwrap();
    let schema = acme.schema();
    let mut owner = superuser(&database).await;
    for held in ["call_recordings", "calls"] {
        let sql = format!(
            "SET app.retention = 'on'; UPDATE {schema}.call_recordings SET legal_hold = true;
             DELETE FROM {schema}.{held}"
        );
        // A statement that is refused takes the others of its message with it.
        sqlx::raw_sql(AssertSqlSafe(format!(
            "UPDATE {schema}.call_recordings SET legal_hold = true"
        )))
        .execute(&mut owner)
        .await
        .unwrap();
        assert_eq!(refused(&mut owner, &sql).await, "23001", "{held}");
    }
    let lifted = format!(
        "UPDATE {schema}.call_recordings SET legal_hold = false; DELETE FROM {schema}.calls"
    );
    database.superuser(&lifted).await.unwrap();
    assert_eq!(
        own(&database, &acme, "SELECT count(*) FROM call_recordings").await,
        "0"
    );
}
