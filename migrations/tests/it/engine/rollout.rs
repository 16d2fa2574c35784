//! Many tenants, a few at a time, with calls going on. `make bench` does the same with 500.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callplane_store::migrate::{self, Throttle};
use callplane_store::records;
use callplane_store::test_util::TestTenant;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};

use super::next;
use crate::records::record;
use crate::support::{database, equip};

const TENANTS: usize = 8;
const BUSY: usize = 3;

/// Writes calls until it is over. None fails, which one does that waits for a table longer than the
/// `lock_timeout` of its login.
async fn calls(tenant: &TestTenant, over: &AtomicBool) -> usize {
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        let record = record(tenant).await;
        records::finish(&tenant.database, &record).await.unwrap();
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_forward_of_many_tenants_lets_calls_pass_and_survives_one_that_fails() {
    let database = database().await;
    let tenants: Vec<TestTenant> = stream::iter(0..TENANTS)
        .map(async |_| database.tenant_of_release("rolled").await.unwrap())
        .buffer_unordered(3)
        .collect()
        .await;
    let (busy, idle) = tenants.split_at(BUSY);
    for (serial, tenant) in busy.iter().enumerate() {
        equip(&database, tenant, &format!("+1555000000{serial}")).await;
    }
    let broken = &idle[0];
    database
        .superuser(&format!(
            "ALTER TABLE {}.calls RENAME TO hidden",
            broken.schema()
        ))
        .await
        .unwrap();
    let throttle = Throttle {
        at_once: NonZeroUsize::new(3).unwrap(),
        pause: Duration::from_millis(5),
    };
    let over = AtomicBool::new(false);
    let file = next("ALTER TABLE calls ADD COLUMN next_thing text");
    let migrations = async {
        let mut failed = Vec::new();
        let tell = |schema: migrate::RolledForward| {
            if schema.outcome.is_err() {
                failed.push(schema.tenant);
            }
        };
        database.roll_forward(throttle, &file, tell).await.unwrap();
        over.store(true, Ordering::Relaxed);
        failed
    };
    let all = join_all(busy.iter().map(|tenant| calls(tenant, &over)));
    let (failed, calls) = tokio::join!(migrations, all);
    assert_eq!(failed, std::slice::from_ref(&broken.spec.name));
    assert!(calls.iter().all(|count| *count > 0), "{calls:?}");
    for state in migrate::states(&database.operator).await.unwrap() {
        let of_broken = state
            .tenant
            .as_ref()
            .is_some_and(|(_, id)| *id == broken.id);
        assert_eq!(state.stuck.is_some(), of_broken, "{state:?}");
        assert!(state.pending.is_empty(), "{state:?}");
    }
}
