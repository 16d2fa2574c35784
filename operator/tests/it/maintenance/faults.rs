//! A job that is ended anywhere, a storage that is full, a server that is killed.

use std::sync::OnceLock;

use callplane_operator::maintenance::{Error, Outcome};
use callplane_store::test_util::PostgresServer;

use super::{OLD, Scene};

const ROWS: i64 = 2 * 13;

/// Runs the job until the storage has done so many operations, and ends it there as SIGKILL does.
async fn run_and_kill(scene: &Scene, operations: i64) -> bool {
    scene.store.silent_after(operations);
    let finished = tokio::select! {
        outcome = scene.run() => { outcome.unwrap(); true }
        () = scene.store.silent.notified() => false,
    };
    scene.store.well();
    finished
}

#[tokio::test]
async fn a_job_that_is_killed_after_any_step_converges_and_loses_nothing() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    let mut killed = 0;
    while !run_and_kill(&scene, killed).await {
        killed += 1;
        let (live, _) = scene.counts().await;
        assert_eq!(
            live, ROWS,
            "removed before all was archived, after {killed} operations"
        );
        assert!(killed < 100);
    }
    assert!(killed > 10, "{killed}");
    assert_eq!(scene.counts().await, (0, ROWS));
    // What was written twice is there once.
    let orphans = scene.storage_names().await.len();
    assert_eq!(orphans, scene.archived().await.len());
}

#[tokio::test]
async fn a_storage_that_is_full_keeps_the_rows_where_they_are() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    for written in [0, 5] {
        scene.store.full_after(written);
        let error = scene.run().await.unwrap_err();
        assert!(matches!(error, Error::Objects(_)), "{error:?}");
        assert!(
            error.to_string().starts_with("nothing was removed"),
            "{error}"
        );
        assert_eq!(scene.counts().await.0, ROWS);
    }
    scene.store.well();
    scene.run().await.unwrap();
    assert_eq!(scene.counts().await, (0, ROWS));
}

#[tokio::test]
async fn rows_that_change_after_they_were_archived_are_archived_anew() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    // Two operations for each of thirteen tables: all is recorded, nothing is removed.
    assert!(!run_and_kill(&scene, 26).await);
    scene.sql("UPDATE calls SET outcome = 'sold'").await;
    assert_eq!(scene.run().await.unwrap().months[0].1, Outcome::Changed);
    assert_eq!(scene.counts().await.0, ROWS);
    scene.settle().await;
    scene.run().await.unwrap();
    assert_eq!(scene.counts().await, (0, ROWS));
    let calls = scene
        .archived()
        .await
        .into_iter()
        .find(|(table, _)| table == "calls");
    let (_, calls) = calls.unwrap();
    assert_eq!(calls.rows[0][calls.column("outcome").unwrap()], "sold");
}

#[tokio::test]
async fn rows_that_change_while_their_copy_is_stored_stay() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    // Calls are the last of thirteen tables: they are copied out, and not stored yet.
    scene.store.silent_after(24);
    let run = scene.run();
    let mut run = std::pin::pin!(run);
    tokio::select! {
        outcome = &mut run => panic!("{outcome:?}"),
        () = scene.store.silent.notified() => {}
    }
    scene.sql("UPDATE calls SET outcome = 'sold'").await;
    scene.store.well();
    scene.store.resume.notify_waiters();
    assert_eq!(run.await.unwrap().months[0].1, Outcome::Changed);
    assert_eq!(scene.counts().await.0, ROWS);
}

#[tokio::test]
async fn an_archive_that_is_lost_before_its_rows_are_gone_is_written_again() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    assert!(!run_and_kill(&scene, 26).await);
    let lost = scene.storage_names().await.remove(0);
    scene.vault().storage.delete(&lost).await.unwrap();
    let error = scene.run().await.unwrap_err();
    assert!(matches!(error, Error::Objects(_)), "{error:?}");
    assert_eq!(scene.counts().await.0, ROWS);
    scene.run().await.unwrap();
    assert_eq!(scene.counts().await, (0, ROWS));
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_loses_nothing() {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    let server = SERVER.get_or_init(|| PostgresServer::start().unwrap());
    let scene = Scene::on(server).await;
    scene.call(OLD, 2).await;
    scene.store.silent_after(20);
    let job = scene.job();
    tokio::select! {
        outcome = job.run() => panic!("{outcome:?}"),
        () = scene.store.silent.notified() => server.crash().unwrap(),
    }
    scene.store.well();
    assert!(matches!(scene.run().await, Err(Error::Database(_))));
    server.resume().unwrap();
    while let Err(error) = scene.run().await {
        // A connection of before.
        assert!(matches!(error, Error::Database(_)), "{error:?}");
    }
    assert_eq!(scene.counts().await, (0, ROWS));
}
