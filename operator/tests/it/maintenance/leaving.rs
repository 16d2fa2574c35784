//! What leaves, what stays.

use callplane_operator::maintenance::{Job, Outcome};
use callplane_store::months::{self, Partitioning};
use callplane_types::WallTime;

use super::{OLD, Scene, now, years_back};

/// Rows that one call leaves in the family.
const EACH: i64 = 13;

#[tokio::test]
async fn a_month_that_is_old_is_archived_row_for_row_and_then_gone() {
    let scene = Scene::new().await;
    // The tenant wishes to keep nothing for longer than a thousand days.
    scene
        .sql(
            "UPDATE platform.tenants SET retention_overrides =
                 '{\"operational\": 1000, \"recording\": 1000, \"billing\": 1000}'",
        )
        .await;
    scene.call(OLD, 3).await;
    scene.call(1, 2).await;
    let report = scene.run().await.unwrap();
    let [(due, outcome)] = &report.months[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (due.family.name, *outcome),
        ("calls", Outcome::Removed(3 * EACH))
    );
    assert_eq!(scene.counts().await, (2 * EACH, 3 * EACH));
    assert_eq!(scene.count("SELECT count(*) FROM call_keys").await, 4);
    let calls = scene
        .archived()
        .await
        .into_iter()
        .find(|(table, _)| table == "calls");
    let (_, calls) = calls.unwrap();
    let name = calls.column("customer_name").unwrap();
    let mut names: Vec<&str> = calls.rows.iter().map(|row| row[name].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names[0], "O'Hara, \"Jo\"\n1");
    // Recordings and costs are kept for as long as the law says, whatever the tenant wishes.
    for (days, archives) in [(1000, 11), (2555, 2)] {
        let kept = format!(
            "SELECT count(*) FROM platform.archive_manifests
              WHERE retain_until = range_end + interval '{days} days'"
        );
        assert_eq!(scene.count(&kept).await, archives, "{days}");
    }
    assert!(scene.run().await.unwrap().months.is_empty());
}

#[tokio::test]
async fn a_month_with_partitions_leaves_with_them() {
    let scene = Scene::new().await;
    let earlier = WallTime::from_unix_micros(now().unix_micros() - 100 * 86_400_000_000);
    let (operator, fence) = (&scene.database.operator, &scene.database.fence);
    months::ensure(
        operator,
        fence,
        scene.tenant.id,
        Partitioning::Month,
        earlier,
    )
    .await
    .unwrap();
    scene.call(OLD, 3).await;
    scene.call(1, 2).await;
    let partition = format!(
        "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'calls'::regclass
            AND c.relname = 'calls_' || to_char(now() - interval '{OLD} days', 'YYYYMM')"
    );
    assert_eq!(scene.count(&partition).await, 1);
    let report = scene.run().await.unwrap();
    assert_eq!(report.months[0].1, Outcome::Removed(3 * EACH), "{report}");
    assert_eq!(scene.count(&partition).await, 0);
    assert_eq!(scene.counts().await, (2 * EACH, 3 * EACH));
    // The next months are there, and a month that left is not made again.
    assert!(report.made > 0);
    assert_eq!(scene.run().await.unwrap().made, 0);
}

#[tokio::test]
async fn a_dry_run_and_a_run_without_a_storage_tell_and_remove_nothing() {
    let scene = Scene::new().await;
    scene.call(OLD, 1).await;
    let dry = Job {
        dry: true,
        ..scene.job()
    }
    .run()
    .await
    .unwrap();
    assert_eq!(dry.months[0].1, Outcome::Due);
    let homeless = Job {
        vault: None,
        ..scene.job()
    }
    .run()
    .await
    .unwrap();
    assert!(homeless.lacks_storage());
    let told = homeless.to_string();
    assert!(
        told.contains("stays, because there is no object storage"),
        "{told}"
    );
    // A clock that was set back makes nothing old.
    let back = Job {
        now: years_back(9),
        ..scene.job()
    }
    .run()
    .await
    .unwrap();
    assert!(back.months.is_empty());
    assert_eq!(scene.counts().await, (EACH, 0));
}

#[tokio::test]
async fn a_month_with_a_recording_under_legal_hold_stays_whole() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    scene
        .sql(
            "UPDATE call_recordings SET legal_hold = true
               WHERE (call_id, id) = (SELECT call_id, id FROM call_recordings LIMIT 1)",
        )
        .await;
    let report = scene.run().await.unwrap();
    assert!(report.months.is_empty());
    assert_eq!(report.held[0].recordings, 1);
    assert_eq!(scene.counts().await, (2 * EACH, 0));
    scene
        .sql("UPDATE call_recordings SET legal_hold = false")
        .await;
    scene.settle().await;
    scene.run().await.unwrap();
    assert_eq!(scene.counts().await, (0, 2 * EACH));
}

#[tokio::test]
async fn a_conversation_without_a_call_leaves_too() {
    let scene = Scene::new().await;
    scene.call(OLD, 1).await;
    // Its month has no call.
    let ids = format!(
        "INSERT INTO conversations (id, channel)
         VALUES (platform.uuid_v7(now() - interval '{} days'), 'chat')",
        2 * OLD
    );
    scene.sql(&ids).await;
    scene.settle().await;
    scene.run().await.unwrap();
    assert_eq!(scene.counts().await, (0, EACH + 1));
}

#[tokio::test]
async fn archives_of_a_storage_that_is_spelled_otherwise_now_stay() {
    let scene = Scene::new().await;
    scene.call(OLD, 1).await;
    scene.run().await.unwrap();
    scene.call(OLD, 1).await;
    let store = std::sync::Arc::clone(&scene.store);
    let respelled = callplane_objects::ObjectStorage::over(store as _, "test://ARCHIVE");
    let job = Job {
        vault: Some(callplane_operator::maintenance::Vault {
            storage: &respelled,
            keys: &scene.keys,
        }),
        ..scene.job()
    };
    let mut report = job.run().await.unwrap();
    while report.busy {
        tokio::task::yield_now().await;
        report = job.run().await.unwrap();
    }
    assert_eq!(report.months[0].1, Outcome::Removed(EACH));
    assert_eq!(scene.storage_names().await.len(), 2 * 13);
}

#[tokio::test]
async fn archives_go_when_their_time_is_over_and_figures_by_their_fineness() {
    let scene = Scene::new().await;
    scene.call(OLD, 1).await;
    scene
        .sql("INSERT INTO call_metrics (metric_date, granularity, bucket_start)
              SELECT now()::date - age, fineness::platform.metric_granularity, now() - make_interval(days => age)
                FROM (VALUES (3, 'minute'), (9, 'minute'), (80, 'hour'), (95, 'hour'), (95, 'day'), (1100, 'day'))
                     AS v(age, fineness);
              INSERT INTO voice_quality_metrics (metric_date, sampled_at, call_id)
              SELECT now()::date - age, now(), platform.uuid_v7() FROM (VALUES (80), (95)) AS v(age)")
        .await;
    let report = scene.run().await.unwrap();
    assert_eq!((report.thinned.figures, report.thinned.samples), (3, 1));
    assert_eq!(scene.count("SELECT count(*) FROM call_metrics").await, 3);
    let all = scene.archived().await.len();
    scene
        .sql(
            "UPDATE platform.archive_manifests SET retain_until = now() - interval '1 day'
               WHERE source_table = 'call_legs'",
        )
        .await;
    assert_eq!(scene.run().await.unwrap().expired, 1);
    assert_eq!(scene.archived().await.len(), all - 1);
}
