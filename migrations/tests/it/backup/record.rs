//! What `pgbackrest info` says becomes rows, once.

use callplane_store::backups::{self, Backup, BackupKind, Drill, Info, Regions, WalFile};
use callplane_store::test_util::TestDatabase;
use callplane_types::WallTime;
use std::time::Duration;

use crate::support::{ask, database};

async fn info(database: &TestDatabase<'_>, archived: Option<WalFile>) -> Info {
    let system = "SELECT system_identifier FROM pg_control_system()";
    let system: i64 = ask(database, system).await.parse().unwrap();
    Info {
        stanza: "main".to_owned(),
        system: Some(system.cast_unsigned()),
        problem: None,
        backups: Vec::new(),
        archived,
        restorable: true,
    }
}

fn backup(kind: BackupKind, label: &str, repository: u32, damaged: bool) -> Backup {
    let started_at = WallTime::from_unix_micros(1_700_000_000_000_000);
    Backup {
        kind,
        label: label.to_owned(),
        repository,
        started_at,
        finished_at: started_at + Duration::from_secs(60),
        size_bytes: 5,
        damaged,
    }
}

#[tokio::test]
async fn a_backup_is_recorded_once_however_often_it_is_seen() {
    let database = database().await;
    let info = Info {
        backups: vec![
            backup(BackupKind::Full, "F", 1, false),
            backup(BackupKind::Full, "F", 2, false),
            backup(BackupKind::Incremental, "F_I", 1, true),
        ],
        ..info(&database, None).await
    };
    let regions = Regions::from([(2, "eu-west".to_owned())]);
    for new in [3, 0] {
        let recorded = backups::record(&database.operator, &info, &regions)
            .await
            .unwrap();
        assert_eq!(recorded.backups, new);
    }
    let rows = ask(
        &database,
        "SELECT string_agg(format('%s %s %s %s %s', kind, status, location, region,
                                  extract(epoch FROM recovered_to)::bigint), ', ' ORDER BY location, kind)
           FROM platform.backup_runs WHERE kind <> 'wal'",
    )
    .await;
    // What may be broken proves nothing.
    assert_eq!(
        rows,
        "full succeeded pgbackrest:main/repo1/F  1700000060, \
         incremental failed pgbackrest:main/repo1/F_I  , \
         full succeeded pgbackrest:main/repo2/F eu-west 1700000060"
    );
}

#[tokio::test]
async fn a_moment_is_restorable_once_the_repository_has_the_log_until_then() {
    let database = database().await;
    let record = async |archived| {
        let info = info(&database, archived).await;
        backups::record(&database.operator, &info, &Regions::new())
            .await
            .unwrap()
    };
    let first = record(None).await;
    assert_eq!(first.recovered_to, None);
    assert_eq!(record(None).await.recovered_to, None);
    let standing = backups::standing(&database.operator).await.unwrap();
    let before = standing.now;
    database.superuser("SELECT pg_switch_wal()").await.unwrap();

    let second = record(Some(first.writing)).await;
    let proven = second.recovered_to.unwrap();
    assert!(proven < before);
    assert!(second.writing != first.writing && second.writing.reaches(first.writing));
    // The file of now is not archived yet, so no later moment is proven.
    assert_eq!(record(Some(first.writing)).await.recovered_to, Some(proven));
    let third = record(Some(second.writing)).await;
    assert!(third.recovered_to.unwrap() > before);

    // Of those that are proven the last of the hour stays.
    let marks =
        "SELECT count(*) FROM platform.backup_runs WHERE kind = 'wal' AND status = 'succeeded'";
    let kept: u32 = ask(&database, marks).await.parse().unwrap();
    assert!((1..=2).contains(&kept), "{kept}");
}

#[tokio::test]
async fn a_log_without_a_full_backup_proves_nothing() {
    let database = database().await;
    let record = async |archived, restorable| {
        let info = Info {
            restorable,
            ..info(&database, archived).await
        };
        backups::record(&database.operator, &info, &Regions::new())
            .await
            .unwrap()
    };
    let first = record(None, false).await;
    database.superuser("SELECT pg_switch_wal()").await.unwrap();
    let archived = Some(first.writing);
    assert_eq!(record(archived, false).await.recovered_to, None);
    // The control: the same log, once there is a backup.
    assert!(record(archived, true).await.recovered_to.is_some());
}

#[tokio::test]
async fn a_mark_that_is_never_proven_is_given_up() {
    let database = database().await;
    let info = info(&database, None).await;
    backups::record(&database.operator, &info, &Regions::new())
        .await
        .unwrap();
    database
        .superuser(
            "UPDATE platform.backup_runs
                SET started_at = now() - interval '25 hours', location = left(location, -24) || repeat('F', 24)",
        )
        .await
        .unwrap();
    backups::record(&database.operator, &info, &Regions::new())
        .await
        .unwrap();
    let rows = "SELECT string_agg(format('%s %s', status, recovered_to), ', ' ORDER BY started_at)
                  FROM platform.backup_runs";
    assert_eq!(ask(&database, rows).await, "failed , running ");
}

#[tokio::test]
async fn a_stanza_of_another_server_proves_nothing() {
    let database = database().await;
    for system in [None, Some(1)] {
        let info = Info {
            system,
            ..info(&database, None).await
        };
        let refused = backups::record(&database.operator, &info, &Regions::new()).await;
        let sentence = refused.unwrap_err().to_string();
        assert!(
            sentence.contains("`main` is not of the server"),
            "{sentence}"
        );
    }
    let rows = "SELECT count(*) FROM platform.backup_runs";
    assert_eq!(ask(&database, rows).await, "0");
}

#[tokio::test]
async fn a_drill_is_recorded_once_and_one_that_restored_nothing_has_failed() {
    let database = database().await;
    let report = |took, recovered_to| {
        format!(
            r#"{{"location":"pgbackrest:main","startedAt":"2026-11-21T15:04:05.250Z","tookMs":{took},"recoveredTo":{recovered_to}}}"#
        )
    };
    let done = report(4_001, r#""2026-11-21T15:03:59.123456+00:00""#);
    let failed = report(17, "null").replace(":05.", ":06.");
    for json in [&done, &done, &failed] {
        let drill = Drill::parse(json.as_bytes()).unwrap();
        backups::record_drill(&database.operator, &drill)
            .await
            .unwrap();
    }
    let rows = ask(
        &database,
        "SELECT string_agg(format('%s %s %s', status, restore_seconds, recovered_to), ', ' ORDER BY started_at)
           FROM platform.backup_runs WHERE kind = 'drill'",
    )
    .await;
    assert_eq!(rows, "succeeded 5 2026-11-21 15:03:59.123456+00, failed 1 ");
    let standing = backups::standing(&database.operator).await.unwrap();
    assert_eq!(standing.last_drill.unwrap().took, None);
    // A drill proves that a backup restores, not that the log of now is archived.
    assert_eq!(standing.recovered_to, None);
    assert!(Drill::parse(b"{}").is_err());
}
