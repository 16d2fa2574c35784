//! What documents have to do with what somebody said.

use callplane_store::TenantDatabase;
use callplane_store::knowledge::{self, Chunk, DocumentKind, NewDocument, SearchedBase};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_types::Pii;
use uuid::Uuid;

use crate::support::{database, people};

async fn base(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    name: &str,
    configuration: &str,
) -> Uuid {
    let id = Uuid::now_v7();
    let make = format!(
        "INSERT INTO {}.knowledge_bases (id, name, k8s_namespace, k8s_name, embedding_provider, text_search)
         VALUES ('{id}', '{name} for people', 'acme', '{name}', 'acme/space', '{configuration}')",
        tenant.schema()
    );
    database.superuser(&make).await.unwrap();
    id
}

/// A document with these chunks, each with where it lies in the space of `m`.
async fn document(
    people: &TenantDatabase,
    base: Uuid,
    name: &str,
    chunks: &[(&str, Option<Vec<f32>>)],
) -> Uuid {
    let new = NewDocument {
        name: name.to_owned(),
        kind: DocumentKind::Text,
        url: None,
        content: Some(Pii::new("the whole".to_owned())),
    };
    let id = knowledge::add(people, base, &new).await.unwrap();
    let chunks: Vec<Chunk> = chunks
        .iter()
        .map(|(content, embedding)| Chunk {
            content: Pii::new((*content).to_owned()),
            tokens: 1,
            embedding: embedding.clone(),
        })
        .collect();
    knowledge::set_chunks(people, id, Some("m"), &chunks)
        .await
        .unwrap();
    id
}

/// Each as `document/chunk`.
async fn names(people: &TenantDatabase, order: &[Uuid]) -> Vec<String> {
    let found = knowledge::found(people, order).await.unwrap();
    let name = |one: knowledge::FoundChunk| format!("{}/{}", one.document, one.number);
    found.into_iter().map(name).collect()
}

async fn said(people: &TenantDatabase, bases: &[Uuid], words: &str) -> Vec<String> {
    let order = knowledge::by_words(people, bases, words).await.unwrap();
    names(people, &order).await
}

#[tokio::test]
async fn rare_words_and_names_of_documents_outweigh_what_people_say_all_the_time() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let faq = base(&database, &acme, "faq", "simple").await;
    let idle = ["what is it that you do", "so you do it when it is on"];
    let idle: Vec<_> = idle
        .iter()
        .cycle()
        .take(12)
        .map(|text| (*text, None))
        .collect();
    document(&people, faq, "Talk", &idle).await;
    let hours = [("we open at nine", None), ("the E07 lamp is out", None)];
    document(&people, faq, "Hours", &hours).await;
    document(&people, faq, "Lamp E12", &[("a lamp is out", None)]).await;
    let asked = "so what is it with the E07";
    assert_eq!(said(&people, &[faq], asked).await[0], "Hours/2");
    assert_eq!(said(&people, &[faq], "lamp e12").await[0], "Lamp E12/1");
    assert_eq!(
        said(&people, &[faq], "lamp").await[0],
        "Lamp E12/1",
        "a name says more than a text"
    );
    for nothing in ["zebra", "", "?! ' \\ & | ) ("] {
        let found = said(&people, &[faq], nothing).await;
        assert!(found.is_empty(), "{nothing}: {found:?}");
    }
    for odd in [
        "it's \\lamp' | !(",
        "'lamp':*",
        "lamp\\\\' & nine",
        "lamp <-> x",
    ] {
        assert!(!said(&people, &[faq], odd).await.is_empty(), "{odd}");
    }
    assert!(knowledge::by_words(&people, &[faq], "a\0b").await.is_err());
}

#[tokio::test]
async fn what_is_found_is_of_the_bases_ready_and_of_the_model() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let faq = base(&database, &acme, "faq", "english").await;
    let hours = base(&database, &acme, "hours", "german").await;
    let other = base(&database, &acme, "other", "english").await;
    let near = |x: f32, y: f32| Some(vec![x, y]);
    let opening = [
        ("opened on Sundays", near(1.0, 0.0)),
        ("closed", near(0.0, 1.0)),
    ];
    document(&people, faq, "A", &opening).await;
    document(&people, hours, "B", &[("geöffnete Türen", near(0.9, 0.1))]).await;
    document(&people, other, "C", &[("we open", near(1.0, 0.0))]).await;
    let failed = document(&people, faq, "D", &[("we open", near(1.0, 0.0))]).await;
    knowledge::failed(&people, failed, "gone").await.unwrap();
    document(&people, faq, "E", &[("it", Some(vec![1.0, 0.0, 0.0]))]).await;
    document(&people, faq, "F", &[("it", None)]).await;

    // Each base in its own language.
    let both = [faq, hours];
    assert_eq!(said(&people, &both, "opening").await, ["A/1"]);
    assert_eq!(said(&people, &both, "öffnen Tür geöffnet").await, ["B/1"]);
    let at = [1.0, 0.0];
    let meant = knowledge::by_meaning(&people, &both, "m", &at)
        .await
        .unwrap();
    assert_eq!(names(&people, &meant).await, ["A/1", "B/1", "A/2"]);
    let none = knowledge::by_meaning(&people, &both, "n", &at)
        .await
        .unwrap();
    assert!(none.is_empty(), "embeddings of another model");
    let shown = knowledge::found(&people, &meant[..1]).await.unwrap();
    assert_eq!(shown[0].base, "acme/faq");
    assert_eq!(shown[0].content.expose(), "opened on Sundays");

    let wanted = ["acme/hours".to_owned(), "acme/none".to_owned()];
    let searched = knowledge::searched(&people, &wanted).await.unwrap();
    let expected = SearchedBase {
        id: hours,
        embedding_provider: Some("acme/space".to_owned()),
    };
    assert_eq!(searched, [expected]);
}

#[tokio::test]
async fn a_node_may_look_things_up_and_write_nothing_of_it() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let app = people(&database, &acme).await;
    let faq = base(&database, &acme, "faq", "simple").await;
    document(&app, faq, "A", &[("we open", None)]).await;
    assert_eq!(said(&acme.database, &[faq], "open").await, ["A/1"]);
    let new = NewDocument {
        name: "B".to_owned(),
        kind: DocumentKind::Text,
        url: None,
        content: Some(Pii::new("no".to_owned())),
    };
    let refused = knowledge::add(&acme.database, faq, &new).await.unwrap_err();
    assert_eq!(refused.sqlstate().as_deref(), Some("42501"));
}
