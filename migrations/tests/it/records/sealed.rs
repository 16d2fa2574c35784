//! What is said in the calls of a tenant whose transcripts are encrypted.

use std::time::Duration;

use callplane_keys::{DataKey, KeyRing, Place};
use callplane_store::calls::{NotOpened, Opened};
use callplane_store::compatibility::{self, Platform};
use callplane_store::erasure::Subject;
use callplane_store::keys::{
    CLEAR_COLUMNS, SEALED_COLUMNS, in_clear, put_sealed, replace, sealed_with,
};
use callplane_store::records::{CallRecord, Finished, Message, Spoken, finish, seal};
use callplane_store::tenants::{self, Backlog, TenantSpec, Transcripts, backlog, note_sealed};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Error, calls};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{captured, own, record};
use crate::support::{database, equip, erase, people};

/// What somebody says in the call, and nobody else does.
const PLANTED: &str = "quetzalcoatl";
/// What somebody presses.
const PRESSED: &str = "8391740265";

async fn tenant(database: &TestDatabase<'_>, transcripts: Transcripts) -> TestTenant {
    let spec = TenantSpec {
        transcripts,
        ..database.tenant_spec("acme")
    };
    let tenant = database.tenant_of(spec).await.unwrap();
    let number = match transcripts {
        Transcripts::Clear => "+15550000001",
        Transcripts::Encrypted => "+15550000002",
    };
    equip(database, &tenant, number).await;
    tenant
}

async fn switch(database: &TestDatabase<'_>, tenant: &TestTenant, transcripts: Transcripts) {
    let spec = TenantSpec {
        transcripts,
        spec_hash: Uuid::now_v7().to_string(),
        ..tenant.spec.clone()
    };
    let (operator, fence) = (&database.operator, &database.fence);
    tenants::ensure(operator, fence, &spec).await.unwrap();
    tenants::project_anchor(operator, fence, tenant.id)
        .await
        .unwrap();
}

/// A call in which the words are said by the caller, said and meant by the agent, captured and pressed.
async fn telling(tenant: &TestTenant) -> CallRecord {
    let mut record = record(tenant).await;
    record.call.variables = captured("animal", PLANTED);
    let conversation = record.conversation.as_mut().unwrap();
    conversation.context = Spoken::clear(json!({"variables": {"pin": PRESSED}}));
    let said = |message: &mut Message, heard: &str, meant: Option<&str>| {
        message.content = Spoken::clear(heard.to_owned());
        message.intended = meant.map(|text| Spoken::clear(text.to_owned()));
    };
    let caller = format!("my pin is {PRESSED} and I like {PLANTED}");
    said(&mut conversation.messages[0], &caller, None);
    let heard = format!("So {PLANTED}");
    said(
        &mut conversation.messages[1],
        &heard,
        Some("So quetzalcoatl it is."),
    );
    let transcription = record.transcription.as_mut().unwrap();
    transcription.text = Spoken::clear(format!("caller: {caller}\nagent: {heard}"));
    transcription.segments = Spoken::clear(json!([{"speaker": "caller", "text": caller}]));
    record
}

fn ring() -> KeyRing {
    KeyRing::new(DataKey::generate().unwrap())
}

/// How often the words stand in what a backup of the schema would have.
fn found(database: &TestDatabase<'_>, tenant: &TestTenant) -> usize {
    let schema = format!("--schema={}", tenant.schema());
    let dump = database
        .server
        .program("pg_dump", &database.name, &[&schema])
        .unwrap();
    assert!(dump.contains("+15557000001"), "the call is in the dump");
    dump.matches(PLANTED).count() + dump.matches(PRESSED).count()
}

async fn shown(
    tenant: &TestTenant,
    record: &CallRecord,
    ring: Option<&KeyRing>,
) -> (Value, Opened) {
    let mut document = calls::show(&tenant.database, record.call.id).await.unwrap();
    let opened = calls::open(&mut document, tenant.id, ring);
    (document, opened)
}

