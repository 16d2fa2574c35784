//! Finding calls, what was said in them, and what is known of them afterwards.

use std::time::Duration;

use callplane_store::calls::analyses::{self, CallAnalysis, Sentiment};
use callplane_store::calls::{self, CallFilter};
use callplane_store::records::{self, CallRecord, Spoken};
use callplane_store::roles::Purpose;
use callplane_store::{Error, events, tags};
use callplane_types::{CallStatus, Direction};
use serde_json::json;

use super::hours;
use crate::records::{record, record_at};
use crate::support::{database, door, equipped, people};

#[tokio::test]
async fn calls_are_found_by_everything_that_a_list_filters_by() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut ended: Vec<CallRecord> = Vec::new();
    for n in 0..6 {
        let mut record = record(&acme).await;
        record.call.outcome = Some("sold".to_owned());
        if n % 2 == 1 {
            record.call.status = CallStatus::NoAnswer;
            record.call.from_number = Some("+4930123456".parse().unwrap());
            record.call.tags = vec!["again".to_owned()];
            record.call.outcome = None;
        }
        records::finish(&acme.database, &record).await.unwrap();
        ended.push(record);
    }
    let reports = door(&database, &acme, Purpose::Ro).await;
    let agent = ended[0].call.agent_id;
    let filters = [
        (CallFilter::default(), 6),
        (with(|f| f.status = Some(CallStatus::NoAnswer)), 3),
        (with(|f| f.direction = Some(Direction::Outbound)), 0),
        (with(|f| f.agent = agent), 6),
        (
            with(|f| f.customer = Some("+4930123456".parse().unwrap())),
            3,
        ),
        (with(|f| f.outcome = Some("sold".to_owned())), 3),
        (with(|f| f.tag = Some("again".to_owned())), 3),
        (
            with(|f| (f.from, f.until) = (Some(hours(-1)), Some(hours(1)))),
            6,
        ),
        (with(|f| f.until = Some(hours(-1))), 0),
    ];
    for (filter, expected) in filters {
        let found = calls::find(&reports, &filter, None, 50).await.unwrap();
        assert_eq!(found.len(), expected, "{filter:?}");
        // The same in pages of two, without a call twice or left out.
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = calls::find(&reports, &filter, after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.initiated_at, last.id));
            paged.extend(page);
        }
        assert_eq!(paged, found, "{filter:?}");
    }
    let call = &ended[0].call;
    let sid = format!("CA{}", call.id.uuid().simple());
    assert_eq!(calls::by_sid(&reports, &sid).await.unwrap(), Some(call.id));
    assert_eq!(calls::by_sid(&reports, "CA'; --").await.unwrap(), None);
    let external = call.external_call_id.as_deref().unwrap();
    let found = calls::by_external_id(&reports, external).await.unwrap();
    assert_eq!(found[0].id, call.id);
}

fn with(change: impl FnOnce(&mut CallFilter)) -> CallFilter {
    let mut filter = CallFilter::default();
    change(&mut filter);
    filter
}

#[tokio::test]
async fn transcripts_are_searched_by_their_words_and_not_by_patterns() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    // A second apart, which is what the ids of these records tell apart.
    for (second, text) in (0..).zip([
        "I want a REFUND of 100% now",
        "nothing of the kind",
        "refund",
    ]) {
        let begin = hours(0) + Duration::from_secs(second);
        let mut record = record_at(&acme, begin).await;
        record.transcription.as_mut().unwrap().text = Spoken::clear(text.to_owned());
        records::finish(&acme.database, &record).await.unwrap();
    }
    let people = people(&database, &acme).await;
    let search = async |words: &str| {
        calls::search(&people, words, hours(-1), hours(1), 10)
            .await
            .unwrap()
    };
    let found = search("refund").await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].excerpt.expose(), "I want a REFUND of 100% now");
    assert_eq!(search("100%").await.len(), 1);
    for pattern in ["%", "___", "a.*d", "kind\\"] {
        if pattern.len() >= 3 {
            assert_eq!(search(pattern).await, [], "{pattern}");
        }
    }
    let short = calls::search(&people, "a ", hours(-1), hours(1), 10).await;
    assert!(matches!(short, Err(Error::Invalid { what: "words", .. })));
    let before = calls::search(&people, "refund", hours(-3), hours(-2), 10).await;
    assert_eq!(before.unwrap(), []);
}

