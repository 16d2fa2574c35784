//! A quota is never exceeded and never leaks.

use std::collections::BTreeMap;

use callplane_store::campaigns::{self, Decision, Refusal};
use callplane_store::quotas::{self, Acquired, CONCURRENT_CALLS, Enforcement, QuotaUsage};
use callplane_store::records::{self, Finished};
use callplane_store::tenants::TenantSpec;
use callplane_store::test_util::TestTenant;
use callplane_types::CallId;
use uuid::Uuid;

use crate::records::record;
use crate::support::{campaign, campaign_over, database, equip, equipped, node};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_that_acquire_at_once_never_exceed_the_limit() {
    let database = database().await;
    let acme = limited(&database, 7).await;
    let node = node(&acme, "acme-media-0").await;
    let attempts = (0..50).map(|_| {
        let (tenant, node) = (acme.database.clone(), node.clone());
        tokio::spawn(async move {
            let call = CallId::new(Uuid::now_v7());
            let acquired = quotas::acquire(&tenant, CONCURRENT_CALLS, call, &node).await;
            (call, acquired.unwrap())
        })
    });
    let held: Vec<CallId> = futures::future::join_all(attempts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .filter_map(|(call, acquired)| (acquired == Acquired::Held).then_some(call))
        .collect();
    assert_eq!(held.len(), 7);
    assert_eq!(used(&acme).await, 7);

    let releases = held
        .iter()
        .map(|call| quotas::release(&acme.database, *call));
    for released in futures::future::join_all(releases).await {
        released.unwrap();
    }
    assert_eq!(used(&acme).await, 0);
}

#[tokio::test]
async fn a_call_holds_one_slot_however_often_it_asks_and_gives_one_back() {
    let database = database().await;
    let acme = limited(&database, 1).await;
    let node = node(&acme, "acme-media-0").await;
    let call = CallId::new(Uuid::now_v7());
    let other = CallId::new(Uuid::now_v7());
    for _ in 0..2 {
        let acquired = quotas::acquire(&acme.database, CONCURRENT_CALLS, call, &node).await;
        assert_eq!(acquired.unwrap(), Acquired::Held);
    }
    let refused = quotas::acquire(&acme.database, CONCURRENT_CALLS, other, &node).await;
    assert_eq!(refused.unwrap(), Acquired::Refused);
    for _ in 0..2 {
        quotas::release(&acme.database, call).await.unwrap();
    }
    // Releasing what was never held gives nothing back.
    quotas::release(&acme.database, other).await.unwrap();
    assert_eq!(used(&acme).await, 0);
}

#[tokio::test]
async fn what_is_carried_already_is_held_once_and_beyond_the_limit() {
    let database = database().await;
    let acme = limited(&database, 1).await;
    let node = node(&acme, "acme-media-0").await;
    let carried = [(); 3].map(|()| CallId::new(Uuid::now_v7()));
    let acquired = quotas::acquire(&acme.database, CONCURRENT_CALLS, carried[0], &node).await;
    assert_eq!(acquired.unwrap(), Acquired::Held);
    for _ in 0..2 {
        quotas::hold(&acme.database, CONCURRENT_CALLS, &carried, &node)
            .await
            .unwrap();
        assert_eq!(used(&acme).await, 3);
    }
    let other = CallId::new(Uuid::now_v7());
    for call in carried {
        let refused = quotas::acquire(&acme.database, CONCURRENT_CALLS, other, &node).await;
        assert_eq!(refused.unwrap(), Acquired::Refused);
        quotas::release(&acme.database, call).await.unwrap();
    }
    assert_eq!(used(&acme).await, 0);
}

#[tokio::test]
async fn a_call_whose_record_is_stored_is_not_held_again() {
    let database = database().await;
    let acme = limited(&database, 5).await;
    let node = node(&acme, "acme-media-0").await;
    equip(&database, &acme, "+15550000001").await;
    let record = record(&acme).await;
    let stored = records::finish(&acme.database, &record).await;
    assert_eq!(stored.unwrap(), Finished::Stored);
    quotas::hold(&acme.database, CONCURRENT_CALLS, &[record.call.id], &node)
        .await
        .unwrap();
    assert_eq!(used(&acme).await, 0);
}

#[tokio::test]
async fn tenants_do_not_share_a_quota() {
    let database = database().await;
    let acme = limited(&database, 1).await;
    let beta = limited(&database, 1).await;
    for tenant in [&acme, &beta] {
        let node = node(tenant, "media-0").await;
        let call = CallId::new(Uuid::now_v7());
        let acquired = quotas::acquire(&tenant.database, CONCURRENT_CALLS, call, &node).await;
        assert_eq!(acquired.unwrap(), Acquired::Held);
    }
}

#[tokio::test]
async fn a_recount_returns_what_nobody_holds() {
    let database = database().await;
    let acme = limited(&database, 5).await;
    let node = node(&acme, "acme-media-0").await;
    let call = CallId::new(Uuid::now_v7());
    let acquired = quotas::acquire(&acme.database, CONCURRENT_CALLS, call, &node).await;
    assert_eq!(acquired.unwrap(), Acquired::Held);
    let (operator, fence) = (&database.operator, &database.fence);
    assert!(!quotas::recount(operator, fence, acme.id).await.unwrap());
    database
        .superuser(
            "UPDATE platform.quota_holds SET created_at = now() - interval '5 minutes';
             UPDATE platform.media_nodes SET last_heartbeat_at = now() - interval '5 minutes'",
        )
        .await
        .unwrap();
    assert!(quotas::recount(operator, fence, acme.id).await.unwrap());
    assert_eq!(used(&acme).await, 0);
}

async fn limited(
    database: &callplane_store::test_util::TestDatabase<'_>,
    limit: i64,
) -> TestTenant {
    let spec = TenantSpec {
        quotas: BTreeMap::from([(CONCURRENT_CALLS.to_owned(), Some(limit))]),
        ..database.tenant_spec("acme")
    };
    database.tenant_of(spec).await.unwrap()
}

async fn quota(tenant: &TestTenant) -> QuotaUsage {
    quotas::own_usage(&tenant.database)
        .await
        .unwrap()
        .into_iter()
        .find(|quota| quota.resource == CONCURRENT_CALLS)
        .unwrap()
}

async fn used(tenant: &TestTenant) -> i64 {
    quota(tenant).await.used
}

#[tokio::test]
async fn a_soft_limit_is_told_as_such_and_refuses_nobody() {
    let database = database().await;
    let acme = limited(&database, 1).await;
    let node = node(&acme, "acme-media-0").await;
    assert_eq!(quota(&acme).await.enforcement, Enforcement::Hard);
    database
        .superuser("UPDATE platform.usage_quotas SET enforcement = 'soft'")
        .await
        .unwrap();
    for _ in 0..2 {
        let call = CallId::new(Uuid::now_v7());
        let acquired = quotas::acquire(&acme.database, CONCURRENT_CALLS, call, &node).await;
        assert_eq!(acquired.unwrap(), Acquired::Held);
    }
    let told = quota(&acme).await;
    assert_eq!(
        (told.limit, told.enforcement, told.used),
        (Some(1), Enforcement::Soft, 2)
    );
}

#[tokio::test]
async fn a_tenant_out_of_service_gets_no_new_call() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &["+15557000001"]).await;
    let node = node(&acme, "acme-media-0").await;
    for status in ["suspended", "inactive", "cancelled", "active"] {
        database
            .superuser(&format!("UPDATE platform.tenants SET status = '{status}'"))
            .await
            .unwrap();
        let call = CallId::new(Uuid::now_v7());
        let acquired = quotas::acquire(&acme.database, CONCURRENT_CALLS, call, &node)
            .await
            .unwrap();
        let claimed = campaigns::claim(&acme.database, id, &node, 1, |_| Decision::Dial)
            .await
            .unwrap();
        if status == "active" {
            assert_eq!(acquired, Acquired::Held);
            assert_eq!(claimed.unwrap().len(), 1);
        } else {
            assert_eq!(acquired, Acquired::Refused, "{status}");
            assert_eq!(claimed.unwrap_err(), Refusal::Quota, "{status}");
        }
    }
}
