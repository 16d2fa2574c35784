//! What leaves, what stays.

use callplane_operator::maintenance::{Audio, Job, Outcome, Sum};
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

/// Octets of audio in the storage, named as the store names the recording of each call.
async fn audio(scene: &Scene, folder: &str) -> String {
    let (vault, tenant) = (scene.vault(), scene.tenant.id);
    let name = format!("{folder}/audio/1.ogg");
    vault
        .storage
        .put(vault.keys, tenant, &name, b"audio")
        .await
        .unwrap();
    name
}

const DAY_SEVEN_YEARS_AGO: &str = "now() - interval '2556 days'";

#[tokio::test]
async fn audio_past_its_age_leaves_the_storage_unless_a_legal_hold_keeps_it() {
    let scene = Scene::new().await;
    scene.call(1, 5).await;
    let ours = audio(&scene, &scene.tenant.id.to_string()).await;
    let foreign = audio(&scene, "another").await;
    // In order: ours; young; held; kept for longer by itself; another's folder; on a media node.
    let sql = format!(
        "WITH numbered AS (SELECT call_id, id, row_number() OVER (ORDER BY call_id) AS n FROM call_recordings)
         UPDATE call_recordings r
            SET size_bytes = 1000, legal_hold = n = 2,
                retain_until = CASE WHEN n = 3 THEN now() + interval '1 day' END,
                object_url = CASE n WHEN 4 THEN 'test://archive/{foreign}' WHEN 5 THEN 'acme/1.wav'
                                    ELSE 'test://archive/{ours}' END,
                created_at = {DAY_SEVEN_YEARS_AGO}
           FROM numbered WHERE (r.call_id, r.id) = (numbered.call_id, numbered.id)"
    );
    scene.sql(&sql).await;
    let dry = Job {
        dry: true,
        ..scene.job()
    };
    let told = dry.run().await.unwrap().audio;
    let one = Sum {
        recordings: 1,
        bytes: 1000,
    };
    let expected = Audio {
        deleted: one,
        on_nodes: one,
        elsewhere: one,
    };
    assert_eq!(told, expected);
    assert!(scene.storage_names().await.contains(&ours));
    assert_eq!(scene.run().await.unwrap().audio, expected);
    assert!(!scene.storage_names().await.contains(&ours));
    let foreign = scene.vault().storage.list("another").await.unwrap();
    assert_eq!(foreign.len(), 1);
    let marked =
        "SELECT count(*) FROM call_recordings WHERE status = 'deleted' AND deleted_at IS NOT NULL";
    assert_eq!(scene.count(marked).await, 1);
    let again = scene.run().await.unwrap().audio;
    assert_eq!((again.deleted, again.on_nodes), (Sum::default(), one));
}

#[tokio::test]
async fn audio_goes_with_the_archive_that_describes_it_and_not_before() {
    let scene = Scene::new().await;
    scene.call(OLD, 1).await;
    let ours = audio(&scene, &scene.tenant.id.to_string()).await;
    let sql = format!(
        "UPDATE call_recordings SET object_url = 'test://archive/{ours}', size_bytes = 7,
                retain_until = now() + interval '1 day'"
    );
    scene.sql(&sql).await;
    scene.settle().await;
    scene.run().await.unwrap();
    assert_eq!(scene.counts().await.0, 0);
    assert!(scene.storage_names().await.contains(&ours));
    // Media nodes, which do not read archives, are told.
    let told = "SELECT count(*) FROM platform.archive_manifests
                 WHERE source_table = 'call_recordings' AND audio_until > now()";
    assert_eq!(scene.count(told).await, 1);
    scene
        .sql("UPDATE platform.archive_manifests SET retain_until = now() WHERE source_table = 'call_recordings'")
        .await;
    // The recording has a longer time of its own.
    let early = scene.run().await.unwrap();
    assert_eq!((early.expired, early.audio), (0, Audio::default()));
    let two_days = 2 * 86_400_000_000;
    let later = Job {
        now: WallTime::from_unix_micros(now().unix_micros() + two_days),
        ..scene.job()
    };
    let report = later.run().await.unwrap();
    let deleted = Sum {
        recordings: 1,
        bytes: 7,
    };
    assert_eq!((report.expired, report.audio.deleted), (1, deleted));
    assert!(!scene.storage_names().await.contains(&ours));
}
