//! The drill: a server with its disk is lost and comes back from the repository, with all but the last
//! seconds; and to a point in time, by the script that users run.
//!
//! `CALLPLANE_ARCHIVE_TIMEOUT=60 cargo test -p callplane-store --test it drill -- --nocapture` measures
//! what `migrations/backup/postgresql.conf` sets.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use callplane_store::backups::{self, Finding, Limits};
use callplane_store::test_util::{PostgresServer, Settings, TestDatabase, TestTenant};
use callplane_store::{drift, migrate};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::figure;
use super::repository::{Repository, run, set};
use super::writer::Writer;
use crate::support::ask;

/// What the data model asks for, in seconds.
const RECOVERY_POINT: u64 = 300;
const RECOVERY_TIME: u64 = 900;

/// What a busy machine may take for a step.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of the server under test, in seconds.
fn archive_timeout() -> u32 {
    let given = std::env::var("CALLPLANE_ARCHIVE_TIMEOUT").ok();
    given.map_or(2, |seconds| seconds.parse().unwrap())
}

struct Scene<'a> {
    database: TestDatabase<'a>,
    repository: Repository<'a>,
    acme: TestTenant,
    beta: TestTenant,
    /// Writes calls of acme.
    writer: Writer,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_server_comes_back_with_all_but_its_last_seconds() {
    let server = PostgresServer::start_with(Settings::Archiving).unwrap();
    let database = TestDatabase::create(&server).await.unwrap();
    let acme = database.tenant("acme").await.unwrap();
    let beta = database.tenant("beta").await.unwrap();
    let repository = Repository::create(&database, archive_timeout()).await;
    repository.pgbackrest(&["--type=full", "backup"]);
    let scene = Scene {
        writer: Writer::start(acme.database.clone()),
        database,
        repository,
        acme,
        beta,
    };
    scene.writer.more(20).await;
    scene.repository.pgbackrest(&["--type=incr", "backup"]);
    assert_eq!(
        scene.repository.record(&scene.database).await.backups,
        2,
        "both backups are recorded"
    );
    what_stops_the_archive_is_found(&scene).await;
    a_point_in_time_comes_back(&scene).await;
    the_server_comes_back(&scene).await;
    everything_works(&scene).await;
    scene.writer.stop();
}

/// The watch over the recovery point, and its control: with archiving off it says so.
async fn what_stops_the_archive_is_found(scene: &Scene<'_>) {
    let Scene {
        database,
        repository,
        ..
    } = scene;
    let limits = Limits {
        recovery_point: Duration::from_secs(5),
        ..Limits::default()
    };
    let lags = async || {
        repository.record(database).await;
        let standing = backups::standing(&database.operator).await.unwrap();
        let findings = standing.findings(&limits);
        assert!(
            !findings
                .iter()
                .any(|finding| matches!(finding, Finding::Full(_) | Finding::Incremental(_)))
        );
        findings
            .iter()
            .any(|finding| matches!(finding, Finding::RecoveryPoint(Some(_))))
    };
    // A busy machine may need more than one go.
    let recovers = async || {
        let begun = Instant::now();
        loop {
            repository.record(database).await;
            archive_all(database).await;
            if !lags().await {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "it lags behind all the time");
        }
    };
    recovers().await;

    let command = ask(database, "SELECT current_setting('archive_command')").await;
    set(database, "archive_command", "'/bin/false'").await;
    let stopped = Instant::now();
    while !lags().await {
        assert!(stopped.elapsed() < PATIENCE, "nobody noticed");
    }
    set(database, "archive_command", &format!("$x${command}$x$")).await;
    recovers().await;
}

/// `drill.sh` to a moment: what was acknowledged before it is there, what was begun after it is not.
async fn a_point_in_time_comes_back(scene: &Scene<'_>) {
    let Scene {
        database,
        repository,
        acme,
        writer,
        ..
    } = scene;
    writer.more(10).await;
    let before = writer.ids();
    let point = ask(database, "SELECT clock_timestamp()").await;
    let around = writer.ids();
    // The first of them may have been on its way at the moment.
    writer.more(10).await;
    let later = writer.acknowledged();
    let after: BTreeSet<Uuid> = later[around.len() + 1..]
        .iter()
        .map(|call| call.id)
        .collect();
    assert!(!before.is_empty() && !after.is_empty());
    archive_all(database).await;

    let port = 5499;
    let drill = repository.drill(&database.name, "scratch", port, &point);
    let scratch = database.server.folder().join("scratch");
    let url = format!(
        "postgres://postgres@localhost/{}?host={}&port={port}",
        database.name,
        scratch.display()
    );
    let mut restored = PgConnection::connect(&url).await.unwrap();
    let found = calls(&mut restored, acme).await;
    assert!(
        found.is_superset(&before),
        "calls before the point are lost"
    );
    assert!(found.is_disjoint(&after), "calls after the point are there");
    let archive: String = sqlx::query("SELECT current_setting('archive_mode')")
        .fetch_one(&mut restored)
        .await
        .unwrap()
        .get(0);
    assert_eq!(
        archive, "off",
        "the scratch server would write into the repository"
    );
    restored.close().await.unwrap();
    run(database
        .server
        .command("pg_ctl")
        .unwrap()
        .args(["-m", "immediate", "stop", "-D"])
        .arg(scratch.join("data")));

    backups::record_drill(&database.operator, &drill)
        .await
        .unwrap();
    let standing = backups::standing(&database.operator).await.unwrap();
    let took = standing.last_drill.unwrap().took.unwrap();
    assert!(took <= Duration::from_secs(RECOVERY_TIME));
    assert_eq!(standing.findings(&Limits::default()), []);
    figure(
        "restore: drill.sh to a point in time, until it takes a write",
        format!("{:.1}", drill.took.as_secs_f64()),
        "s",
        &format!("<= {RECOVERY_TIME}"),
    );
}

