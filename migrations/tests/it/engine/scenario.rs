//! What operator and media nodes do with the store, once around.

use callplane_store::campaigns::{self, Candidate, Decision, RecipientOutcome};
use callplane_store::contacts::{self, Contact};
use callplane_store::dnc::{self, NewEntry};
use callplane_store::media_nodes::{self, Load};
use callplane_store::quotas::{self, Acquired, CONCURRENT_CALLS};
use callplane_store::records::{self, CampaignAttempt, Finished};
use callplane_store::roles::{self, Purpose};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Slot, agents, calls, compatibility, rates, routes, tenants, trunks};
use callplane_types::Pii;

use crate::records::{ONCE, counts, record};
use crate::support::{campaign, campaign_over, equip, node};

fn dial(_: &Candidate) -> Decision {
    Decision::Dial
}

/// Configuration is projected, a call comes in, one is placed, and both are looked at.
pub(super) async fn run(database: &TestDatabase<'_>, tenant: &TestTenant) {
    run_with(database, tenant, "+15550000001").await;
}

/// [`run`] with a number of one's own.
pub(super) async fn run_with(database: &TestDatabase<'_>, tenant: &TestTenant, e164: &str) {
    equip(database, tenant, e164).await;
    operator(database, tenant).await;
    inbound(database, tenant).await;
    outbound(database, tenant).await;
}

async fn operator(database: &TestDatabase<'_>, tenant: &TestTenant) {
    let TestDatabase {
        operator, fence, ..
    } = database;
    // The same again is no change, and finds what it wrote.
    tenants::ensure(operator, fence, &tenant.spec)
        .await
        .unwrap();
    tenants::project_anchor(operator, fence, tenant.id)
        .await
        .unwrap();
    let found = tenants::find(operator, &tenant.spec.name).await.unwrap();
    assert_eq!(found.unwrap().id, tenant.id);
    let credentials = roles::issue(operator, fence, tenant.id, Purpose::App, Slot::B)
        .await
        .unwrap();
    assert!(roles::verify(&credentials).await.unwrap());
    let all = compatibility::Platform::ALL.into();
    compatibility::ensure(operator, fence, tenant.id, &all)
        .await
        .unwrap();
    quotas::recount(operator, fence, tenant.id).await.unwrap();
    assert!(!quotas::usage(operator, tenant.id).await.unwrap().is_empty());
    media_nodes::list(operator, tenant.id).await.unwrap();
}

async fn inbound(database: &TestDatabase<'_>, tenant: &TestTenant) {
    let door = &tenant.database;
    let node = node(tenant, "media-0").await;
    let load = Load {
        active_calls: 1,
        draining: false,
    };
    media_nodes::heartbeat(door, &node, load).await.unwrap();
    media_nodes::sweep(door, &node).await.unwrap();
    assert!(tenants::in_service(door).await.unwrap());
    assert_eq!(trunks::list(door).await.unwrap().len(), 1);
    rates::call_minute(door).await.unwrap();
    let route = routes::snapshot(door).await.unwrap().remove(0);
    agents::program(door, route.agent.unwrap().version_id)
        .await
        .unwrap();
    let record = record(tenant).await;
    let id = record.call.id;
    let acquired = quotas::acquire(door, CONCURRENT_CALLS, id, &node).await;
    assert_eq!(acquired.unwrap(), Acquired::Held);
    let mut open = record.call.clone();
    open.status = callplane_types::CallStatus::InProgress;
    open.ended_at = None;
    records::start(door, &open).await.unwrap();
    records::answered(door, id, record.call.answered_at.unwrap())
        .await
        .unwrap();
    let finished = records::finish(door, &record).await.unwrap();
    assert_eq!(finished, Finished::Stored);
    assert_eq!(counts(database, tenant).await, ONCE);
    assert_eq!(calls::list(door, None, 10).await.unwrap().len(), 1);
    assert_eq!(calls::show(door, id).await.unwrap()["status"], "completed");
    assert_eq!(quotas::own_usage(door).await.unwrap()[0].used, 0);
    media_nodes::leave(door, &node).await.unwrap();
}

async fn outbound(database: &TestDatabase<'_>, tenant: &TestTenant) {
    let door = &tenant.database;
    let contact = Contact {
        first_name: Some(Pii::new("Ada".to_owned())),
        last_name: None,
        phone: "+15557000003".parse().unwrap(),
        time_zone: None,
        do_not_call: false,
    };
    contacts::add(door, &contact).await.unwrap();
    assert_eq!(
        contacts::by_phone(door, &contact.phone)
            .await
            .unwrap()
            .len(),
        1
    );
    let entry = NewEntry {
        line: 2,
        number: Pii::new("+15557000004".to_owned()),
    };
    dnc::add(door, "no", "test", &[entry]).await.unwrap();
    let numbers = ["+15557000003"];
    let id = campaign_over(database, tenant, &campaign("spring"), &numbers).await;
    assert_eq!(campaigns::active(door).await.unwrap().len(), 1);
    let node = node(tenant, "media-1").await;
    let claimed = campaigns::claim(door, id, &node, 5, dial).await.unwrap();
    let claimed = claimed.unwrap().remove(0);
    let attempt = CampaignAttempt {
        recipient_id: claimed.recipient_id,
        outcome: RecipientOutcome::NoAnswer,
        retry_at: None,
    };
    campaigns::outcome(door, claimed.call_id, &attempt)
        .await
        .unwrap();
    assert_eq!(campaigns::progress(door, id).await.unwrap().failed, 0);
    assert_eq!(
        campaigns::recipients(door, id, None, 10)
            .await
            .unwrap()
            .len(),
        1
    );
}
