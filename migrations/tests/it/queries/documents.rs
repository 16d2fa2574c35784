//! Documents that wait to be read: who may read one, for how long, and what becomes of those that nobody ends.

use std::time::Duration;

use callplane_store::TenantDatabase;
use callplane_store::knowledge::queue::{self, Contents, Work};
use callplane_store::knowledge::{self, Chunk, DocumentKind, NewDocument};
use callplane_store::test_util::TestTenant;
use callplane_types::Pii;
use uuid::Uuid;

use crate::support::{ask, database, people};

const LEASE: Duration = Duration::from_secs(60);

async fn add(database: &TenantDatabase, name: &str, url: Option<&str>) -> Uuid {
    let base = knowledge::base(database, "Manual").await.unwrap().unwrap();
    let document = NewDocument {
        name: name.to_owned(),
        kind: match url {
            Some(_) => DocumentKind::Website,
            None => DocumentKind::Text,
        },
        url: url.map(str::to_owned),
        content: url
            .is_none()
            .then(|| Pii::new("Die Preise gelten ab neun Uhr.".to_owned())),
    };
    knowledge::add(database, base, &document).await.unwrap()
}

async fn claim(database: &TenantDatabase) -> Work {
    queue::claim(database, LEASE)
        .await
        .unwrap()
        .expect("one is due")
}

fn base(tenant: &TestTenant) -> String {
    format!(
        "INSERT INTO {}.knowledge_bases (name, text_search, embedding_provider)
         VALUES ('Manual', 'german', 'acme/vectors')",
        tenant.schema()
    )
}

fn contents(chunks: &[Chunk]) -> Contents<'_> {
    Contents {
        sha256: b"hash",
        octets: 20,
        mime_type: "text/html",
        model: None,
        chunks,
    }
}

fn chunk() -> Chunk {
    Chunk {
        content: Pii::new("Die Preise gelten ab neun Uhr.".to_owned()),
        tokens: 5,
        embedding: None,
    }
}

#[tokio::test]
async fn a_document_is_given_to_one_worker_and_found_by_its_words_when_it_is_read() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    database.superuser(&base(&acme)).await.unwrap();
    let people = people(&database, &acme).await;
    let id = add(&people, "hours", None).await;
    let work = claim(&people).await;
    assert_eq!(
        (work.id, work.kind, work.attempts),
        (id, DocumentKind::Text, 1)
    );
    assert_eq!(work.embedding_provider.as_deref(), Some("acme/vectors"));
    assert_eq!(
        work.content.as_ref().unwrap().expose(),
        "Die Preise gelten ab neun Uhr."
    );
    assert_eq!(queue::claim(&people, LEASE).await.unwrap(), None);

    assert!(
        queue::finish(&people, &work, &contents(&[chunk()]))
            .await
            .unwrap()
    );
    let schema = acme.schema();
    let found = format!(
        "SELECT count(*)::text || d.status FROM {schema}.kb_chunks c
           JOIN {schema}.kb_documents d ON d.id = c.document_id
          WHERE c.words @@ to_tsquery('german', 'preis & hours') GROUP BY d.status"
    );
    assert_eq!(ask(&database, &found).await, "1ready");
    assert_eq!(queue::claim(&people, LEASE).await.unwrap(), None);
    assert!(!queue::finish(&people, &work, &contents(&[])).await.unwrap());
}

#[tokio::test]
async fn a_document_of_a_worker_that_died_is_another_s_and_the_dead_one_changes_nothing() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    database.superuser(&base(&acme)).await.unwrap();
    let people = people(&database, &acme).await;
    add(&people, "hours", None).await;
    let dead = claim(&people).await;
    // The control: while its lease lasts, nobody else has it.
    assert_eq!(queue::claim(&people, LEASE).await.unwrap(), None);
    let later = format!(
        "UPDATE {}.kb_documents SET leased_until = now() - interval '1 second'",
        acme.schema()
    );
    database.superuser(&later).await.unwrap();
    let second = claim(&people).await;
    assert_eq!((second.id, second.abandoned), (dead.id, 1));
    assert!(
        !queue::finish(&people, &dead, &contents(&[chunk()]))
            .await
            .unwrap()
    );
    assert!(!queue::refuse(&people, &dead, "too late").await.unwrap());
    let chunks = format!("SELECT count(*)::text FROM {}.kb_chunks", acme.schema());
    assert_eq!(ask(&database, &chunks).await, "0");
    assert!(
        queue::finish(&people, &second, &contents(&[chunk()]))
            .await
            .unwrap()
    );
    assert_eq!(ask(&database, &chunks).await, "1");
}

#[tokio::test]
async fn a_page_is_fetched_again_in_its_time_and_keeps_its_passages_until_it_changes() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    database.superuser(&base(&acme)).await.unwrap();
    let people = people(&database, &acme).await;
    add(&people, "site", Some("https://acme.example/")).await;
    let schema = acme.schema();
    let refreshed = format!("UPDATE {schema}.kb_documents SET refresh_seconds = 3600");
    database.superuser(&refreshed).await.unwrap();
    let due = format!("UPDATE {schema}.kb_documents SET due_at = now()");
    let state = format!(
        "SELECT d.status || ' ' || count(c.id) || ' ' || coalesce(d.error_message, '-') || ' '
                || coalesce(extract(epoch FROM d.due_at - now())::int / 60, -1)
           FROM {schema}.kb_documents d LEFT JOIN {schema}.kb_chunks c ON c.document_id = d.id
          GROUP BY d.id"
    );

    let first = claim(&people).await;
    assert_eq!(first.read, None);
    let away = Duration::from_secs(600);
    assert!(
        queue::postpone(&people, &first, away, "nobody answers")
            .await
            .unwrap()
    );
    assert_eq!(
        ask(&database, &state).await,
        "processing 0 nobody answers 10"
    );
    assert_eq!(queue::claim(&people, LEASE).await.unwrap(), None);

    database.superuser(&due).await.unwrap();
    let again = claim(&people).await;
    assert_eq!((again.attempts, again.abandoned), (2, 0));
    assert!(
        queue::finish(&people, &again, &contents(&[chunk()]))
            .await
            .unwrap()
    );
    assert_eq!(ask(&database, &state).await, "ready 1 - 60");

    database.superuser(&due).await.unwrap();
    let same = claim(&people).await;
    assert_eq!(same.read.as_deref(), Some(&b"hash"[..]));
    assert!(queue::unchanged(&people, &same).await.unwrap());
    assert_eq!(ask(&database, &state).await, "ready 1 - 60");

    database.superuser(&due).await.unwrap();
    let gone = claim(&people).await;
    assert!(
        queue::refuse(&people, &gone, "it answers 404")
            .await
            .unwrap()
    );
    assert_eq!(ask(&database, &state).await, "error 0 it answers 404 60");
}