#[tokio::test]
async fn what_is_said_stands_nowhere_in_a_dump_and_opens_with_the_keys_of_the_tenant() {
    let database = database().await;
    let plain = tenant(&database, Transcripts::Clear).await;
    let said = telling(&plain).await;
    finish(&plain.database, &said).await.unwrap();
    // Three times in the text, twice in its segments, four in messages, in context and variables.
    assert_eq!(found(&database, &plain), 11, "the control finds each");
    assert_eq!(shown(&plain, &said, None).await.1, Opened::Clear);

    let acme = tenant(&database, Transcripts::Encrypted).await;
    let said = telling(&acme).await;
    let ring = ring();
    let mut sealed = said.clone();
    seal(&mut sealed, &ring).unwrap();
    let spooled = serde_json::to_string(&sealed).unwrap();
    assert!(!spooled.contains(PLANTED) && !spooled.contains(PRESSED));
    let sealed: CallRecord = serde_json::from_str(&spooled).unwrap();
    finish(&acme.database, &sealed).await.unwrap();
    assert_eq!(found(&database, &acme), 0);

    let (document, opened) = shown(&acme, &said, Some(&ring)).await;
    assert_eq!(opened, Opened::All);
    assert_eq!(document["variables"], json!({"animal": PLANTED}));
    assert_eq!(document["messages"][1]["content"], "So quetzalcoatl");
    assert_eq!(
        document["messages"][1]["intended"],
        "So quetzalcoatl it is."
    );
    let text = document["transcriptions"][0]["text"].as_str().unwrap();
    assert!(text.ends_with("agent: So quetzalcoatl"), "{text}");
    let segment = &document["transcriptions"][0]["segments"][0];
    assert!(segment["text"].as_str().unwrap().contains(PRESSED));
    let context = own(
        &database,
        &acme,
        "SELECT encode(context_enc, 'hex') || ' ' || id FROM conversations",
    )
    .await;
    let (context, id) = context.split_once(' ').unwrap();
    let octets: Vec<u8> = (0..context.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&context[at..at + 2], 16).unwrap())
        .collect();
    let place = Place::cell(acme.id, "conversations", "context_enc", id.parse().unwrap());
    let context: Value = serde_json::from_slice(&ring.open(&place, &octets).unwrap()).unwrap();
    assert_eq!(context, json!({"variables": {"pin": PRESSED}}));

    // Without keys, and with others, everything but the words is there.
    for (other, why) in [
        (None, "there are no data keys here"),
        (
            Some(KeyRing::new(DataKey::generate().unwrap())),
            "not at hand",
        ),
    ] {
        let (document, opened) = shown(&acme, &said, other.as_ref()).await;
        let Opened::Not(not) = opened else {
            panic!("{opened:?}");
        };
        assert!(not.to_string().contains(why), "{not}");
        assert_eq!(document["messages"][0]["content"], Value::Null);
        assert_eq!(document["status"], "completed");
    }
}

#[tokio::test]
async fn words_in_clear_are_not_stored_for_a_tenant_that_has_them_encrypted() {
    let database = database().await;
    let acme = tenant(&database, Transcripts::Encrypted).await;
    let mut record = telling(&acme).await;
    let refused = finish(&acme.database, &record).await;
    assert!(matches!(refused, Err(Error::Unsealed)), "{refused:?}");
    assert_eq!(
        own(&database, &acme, "SELECT count(*) FROM calls").await,
        "0"
    );
    let ring = ring();
    seal(&mut record, &ring).unwrap();
    finish(&acme.database, &record).await.unwrap();

    // A call without words needs no key.
    let mut silent = telling(&acme).await;
    callplane_store::records::take_words_out(&mut silent);
    finish(&acme.database, &silent).await.unwrap();

    // Switched off, it is as before, and what was sealed still opens.
    switch(&database, &acme, Transcripts::Clear).await;
    let later = telling(&acme).await;
    finish(&acme.database, &later).await.unwrap();
    assert_eq!(found(&database, &acme), 11);
    assert_eq!(shown(&acme, &record, Some(&ring)).await.1, Opened::All);
}

