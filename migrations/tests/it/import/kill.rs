use callplane_store::compatibility::Platform;
use callplane_store::import::{Control, Options};

use super::{Move, irisx};
use crate::support::{ask, database};

/// Runs a future to its end inside of another that cannot wait.
fn now<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        scope
            .spawn(move || runtime.block_on(future))
            .join()
            .unwrap()
    })
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_and_ends_as_if_undisturbed() {
    let database = database().await;
    let options = Options {
        batch: 40,
        ..Options::default()
    };
    let moved = Move::of(&database, Platform::Irisx, irisx::LAYOUT, irisx::ROWS, 200).await;
    // Its sessions end in the middle of the calls, as those of a killed process do.
    let kill = format!(
        "SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity
          WHERE pid <> pg_backend_pid() AND datname IN ('{}', '{}')",
        database.name, moved.source
    );
    let mut killed = false;
    let outcome = moved
        .import_with(&options, &mut |progress| {
            if progress.table == "calls" && progress.read >= 80 && !killed {
                killed = true;
                now(ask(&database, &kill));
            }
            Control::Continue
        })
        .await;
    assert!(outcome.is_err());
    let calls = format!("SELECT count(*) FROM {}.calls", moved.tenant.schema());
    let kept: u32 = ask(&database, &calls).await.parse().unwrap();
    assert!((80..200).contains(&kept), "{kept}");

    let mut first = None;
    let resumed = moved
        .import_with(&options, &mut |progress| {
            first.get_or_insert((progress.table.to_owned(), progress.read));
            Control::Continue
        })
        .await
        .unwrap();
    assert_eq!(first.unwrap().0, "calls");
    assert_eq!(resumed.differences, [], "{resumed}");
    // The same source without a kill, into another database: people and numbers are unique in one.
    let other = crate::support::database().await;
    let undisturbed = Move {
        platform: Platform::Irisx,
        database: &other,
        tenant: other.tenant("acme").await.unwrap(),
        source: moved.source.clone(),
        source_tenant: moved.source_tenant.clone(),
    };
    let whole = undisturbed
        .import_with(&options, &mut |_| Control::Continue)
        .await
        .unwrap();
    assert_eq!(resumed, whole);
}
