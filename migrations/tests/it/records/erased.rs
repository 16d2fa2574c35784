//! Records that are delivered after their person was erased.

use std::time::Duration;

use callplane_store::Error;
use callplane_store::erasure::{self, Subject};
use callplane_store::records::{self, CallRecord, Finished, Spoken};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_types::CallId;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;

use super::{counts, now, own, record, record_at};
use crate::support::{self, database, equipped, superuser};

const PERSON: &str = "+15557000001";

async fn erase(database: &TestDatabase<'_>, tenant: &TestTenant) {
    let person = Subject::Number(PERSON.parse().unwrap());
    support::erase(database, tenant.id, &person).await;
}

/// Rows of the call family that have the number somewhere.
async fn found(database: &TestDatabase<'_>, tenant: &TestTenant) -> String {
    let tables = [
        "calls",
        "call_keys",
        "call_legs",
        "call_events",
        "call_segments",
        "cdrs",
        "messages",
        "conversations",
        "transcriptions",
        "stir_shaken_statuses",
        "events",
    ];
    let counts = tables.map(|table| {
        format!("(SELECT count(*) FROM {table} AS row WHERE row::text LIKE '%15557000001%')")
    });
    own(database, tenant, &counts.join(" + ")).await
}

async fn finish(tenant: &TestTenant, record: &CallRecord) -> Finished {
    records::finish(&tenant.database, record).await.unwrap()
}

#[tokio::test]
async fn a_record_that_comes_after_the_erasure_is_stored_without_the_person_however_often() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let late = record(&acme).await;
    // The control: the record names the person in many places.
    let other = record(&acme).await;
    assert_eq!(finish(&acme, &other).await, Finished::Stored);
    assert_ne!(found(&database, &acme).await, "0");
    let begun = record(&acme).await;
    records::start(&acme.database, &begun.call).await.unwrap();
    erase(&database, &acme).await;
    assert_eq!(found(&database, &acme).await, "0");

    for record in [&late, &begun] {
        for _ in 0..2 {
            assert_eq!(finish(&acme, record).await, Finished::Erased);
        }
    }
    let unheard = record_at(&acme, late.call.initiated_at).await;
    records::start(&acme.database, &unheard.call).await.unwrap();
    assert_eq!(found(&database, &acme).await, "0");
    let kept = "SELECT count(*) FROM calls WHERE cost_micros > 0 AND billable_seconds > 0";
    assert_eq!(own(&database, &acme, kept).await, "3");
    let audio = "SELECT count(*) FROM call_recordings WHERE status <> 'deleted'";
    assert_eq!(own(&database, &acme, audio).await, "0");
}

#[tokio::test]
async fn what_others_said_of_an_erased_person_is_stored_without_the_number() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut late = record(&acme).await;
    late.call.from_number = Some("+15557000002".parse().unwrap());
    late.call.from_uri = None;
    late.legs[0].from_uri = None;
    late.stir = None;
    let said = json!({"friend": "call 15557000001", "n": 15_557_000_001_u64});
    late.call.variables = Spoken::clear(said.as_object().unwrap().clone());
    erase(&database, &acme).await;
    assert_eq!(finish(&acme, &late).await, Finished::Stored);
    assert_eq!(found(&database, &acme).await, "0");
    let said = "SELECT metadata -> 'variables' FROM calls";
    let said: Value = serde_json::from_str(&own(&database, &acme, said).await).unwrap();
    assert_eq!(said, json!({"friend": "call 0", "n": 0}));
    let audio = "SELECT count(*) FROM call_recordings WHERE status <> 'deleted'";
    assert_eq!(own(&database, &acme, audio).await, "1");
}

#[tokio::test]
async fn who_calls_again_after_the_erasure_is_stored_like_anybody() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    erase(&database, &acme).await;
    let again = record_at(&acme, now() + Duration::from_secs(1)).await;
    assert_eq!(finish(&acme, &again).await, Finished::Stored);
    assert_ne!(found(&database, &acme).await, "0");
}

#[tokio::test]
async fn a_call_under_legal_hold_is_delivered_again_without_being_erased() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let held = record(&acme).await;
    assert_eq!(finish(&acme, &held).await, Finished::Stored);
    let hold = format!(
        "UPDATE {}.call_recordings SET legal_hold = true",
        acme.schema()
    );
    database.superuser(&hold).await.unwrap();
    let before = counts(&database, &acme).await;
    erase(&database, &acme).await;
    // Its node was ended before it could forget the record: its audio stays, too.
    assert_eq!(finish(&acme, &held).await, Finished::Already);
    assert_ne!(found(&database, &acme).await, "0");
    assert_eq!(counts(&database, &acme).await, before);
}

#[tokio::test]
async fn an_erasure_waits_for_the_records_that_are_being_stored() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let (operator, fence) = (&database.operator, &database.fence);
    // As a delivery holds it from its look for erasures to its commit.
    let mut delivery = superuser(&database).await;
    let mut delivery = delivery.begin().await.unwrap();
    let lock = format!(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended('callplane:erasure:{}', 0))",
        acme.id
    );
    sqlx::raw_sql(AssertSqlSafe(lock))
        .execute(&mut *delivery)
        .await
        .unwrap();
    let nobody = erasure::Erased::default();
    let refused = erasure::request(operator, fence, acme.id, &nobody).await;
    assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
    delivery.rollback().await.unwrap();
    erasure::request(operator, fence, acme.id, &nobody)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_erasure_that_was_interrupted_is_done_with_the_next_one() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let begun = now();
    let (operator, fence) = (&database.operator, &database.fence);
    let traces = |number: &str| erasure::Erased {
        traces: vec![number.to_owned()],
        ..erasure::Erased::default()
    };
    let mut requests = Vec::new();
    for number in [PERSON, "+15557000009"] {
        requests.push(
            erasure::request(operator, fence, acme.id, &traces(number))
                .await
                .unwrap(),
        );
    }
    // It had written archives anew, where the next one does not find the call any more.
    let archived = Uuid::now_v7();
    erasure::note_archived(operator, fence, acme.id, requests[0], &[archived])
        .await
        .unwrap();
    erase(&database, &acme).await;
    let asked = erasure::pending(&acme.database, "node", Some(begun))
        .await
        .unwrap();
    let asked: Vec<_> = asked.iter().flat_map(|one| &one.calls).collect();
    assert_eq!(asked, [&CallId::new(archived)]);
    let standing = erasure::standing(operator, acme.id).await.unwrap();
    let done: Vec<bool> = standing.iter().map(|one| one.erased_at.is_some()).collect();
    assert_eq!(done, [false, true], "that of somebody else is open still");
}
