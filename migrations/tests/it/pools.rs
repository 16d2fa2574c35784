//! The doors of a process that serves many tenants: bounded, shared, given back.

use std::num::NonZeroU32;
use std::time::Duration;

use callplane_store::roles::{self, Purpose};
use callplane_store::test_util::TestDatabase;
use callplane_store::{Credentials, Error, PoolLimits, Slot, TenantDatabase, TenantPools, calls};
use sqlx::{PgConnection, Row as _};

use crate::support::{database, superuser};

/// Long enough for everything that is to happen, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn pools(total: u32, each: u32, wait: Duration) -> TenantPools {
    TenantPools::new(PoolLimits {
        total: NonZeroU32::new(total).unwrap(),
        each: NonZeroU32::new(each).unwrap(),
        idle: Duration::from_secs(600),
        wait,
    })
}

async fn login(database: &TestDatabase<'_>, name: &str) -> Credentials {
    let tenant = database.tenant(name).await.unwrap();
    let TestDatabase {
        operator, fence, ..
    } = database;
    roles::issue(operator, fence, tenant.id, Purpose::App, Slot::A)
        .await
        .unwrap()
}

async fn logins(database: &TestDatabase<'_>, count: usize) -> Vec<Credentials> {
    let mut logins = Vec::new();
    for _ in 0..count {
        logins.push(login(database, "pooled").await);
    }
    logins
}

/// Sessions of these logins that the server has.
async fn sessions(connection: &mut PgConnection, logins: &[Credentials]) -> usize {
    let names: Vec<String> = logins.iter().map(|login| login.username.clone()).collect();
    let count: i64 =
        sqlx::query("SELECT count(*) FROM pg_stat_activity WHERE usename::text = ANY ($1)")
            .bind(names)
            .fetch_one(connection)
            .await
            .unwrap()
            .try_get(0)
            .unwrap();
    usize::try_from(count).unwrap()
}

/// Waits until the server has no more sessions: it notices a moment after the client that one has ended.
async fn at_most(most: usize, connection: &mut PgConnection, logins: &[Credentials]) {
    let closed = async {
        while sessions(connection, logins).await > most {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
}

async fn use_it(door: &TenantDatabase) {
    calls::list(door, None, 1).await.unwrap();
}

#[tokio::test]
async fn a_pool_that_nobody_holds_makes_room_for_another_tenant() {
    let database = database().await;
    let logins = logins(&database, 3).await;
    let mut server = superuser(&database).await;
    let pools = pools(4, 2, PATIENCE);
    let first = pools.open(&logins[0]).await.unwrap();
    let second = pools.open(&logins[1]).await.unwrap();
    use_it(&first).await;
    use_it(&second).await;
    assert_ne!(sessions(&mut server, &logins[..1]).await, 0);

    // The first is free, the second held: the first is closed before the third opens.
    drop(first);
    let third = pools.open(&logins[2]).await.unwrap();
    use_it(&third).await;
    use_it(&second).await;
    let usage = pools.usage();
    assert_eq!((usage.limit, usage.waits, usage.refusals), (4, 0, 0));
    assert_eq!(usage.purposes.len(), 1);
    let of_people = usage.purposes[0];
    assert_eq!(of_people.purpose, Purpose::App);
    assert_eq!((of_people.pools, of_people.promised), (2, 4));
    assert!((2..=4).contains(&(of_people.busy + of_people.idle)));
    at_most(0, &mut server, &logins[..1]).await;

    // What nobody holds serves its tenant again without being opened anew.
    drop(second);
    use_it(&pools.open(&logins[1]).await.unwrap()).await;
    assert_eq!(pools.usage().purposes[0].pools, 2);
}

#[tokio::test]
async fn whoever_wants_a_pool_while_all_are_held_waits_and_is_told_when_in_vain() {
    let database = database().await;
    let logins = logins(&database, 2).await;
    let hasty = pools(2, 2, Duration::from_millis(50));
    let held = hasty.open(&logins[0]).await.unwrap();
    let refused = hasty.open(&logins[1]).await.unwrap_err();
    assert!(
        matches!(refused, Error::Saturated { limit: 2 }),
        "{refused}"
    );
    assert!(refused.is_transient());
    // A clone holds as well as the first.
    let clone = held.clone();
    drop(held);
    hasty.open(&logins[1]).await.unwrap_err();
    assert_eq!((hasty.usage().waits, hasty.usage().refusals), (2, 2));
    drop(clone);
    hasty.open(&logins[1]).await.unwrap();

    let patient = pools(2, 2, PATIENCE);
    let held = patient.open(&logins[0]).await.unwrap();
    let waiting = {
        let (pools, login) = (patient.clone(), logins[1].clone());
        tokio::spawn(async move { use_it(&pools.open(&login).await.unwrap()).await })
    };
    while patient.usage().waits == 0 {
        tokio::task::yield_now().await;
    }
    drop(held);
    waiting.await.unwrap();
    assert_eq!(patient.usage().refusals, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_that_come_together_never_have_more_sessions_than_the_process_may() {
    const TOTAL: usize = 4;
    let database = database().await;
    let logins = logins(&database, 5).await;
    let mut server = superuser(&database).await;
    let pools = pools(4, 2, PATIENCE);
    let mut work = tokio::task::JoinSet::new();
    for turn in 0..60_usize {
        let (pools, login) = (pools.clone(), logins[turn * 7 % logins.len()].clone());
        work.spawn(async move {
            let door = pools.open(&login).await.unwrap();
            tokio::join!(use_it(&door), use_it(&door));
        });
    }
    while let Some(done) = work.join_next().await {
        done.unwrap();
        let usage = pools.usage();
        let opened: u32 = usage.purposes.iter().map(|of| of.busy + of.idle).sum();
        let promised: u32 = usage.purposes.iter().map(|of| of.promised).sum();
        assert!(opened <= promised && promised <= usage.limit, "{usage:?}");
    }
    at_most(TOTAL, &mut server, &logins).await;
    assert_eq!(pools.usage().refusals, 0);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_and_the_door_stays() {
    let database = database().await;
    let logins = logins(&database, 1).await;
    let mut server = superuser(&database).await;
    let pools = TenantPools::new(PoolLimits {
        total: NonZeroU32::new(2).unwrap(),
        each: NonZeroU32::new(2).unwrap(),
        idle: Duration::from_millis(100),
        wait: PATIENCE,
    });
    let door = pools.open(&logins[0]).await.unwrap();
    use_it(&door).await;
    at_most(0, &mut server, &logins).await;
    use_it(&door).await;
}

#[tokio::test]
async fn other_credentials_of_a_login_are_used_for_what_is_opened_from_then_on() {
    let database = database().await;
    let former = login(&database, "rotated").await;
    let mut server = superuser(&database).await;
    let pools = pools(2, 2, PATIENCE);
    let door = pools.open(&former).await.unwrap();
    let rotated = roles::issue(
        &database.operator,
        &database.fence,
        former.tenant_id,
        Purpose::App,
        Slot::B,
    )
    .await
    .unwrap();
    let again = pools.open(&rotated).await.unwrap();
    use_it(&again).await;
    use_it(&door).await;
    assert_eq!(pools.usage().purposes[0].pools, 1);
    assert_eq!(sessions(&mut server, &[former]).await, 0);
    assert_ne!(sessions(&mut server, &[rotated]).await, 0);
}
