//! Only the newest leader writes.

use callplane_store::{Error, Fence, tenants};

use crate::support::{ask, database};

#[tokio::test]
async fn an_older_epoch_is_refused_and_leaves_nothing() {
    let database = database().await;
    let old = Fence::take(&database.operator, "operator-a").await.unwrap();
    let new = Fence::take(&database.operator, "operator-b").await.unwrap();
    assert_eq!(new.epoch, old.epoch + 1);

    let spec = database.tenant_spec("acme");
    let error = tenants::ensure(&database.operator, &old, &spec)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    assert_eq!(
        ask(&database, "SELECT count(*) FROM platform.tenants").await,
        "0"
    );
    tenants::ensure(&database.operator, &new, &spec)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_epoch_of_another_holder_is_refused() {
    let database = database().await;
    let fence = Fence {
        holder: "somebody".to_owned(),
        ..database.fence.clone()
    };
    let error = tenants::ensure(&database.operator, &fence, &database.tenant_spec("acme"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

#[tokio::test]
async fn a_new_epoch_begins_only_after_the_writes_of_the_old_one_ended() {
    let database = database().await;
    let pool = sqlx::PgPool::connect(&database.server.operator_url(&database.name))
        .await
        .unwrap();
    // A write of the old leader that is under way: it holds the share lock of its check.
    let mut write = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM platform.operator_epochs FOR SHARE")
        .fetch_one(&mut *write)
        .await
        .unwrap();
    let take = Fence::take(&database.operator, "operator-b");
    tokio::pin!(take);
    // It waits: the write can still commit.
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(200), &mut take).await;
    assert!(waiting.is_err());
    write.commit().await.unwrap();
    assert_eq!(take.await.unwrap().epoch, database.fence.epoch + 1);
}

#[tokio::test]
async fn a_leader_that_is_late_outranks_nobody() {
    let database = database().await;
    let claim = |holder, epoch| Fence::claim(&database.operator, holder, epoch);
    let newer = claim("operator-b", 12).await.unwrap();
    assert!(matches!(
        claim("operator-a", 11).await,
        Err(Error::Fenced { epoch: 11, .. })
    ));
    assert!(matches!(
        claim("operator-a", 12).await,
        Err(Error::Fenced { epoch: 12, .. })
    ));
    assert_eq!(claim("operator-b", 12).await.unwrap(), newer);
}
