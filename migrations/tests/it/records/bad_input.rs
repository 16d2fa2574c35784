//! What a hostile caller, a wrong clock or a mixed-up program puts into a record: it is told by its
//! field, and the other records of the batch are stored.

use std::time::Duration;

use callplane_store::records::{self, CallRecord, Finished, Spoken};
use callplane_store::test_util::TestTenant;
use callplane_store::{Error, calls};
use callplane_types::{Pii, WallTime};
use serde_json::json;

use super::record;
use crate::support::{ask, database, equipped};

/// What the store says of `bad` when it is delivered between two good records, which are stored.
async fn refusal(tenant: &TestTenant, bad: &CallRecord) -> String {
    let (before, after) = (record(tenant).await, record(tenant).await);
    let mut answers = records::finish_all(&tenant.database, &[&before, bad, &after])
        .await
        .unwrap();
    assert!(matches!(answers[0], Ok(Finished::Stored)), "{answers:?}");
    assert!(matches!(answers[2], Ok(Finished::Stored)), "{answers:?}");
    let error = answers.remove(1).unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn what_cannot_be_stored_is_told_by_its_field_and_what_to_do() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut nul = record(&acme).await;
    let message = &mut nul.conversation.as_mut().unwrap().messages[0];
    message.content = Spoken::clear("my number is\0 4111".to_owned());
    let said = refusal(&acme, &nul).await;
    assert!(said.contains("conversation.messages.content"), "{said}");
    assert!(
        said.contains("leave it out") && !said.contains("4111"),
        "{said}"
    );

    let mut large = record(&acme).await;
    large.legs[0].media = json!({"dump": "x".repeat(10 << 20)});
    let said = refusal(&acme, &large).await;
    assert!(
        said.contains("legs.media") && said.contains("at most"),
        "{said}"
    );

    let mut clock = record(&acme).await;
    clock.call.initiated_at = WallTime::from_unix_micros(0);
    let said = refusal(&acme, &clock).await;
    assert!(
        said.contains("call.initiated_at") && said.contains("clock"),
        "{said}"
    );

    let mut twice = record(&acme).await;
    let leg = twice.legs[0].clone();
    twice.legs.push(leg);
    let said = refusal(&acme, &twice).await;
    assert!(
        said.contains("call_legs") && said.contains("already"),
        "{said}"
    );
}

#[tokio::test]
async fn statements_in_names_are_names() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let name = "x'); DROP TABLE calls; -- \\ \" $1 {{schema}} %s";
    let mut record = record(&acme).await;
    record.call.customer_name = Some(Pii::new(name.to_owned()));
    record.call.tags = vec![name.to_owned()];
    record.call.outcome = Some(name.to_owned());
    record.call.variables = super::captured(name, name);
    records::finish(&acme.database, &record).await.unwrap();
    let shown = calls::show(&acme.database, record.call.id).await.unwrap();
    assert_eq!(shown["customer_name"], name);
    assert_eq!(shown["tags"], json!([name]));
    assert_eq!(shown["variables"][name], name);
}

#[tokio::test]
async fn a_clock_that_is_set_back_during_a_call_costs_no_record_and_no_negative_second() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut record = record(&acme).await;
    let begun = record.call.initiated_at;
    record.call.answered_at = Some(begun + Duration::from_secs(60));
    record.call.ended_at = Some(begun);
    records::finish(&acme.database, &record).await.unwrap();
    let shown = calls::show(&acme.database, record.call.id).await.unwrap();
    assert_eq!(
        (&shown["duration_seconds"], &shown["billable_seconds"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn another_call_of_the_same_id_changes_nothing_of_the_first() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let first = record(&acme).await;
    records::finish(&acme.database, &first).await.unwrap();
    let mut second = record(&acme).await;
    second.call.id = first.call.id;
    second.call.outcome = Some("forged".to_owned());
    let finished = records::finish(&acme.database, &second).await.unwrap();
    assert_eq!(finished, Finished::Already);
    let forged = format!("SELECT count(outcome) FROM {}.calls", acme.schema());
    assert_eq!(ask(&database, &forged).await, "0");
}

#[tokio::test]
async fn a_word_of_nobody_is_told_by_the_type_that_does_not_have_it() {
    let mut spooled = serde_json::to_value(records::CostComponent::Stt).unwrap();
    spooled = json!([spooled, "bribe"]);
    let read = serde_json::from_value::<Vec<records::CostComponent>>(spooled);
    assert!(
        read.unwrap_err()
            .to_string()
            .contains("unknown variant `bribe`")
    );
    let parsed: Result<records::CostComponent, Error> = "bribe".parse();
    assert!(parsed.unwrap_err().to_string().contains("CostComponent"));
}
