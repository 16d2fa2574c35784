//! Records of many calls in one transaction.

use std::time::Duration;

use callplane_store::records::{self, CallRecord, Finished};
use callplane_store::test_util::TestTenant;
use callplane_store::{Error, calls};
use callplane_types::{CallId, LegId, SegmentId};
use serde_json::json;
use uuid::Uuid;

use super::{ONCE, counts, make_it, own, record};
use crate::support::{database, equipped};

/// Finished calls of different people, a second apart.
async fn ended(tenant: &TestTenant, calls: u32) -> Vec<CallRecord> {
    let sample = record(tenant).await;
    let mut ended = Vec::new();
    for n in 0..calls {
        let mut record = sample.clone();
        make_it(&mut record, CallId::new(Uuid::now_v7()));
        record.call.initiated_at = sample.call.initiated_at + Duration::from_secs(n.into());
        record.call.from_number = Some(format!("+1555700{n:04}").parse().unwrap());
        record.legs[0].id = LegId::new(Uuid::now_v7());
        record.segments[0].id = SegmentId::new(Uuid::now_v7());
        ended.push(record);
    }
    ended
}

/// [`ONCE`] for many calls.
fn times(calls: u32) -> String {
    let each = ONCE
        .split(',')
        .map(|count| (count.parse::<u32>().unwrap() * calls).to_string());
    each.collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn records_delivered_together_are_stored_as_if_one_by_one() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut ended = ended(&acme, 6).await;
    // The first person calls again, and is delivered before their first call; one call is told of
    // twice; one had been opened.
    ended[5].call.from_number = ended[0].call.from_number.clone();
    ended.swap(0, 5);
    ended.push(ended[2].clone());
    records::start(&acme.database, &ended[3].call)
        .await
        .unwrap();
    let together: Vec<&CallRecord> = ended.iter().collect();
    let answers = records::finish_all(&acme.database, &together)
        .await
        .unwrap();
    let answers: Vec<Finished> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers[..6], [Finished::Stored; 6]);
    assert_eq!(answers[6], Finished::Already);
    assert_eq!(counts(&database, &acme).await, times(6));
    let (again, first) = (&ended[0].call, &ended[5].call);
    let shown = calls::show(&acme.database, again.id).await.unwrap();
    assert_eq!(shown["previously_connected"], true);
    let chain = format!(
        "SELECT p.call_id FROM conversations v
           JOIN conversations p ON p.id = v.previous_conversation_id WHERE v.call_id = '{}'",
        again.id
    );
    assert_eq!(own(&database, &acme, &chain).await, first.id.to_string());
    let other = calls::show(&acme.database, ended[1].call.id).await.unwrap();
    assert_eq!(other["previously_connected"], false);
    assert_eq!(other["tags"], json!(["demo"]));
    assert_eq!(other["segments"][0]["seq"], 1);
    let order = "SELECT bool_and(in_order) FROM (
                    SELECT (event_type = 'answered') = (row_no = min(row_no) OVER (PARTITION BY call_id))
                           AS in_order FROM call_events) AS o";
    assert_eq!(own(&database, &acme, order).await, "true");
}

#[tokio::test]
async fn poisoned_records_keep_back_no_other() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut ended = ended(&acme, 9).await;
    // The database refuses one: UNIQUE (call_id, component, provider, unit). We refuse another.
    let twice = ended[4].costs[0].clone();
    ended[4].costs.push(twice);
    ended[7].call.outcome = Some("sold\0".to_owned());
    let together: Vec<&CallRecord> = ended.iter().collect();
    for _ in 0..2 {
        let answers = records::finish_all(&acme.database, &together)
            .await
            .unwrap();
        for (place, answer) in answers.iter().enumerate() {
            match (place, answer) {
                (4, Err(error)) => assert_eq!(error.sqlstate().as_deref(), Some("23505")),
                (7, Err(Error::Invalid { what, .. })) => assert_eq!(*what, "call.outcome"),
                (_, answer) => assert!(answer.is_ok(), "{place}: {answer:?}"),
            }
        }
        assert_eq!(counts(&database, &acme).await, times(7));
    }
    ended[4].costs.pop();
    ended[7].call.outcome = None;
    for mended in [4, 7] {
        let finished = records::finish(&acme.database, &ended[mended]).await;
        assert_eq!(finished.unwrap(), Finished::Stored);
    }
    assert_eq!(counts(&database, &acme).await, times(9));
}

#[tokio::test]
async fn a_tag_that_is_renamed_or_taken_off_reaches_the_calls() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut ended = ended(&acme, 2).await;
    ended[0].call.tags = vec!["vip".to_owned(), "lead".to_owned()];
    for record in &ended {
        records::finish(&acme.database, record).await.unwrap();
    }
    let app = crate::support::people(&database, &acme).await;
    let tags = async || {
        let shown = calls::show(&acme.database, ended[0].call.id).await.unwrap();
        shown["tags"].clone()
    };
    assert_eq!(tags().await, json!(["lead", "vip"]));
    callplane_store::tags::rename(&app, "lead", "prospect")
        .await
        .unwrap();
    assert_eq!(tags().await, json!(["prospect", "vip"]));
    callplane_store::tags::take_off(&app, ended[0].call.id, "vip")
        .await
        .unwrap();
    assert_eq!(tags().await, json!(["prospect"]));
    let untouched = calls::show(&acme.database, ended[1].call.id).await.unwrap();
    assert_eq!(untouched["tags"], json!(["demo"]));
}