#[tokio::test]
async fn an_analysis_is_replaced_by_a_newer_one() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let record = record(&acme).await;
    records::finish(&acme.database, &record).await.unwrap();
    let people = people(&database, &acme).await;
    assert_eq!(analyses::of(&people, record.call.id).await.unwrap(), None);
    let mut analysis = CallAnalysis {
        summary: Some(Spoken::clear("Wants a refund.".to_owned())),
        captured: Spoken::clear(json!({"amount": 100})),
        sentiment: Some(Sentiment::Negative),
        intents: vec!["refund".to_owned()],
        success: Some(false),
        model: Some("m".to_owned()),
    };
    for success in [Some(false), Some(true)] {
        analysis.success = success;
        analyses::put(&people, record.call.id, &analysis)
            .await
            .unwrap();
        let kept = analyses::of(&people, record.call.id).await.unwrap();
        assert_eq!(kept.as_ref(), Some(&analysis));
    }
    let encrypt = format!(
        "UPDATE {}.tenant SET settings = settings || '{{\"encrypt_transcripts\": true}}'",
        acme.schema()
    );
    database.superuser(&encrypt).await.unwrap();
    let refused = analyses::put(&people, record.call.id, &analysis).await;
    assert!(matches!(refused, Err(Error::Unsealed)), "{refused:?}");
    let sealed = json!({"$sealed": "AAAA"});
    analysis.summary = Some(serde_json::from_value(sealed.clone()).unwrap());
    analysis.captured = serde_json::from_value(sealed).unwrap();
    analyses::put(&people, record.call.id, &analysis)
        .await
        .unwrap();
    let kept = analyses::of(&people, record.call.id).await.unwrap();
    assert_eq!(kept, Some(analysis));
}

#[tokio::test]
async fn the_outbox_is_read_on_and_emptied() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    for _ in 0..3 {
        let record = record(&acme).await;
        records::finish(&acme.database, &record).await.unwrap();
    }
    let people = people(&database, &acme).await;
    let all = events::since(&people, None, 10).await.unwrap();
    assert_eq!(all.len(), 3);
    let rest = events::since(&people, Some(all[0].id), 10).await.unwrap();
    assert_eq!(rest, all[1..]);
    assert_eq!(events::unpublished(&people, 10).await.unwrap().len(), 3);
    events::published(&people, &all[..2]).await.unwrap();
    assert_eq!(events::unpublished(&people, 10).await.unwrap(), all[2..]);
}

#[tokio::test]
async fn a_tag_of_the_catalogue_is_put_on_a_call_by_people() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let record = record(&acme).await;
    records::finish(&acme.database, &record).await.unwrap();
    let people = people(&database, &acme).await;
    tags::put(&people, "vip", Some("#0af")).await.unwrap();
    tags::put_on(&people, record.call.id, "vip").await.unwrap();
    let unknown = tags::put_on(&people, record.call.id, "nobody").await;
    assert!(matches!(unknown, Err(Error::NotFound { kind: "tag", .. })));
    let names: Vec<String> = tags::list(&people)
        .await
        .unwrap()
        .into_iter()
        .map(|tag| tag.name)
        .collect();
    assert_eq!(names, ["demo", "vip"]);
    tags::remove(&people, "demo").await.unwrap();
    let shown = calls::show(&people, record.call.id).await.unwrap();
    assert_eq!(shown["tags"], json!(["vip"]));
}