/// Server and disk vanish shortly before the next file of the log would have been archived, which is
/// when the most is lost.
async fn the_server_comes_back(scene: &Scene<'_>) {
    let Scene {
        database,
        repository,
        acme,
        writer,
        ..
    } = scene;
    let timeout = Duration::from_secs(archive_timeout().into());
    let files = "SELECT archived_count FROM pg_stat_archiver";
    let archived = ask(database, files).await;
    while ask(database, files).await == archived {
        writer.more(1).await;
    }
    let begun = Instant::now();
    while begun.elapsed() < timeout.mul_f64(0.8) {
        writer.more(1).await;
    }
    let killed = Instant::now();
    database.server.destroy().unwrap();
    let acknowledged = writer.acknowledged();

    let data = database.server.folder().join("data");
    run(database
        .server
        .command("mkdir")
        .unwrap()
        .args(["-m", "700"])
        .arg(data));
    repository.pgbackrest(&["restore"]);
    database.server.resume().unwrap();
    let back = writer.more(1).await - killed;

    let mut connection = PgConnection::connect(&database.server.superuser_url(&database.name))
        .await
        .unwrap();
    let found = calls(&mut connection, acme).await;
    let kept = acknowledged
        .iter()
        .take_while(|call| found.contains(&call.id))
        .count();
    let (kept, lost) = acknowledged.split_at(kept);
    assert!(
        lost.iter().all(|call| !found.contains(&call.id)),
        "there is a hole in what came back"
    );
    let newest = kept.last().expect("some calls came back");
    let lost_time = lost
        .last()
        .map_or(Duration::ZERO, |last| last.at - newest.at);
    assert!(
        lost_time <= timeout + Duration::from_secs(5),
        "{lost_time:?}"
    );
    assert!(
        lost_time <= Duration::from_secs(RECOVERY_POINT),
        "{lost_time:?}"
    );
    assert!(back <= Duration::from_secs(RECOVERY_TIME), "{back:?}");
    figure(
        &format!(
            "restore: records lost with server and disk, archive_timeout {} s",
            timeout.as_secs()
        ),
        format!("{:.1}", lost_time.as_secs_f64()),
        "s",
        &format!("<= {RECOVERY_POINT}"),
    );
    figure(
        "restore: from the kill to the first call record",
        format!("{:.1}", back.as_secs_f64()),
        "s",
        &format!("<= {RECOVERY_TIME}"),
    );
}

/// Logins with their passwords, migrations, marks: the server is as it was.
async fn everything_works(scene: &Scene<'_>) {
    let Scene {
        database,
        repository,
        acme,
        beta,
        ..
    } = scene;
    for tenant in [acme, beta] {
        tenant.database.ping().await.unwrap();
        let migrated = migrate::tenant(&database.operator, &database.fence, tenant.id).await;
        assert_eq!(migrated.unwrap().applied, [""; 0]);
        let drift = drift::tenant(&database.operator, tenant.id).await;
        assert_eq!(drift.unwrap(), []);
    }
    assert_eq!(drift::platform(&database.operator).await.unwrap(), []);
    let check = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("backup/check.sql");
    let check = check.display().to_string();
    let quiet = ["-X", "-q", "-f", &check, "-d"];
    database
        .server
        .program("psql", &database.name, &quiet)
        .unwrap();
    // The control of the check: without one of the marks it ends.
    let unmark = "ALTER FUNCTION pg_catalog.enum_eq(anyenum, anyenum) NOT LEAKPROOF";
    database.superuser(unmark).await.unwrap();
    let refused = database.server.program("psql", &database.name, &quiet);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("not marked leakproof")
    );

    // The log goes on, in a timeline of its own.
    let first = repository.record(database).await;
    assert!(first.writing.to_string().starts_with("00000002"));
    archive_all(database).await;
    let second = repository.record(database).await;
    assert!(second.recovered_to > first.recovered_to);
}

/// Closes the file that is being written and waits until it is in the repository.
async fn archive_all(database: &TestDatabase<'_>) {
    let file = ask(database, "SELECT pg_walfile_name(pg_switch_wal())").await;
    let reached =
        format!("SELECT coalesce(last_archived_wal >= '{file}', false) FROM pg_stat_archiver");
    let begun = Instant::now();
    while ask(database, &reached).await != "true" {
        assert!(begun.elapsed() < PATIENCE, "{file} is not archived");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn calls(connection: &mut PgConnection, tenant: &TestTenant) -> BTreeSet<Uuid> {
    let query = format!("SELECT id FROM {}.calls", tenant.schema());
    sqlx::query(AssertSqlSafe(query))
        .fetch_all(connection)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}