#[tokio::test]
async fn search_is_off_while_transcripts_are_encrypted_and_views_show_none() {
    let database = database().await;
    let acme = tenant(&database, Transcripts::Encrypted).await;
    let mut record = telling(&acme).await;
    seal(&mut record, &ring()).unwrap();
    finish(&acme.database, &record).await.unwrap();
    let begin = record.call.initiated_at;
    let search = async || {
        let people = people(&database, &acme).await;
        let until = begin + Duration::from_secs(60);
        calls::search(&people, PLANTED, begin, until, 10).await
    };
    let refused = search().await.unwrap_err();
    assert!(matches!(refused, Error::SearchOff), "{refused}");
    assert!(refused.to_string().contains("encryptTranscripts"));

    let all = Platform::ALL.into_iter().collect();
    compatibility::ensure(&database.operator, &database.fence, acme.id, &all)
        .await
        .unwrap();
    for (platform, column) in [
        ("callfabric", "text FROM {}.\"Transcription\""),
        ("dukat", "content FROM {}.messages"),
        ("irisx", "text FROM {}.transcriptions"),
    ] {
        let views = format!("{}__{platform}", acme.schema());
        let column = column.replace("{}", &views);
        let words =
            format!("SELECT count(*) || ' ' || count(word) FROM (SELECT {column}) AS w(word)");
        let words = own(&database, &acme, &words).await;
        assert!(
            matches!(words.as_str(), "1 0" | "2 0"),
            "{platform}: {words}"
        );
    }
    switch(&database, &acme, Transcripts::Clear).await;
    assert_eq!(search().await.unwrap(), []);
}

#[tokio::test]
async fn a_new_key_opens_what_was_resealed_and_a_shredded_one_nothing() {
    let database = database().await;
    let acme = tenant(&database, Transcripts::Encrypted).await;
    let (old, new) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
    let (old_id, new_id) = (old.id(), new.id());
    let mut ring = KeyRing::new(old);
    let mut record = telling(&acme).await;
    seal(&mut record, &ring).unwrap();
    finish(&acme.database, &record).await.unwrap();
    ring.add(new);
    ring.seal_with(new_id).unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    let mut values = 0;
    for column in SEALED_COLUMNS {
        let rows = sealed_with(operator, fence, acme.id, *column, old_id, Uuid::nil(), 10)
            .await
            .unwrap();
        let anew: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let place = Place::cell(acme.id, column.table, column.column, row.id);
                let sealed = ring.reseal(&place, &row.sealed).unwrap().unwrap();
                (row, sealed)
            })
            .collect();
        values += replace(operator, fence, acme.id, *column, &anew)
            .await
            .unwrap();
    }
    assert_eq!(
        values, 7,
        "variables, context, text, segments, three of messages"
    );
    let only = KeyRing::new(DataKey::new(new_id, ring.key(new_id).unwrap().expose()).unwrap());
    let (document, opened) = shown(&acme, &record, Some(&only)).await;
    assert_eq!(opened, Opened::All);
    assert_eq!(document["variables"], json!({"animal": PLANTED}));
    // Shredded: the key is on no ring any more.
    let gone = KeyRing::new(DataKey::new(old_id, ring.key(old_id).unwrap().expose()).unwrap());
    let opened = shown(&acme, &record, Some(&gone)).await.1;
    let unknown = callplane_keys::Error::UnknownKey(new_id);
    assert_eq!(opened, Opened::Not(NotOpened::Keys(unknown)));
}

#[tokio::test]
async fn a_sealed_value_does_not_open_in_another_row_column_or_tenant() {
    let database = database().await;
    let acme = tenant(&database, Transcripts::Encrypted).await;
    let ring = ring();
    let mut record = telling(&acme).await;
    seal(&mut record, &ring).unwrap();
    finish(&acme.database, &record).await.unwrap();
    let other = Place::cell(
        callplane_types::TenantId::new(Uuid::nil()),
        "messages",
        "content_enc",
        record.conversation.as_ref().unwrap().messages[0].id,
    );
    let content = &record.conversation.as_ref().unwrap().messages[0].content;
    ring.open(&other, content.as_sealed().unwrap()).unwrap_err();
    // Two turns that are exchanged.
    let swap = format!(
        "SET app.retention = 'on'; SET search_path = {};
         UPDATE messages m SET content_enc = o.content_enc FROM messages o WHERE o.seq = 3 - m.seq",
        acme.schema()
    );
    database.superuser(&swap).await.unwrap();
    let opened = shown(&acme, &record, Some(&ring)).await.1;
    let refused = callplane_keys::Error::Refused;
    assert_eq!(opened, Opened::Not(NotOpened::Keys(refused)));
}

