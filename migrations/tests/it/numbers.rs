//! A number is assigned once in the whole installation.

use callplane_store::numbers::{self, NumberSpec};
use callplane_store::tenants::TenantSpec;
use callplane_store::{Error, notify, routes, tenants};
use std::collections::BTreeMap;

use crate::support::{agent, ask, database, equipped, number};

#[tokio::test]
async fn a_number_of_another_tenant_is_refused_without_naming_it() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = database.tenant("beta").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let error = numbers::project(operator, fence, beta.id, &number("n", "+15550000001"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NumberTakenElsewhere), "{error}");
    assert!(!error.to_string().contains(acme.spec.name.as_str()));
    let error = numbers::project(operator, fence, acme.id, &number("n", "+15550000001"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NumberTakenHere { owner } if owner == "acme/main"),
        "{error}"
    );
}

#[tokio::test]
async fn of_two_that_want_a_number_at_once_one_gets_it() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let beta = database.tenant("beta").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let spec = number("n", "+15550000001");
    let other = number("n", "+15550000001");
    let (one, two) = tokio::join!(
        numbers::project(operator, fence, acme.id, &spec),
        numbers::project(operator, fence, beta.id, &other),
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
}

#[tokio::test]
async fn a_released_number_may_be_assigned_again() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let beta = database.tenant("beta").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let first = number("n", "+15550000001");
    let id = numbers::project(operator, fence, acme.id, &first)
        .await
        .unwrap();
    // Only by its own object and tenant.
    let foreign = numbers::remove(operator, fence, beta.id, first.object.uid).await;
    assert!(!foreign.unwrap());
    assert!(
        numbers::remove(operator, fence, acme.id, first.object.uid)
            .await
            .unwrap()
    );
    assert!(
        !numbers::remove(operator, fence, acme.id, first.object.uid)
            .await
            .unwrap()
    );
    assert_eq!(routes::snapshot(&acme.database).await.unwrap(), []);

    let second = number("n", "+15550000001");
    let again = numbers::project(operator, fence, beta.id, &second)
        .await
        .unwrap();
    assert_eq!(again, id);
    assert!(
        numbers::remove(operator, fence, beta.id, second.object.uid)
            .await
            .unwrap()
    );
    let third = number("other", "+15550000001");
    numbers::project(operator, fence, acme.id, &third)
        .await
        .unwrap();
    assert_eq!(routes::snapshot(&acme.database).await.unwrap().len(), 1);
}

#[tokio::test]
async fn more_numbers_than_the_quota_are_refused_and_not_kept() {
    let database = database().await;
    let spec = TenantSpec {
        quotas: BTreeMap::from([("phone_numbers".to_owned(), Some(1))]),
        ..database.tenant_spec("acme")
    };
    let acme = database.tenant_of(spec).await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let first = number("a", "+15550000001");
    numbers::project(operator, fence, acme.id, &first)
        .await
        .unwrap();
    let error = numbers::project(operator, fence, acme.id, &number("b", "+15550000002"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::QuotaExceeded { limit: 1, .. }),
        "{error}"
    );
    assert_eq!(
        ask(&database, "SELECT count(*) FROM platform.phone_numbers").await,
        "1"
    );
    // What is there goes on, and its slot comes back.
    numbers::project(operator, fence, acme.id, &first)
        .await
        .unwrap();
    numbers::remove(operator, fence, acme.id, first.object.uid)
        .await
        .unwrap();
    numbers::project(operator, fence, acme.id, &number("b", "+15550000002"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_missing_agent_is_named_and_nothing_is_assigned() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let spec = NumberSpec {
        agent: Some("nobody".to_owned()),
        ..number("n", "+15550000001")
    };
    let error = numbers::project(&database.operator, &database.fence, acme.id, &spec)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { kind: "agent", name } if name == "nobody"),
        "{error}"
    );
    assert_eq!(
        ask(&database, "SELECT count(*) FROM platform.phone_numbers").await,
        "0"
    );
}

#[tokio::test]
async fn nodes_hear_of_a_change_and_only_of_their_tenant() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = database.tenant("beta").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let mut changes = notify::Changes::listen(&acme.database).await.unwrap();
    numbers::project(operator, fence, beta.id, &number("n", "+15550000003"))
        .await
        .unwrap();
    let mut spec = agent("reception");
    // Another object of that name is refused and tells nobody.
    let error = callplane_store::agents::project(operator, fence, acme.id, &spec).await;
    assert!(matches!(error, Err(Error::NotOwner { kind: "agent", .. })));
    spec.object.name = "second".to_owned();
    let version = callplane_store::agents::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    assert_eq!(changes.next().await.unwrap(), notify::Change::Routes);
    assert_eq!(changes.next().await.unwrap(), notify::Change::Campaigns);

    let moved = NumberSpec {
        agent: Some("second".to_owned()),
        ..number("line", "+15550000004")
    };
    numbers::project(operator, fence, acme.id, &moved)
        .await
        .unwrap();
    assert_eq!(changes.next().await.unwrap(), notify::Change::Routes);
    let routes = routes::snapshot(&acme.database).await.unwrap();
    assert_eq!(routes.len(), 2);
    let routed = routes[1].agent.as_ref().unwrap();
    assert_eq!(
        (routed.name.as_str(), routed.version_id),
        ("second", version.version_id)
    );
    // The same spec again says nothing: the next change heard is another one.
    numbers::project(operator, fence, acme.id, &moved)
        .await
        .unwrap();
    assert_eq!(changes.next().await.unwrap(), notify::Change::Campaigns);
    numbers::remove(operator, fence, acme.id, moved.object.uid)
        .await
        .unwrap();
    assert_eq!(changes.next().await.unwrap(), notify::Change::Routes);
}

#[tokio::test]
async fn a_number_of_a_retained_tenant_stays_its_own() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = database.tenant("beta").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let spec = number("other", "+15550000002");
    numbers::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    tenants::retain(operator, fence, acme.spec.object.uid)
        .await
        .unwrap();
    // The namespace, and with it the object, is another tenant's now.
    let error = numbers::project(operator, fence, beta.id, &spec)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NumberTakenElsewhere), "{error}");
}

#[tokio::test]
async fn projecting_a_number_again_writes_nothing() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let spec = number("n", "+15550000001");
    let stamp = "SELECT xmin || ' ' || ctid::text FROM platform.phone_numbers";
    let mut seen = Vec::new();
    for _ in 0..2 {
        numbers::project(operator, fence, acme.id, &spec)
            .await
            .unwrap();
        seen.push(ask(&database, stamp).await);
    }
    assert_eq!(seen[0], seen[1]);
}