#[tokio::test]
async fn calls_from_before_are_sealed_in_batches_and_then_left_alone() {
    let database = database().await;
    let acme = tenant(&database, Transcripts::Clear).await;
    let (operator, fence) = (&database.operator, &database.fence);
    let wait = Duration::ZERO;
    assert_eq!(
        backlog(operator, acme.id, wait).await.unwrap(),
        Backlog::None
    );
    let said = [telling(&acme).await, telling(&acme).await];
    for record in &said {
        finish(&acme.database, record).await.unwrap();
    }
    switch(&database, &acme, Transcripts::Encrypted).await;
    let hour = Duration::from_secs(3_600);
    assert_eq!(
        backlog(operator, acme.id, hour).await.unwrap(),
        Backlog::Growing
    );
    assert_eq!(
        backlog(operator, acme.id, wait).await.unwrap(),
        Backlog::Last
    );
    let ring = ring();
    let pass = async || {
        let mut values = 0;
        for column in CLEAR_COLUMNS {
            let mut after = Uuid::nil();
            loop {
                let rows = in_clear(operator, fence, acme.id, *column, after, 1)
                    .await
                    .unwrap();
                let Some(last) = rows.last() else { break };
                after = last.id;
                let sealed: Vec<_> = rows
                    .into_iter()
                    .map(|row| {
                        let (table, name) = (column.sealed.table, column.sealed.column);
                        let place = Place::cell(acme.id, table, name, row.id);
                        let sealed = ring.seal(&place, row.value.expose().as_bytes()).unwrap();
                        (row, sealed)
                    })
                    .collect();
                values += put_sealed(operator, fence, acme.id, *column, &sealed)
                    .await
                    .unwrap();
                // A row that is sealed meanwhile keeps what it has.
                let again = put_sealed(operator, fence, acme.id, *column, &sealed).await;
                assert_eq!(again.unwrap(), 0);
            }
        }
        values
    };
    assert_eq!(pass().await, 2 * 7);
    assert_eq!(pass().await, 0);
    assert_eq!(found(&database, &acme), 0);
    for record in &said {
        let (document, opened) = shown(&acme, record, Some(&ring)).await;
        assert_eq!(opened, Opened::All);
        assert_eq!(document["variables"], json!({"animal": PLANTED}));
        assert_eq!(
            document["messages"][1]["intended"],
            "So quetzalcoatl it is."
        );
    }
    note_sealed(operator, fence, acme.id, hour).await.unwrap();
    assert_eq!(
        backlog(operator, acme.id, wait).await.unwrap(),
        Backlog::Last
    );
    note_sealed(operator, fence, acme.id, wait).await.unwrap();
    assert_eq!(
        backlog(operator, acme.id, wait).await.unwrap(),
        Backlog::None
    );
    // Off and on again: there may be more.
    switch(&database, &acme, Transcripts::Clear).await;
    switch(&database, &acme, Transcripts::Encrypted).await;
    assert_eq!(
        backlog(operator, acme.id, wait).await.unwrap(),
        Backlog::Last
    );
}

#[tokio::test]
async fn a_person_who_is_erased_leaves_no_sealed_words() {
    let database = database().await;
    let acme = tenant(&database, Transcripts::Encrypted).await;
    let mut record = telling(&acme).await;
    seal(&mut record, &ring()).unwrap();
    finish(&acme.database, &record).await.unwrap();
    let left = "SELECT (SELECT count(variables_enc) FROM calls)
                     + (SELECT count(context_enc) FROM conversations)
                     + (SELECT count(content_enc) + count(intended_enc) FROM messages)
                     + (SELECT count(text_enc) + count(segments_enc) FROM transcriptions)";
    assert_eq!(own(&database, &acme, left).await, "7");
    let person = Subject::Number("+15557000001".parse().unwrap());
    erase(&database, acme.id, &person).await;
    assert_eq!(own(&database, &acme, left).await, "0");
    // Nor does a record that comes later bring any.
    let mut late = telling(&acme).await;
    late.call.initiated_at = record.call.initiated_at;
    seal(&mut late, &ring()).unwrap();
    let stored = finish(&acme.database, &late).await.unwrap();
    assert_eq!(stored, Finished::Erased);
    assert_eq!(own(&database, &acme, left).await, "0");
}
