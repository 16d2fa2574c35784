//! KnowledgeBases: documents from texts, pages and ConfigMaps to the rows that workers read, and back.

use callplane_crds::{KnowledgeBase, Provider};
use callplane_store::knowledge;
use callplane_store::knowledge::DocumentStatus;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{World, message};

fn put_file(world: &World<'_>, content: &str) {
    world.api.put(
        &serde_json::from_value::<ConfigMap>(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "files", "namespace": "acme" },
            "data": { "prices.md": content },
        }))
        .unwrap(),
    );
}

fn put_base(world: &World<'_>, documents: &Value) {
    world.put::<KnowledgeBase>(&json!({
        "metadata": { "name": "faq", "namespace": "acme" },
        "spec": { "textSearch": "german", "documents": documents },
    }));
}

const PROCESSING: (&str, &str, &str) = ("Ready", "False", "DocumentsProcessing");

/// The documents by name.
async fn documents(world: &World<'_>) -> Vec<(String, Uuid, DocumentStatus)> {
    let database = &world.acme.database;
    let base = knowledge::base(database, "acme/faq")
        .await
        .unwrap()
        .unwrap();
    let page = callplane_store::Page::first(100);
    let found = knowledge::documents(database, base, page).await.unwrap();
    let mut named: Vec<_> = found
        .into_iter()
        .map(|one| (one.name, one.id, one.status))
        .collect();
    named.sort_by(|one, other| one.0.cmp(&other.0));
    named
}

/// Says of documents how they were read, as a worker does.
async fn read(world: &World<'_>, name: &str, outcome: &str) {
    let schema = world.acme.schema();
    let sql = format!(
        "UPDATE {schema}.kb_documents SET due_at = NULL, {outcome} WHERE name LIKE '{name}'"
    );
    world.database.superuser(&sql).await.unwrap();
}

/// Waits until so many documents are being read and so many were, and gives them.
async fn until(
    world: &World<'_>,
    processing: i64,
    ready: i64,
) -> Vec<(String, Uuid, DocumentStatus)> {
    let told = world.api.until(|api| {
        let base = api.get::<KnowledgeBase>(Some("acme"), "faq")?;
        let status = base.status?;
        let counts = status.documents?;
        let is_current = status.observed_generation == base.metadata.generation;
        (is_current && (counts.processing, counts.ready) == (processing, ready)).then_some(())
    });
    told.await.expect("the status counts documents");
    documents(world).await
}

#[tokio::test]
async fn only_a_document_whose_source_changed_is_read_again() {
    let world = World::start().await;
    let hours = json!({ "name": "hours", "text": "From nine to five." });
    let prices = json!({
        "name": "prices", "configMapKeyRef": { "name": "files", "key": "prices.md" },
    });
    let site = json!({ "name": "site", "url": "https://acme.example/", "refreshSeconds": 3_600 });
    put_base(&world, &json!([hours, prices, site]));
    let missing = world
        .until::<KnowledgeBase>(
            "acme",
            "faq",
            ("ResolvedRefs", "False", "ConfigMapNotFound"),
        )
        .await;
    assert!(message(&missing, "ResolvedRefs").contains("kubectl create configmap files"));

    put_file(&world, "A visit is 45 euros.");
    let first = until(&world, 3, 0).await;
    read(&world, "%", "status = 'ready'").await;
    until(&world, 0, 3).await;

    put_file(&world, "A visit is 48 euros.");
    let second = until(&world, 1, 2).await;
    let ids =
        |of: &[(String, Uuid, DocumentStatus)]| of.iter().map(|one| one.1).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(
        (second[1].0.as_str(), second[1].2),
        ("prices", DocumentStatus::Processing)
    );

    read(&world, "%", "status = 'ready'").await;
    let moved =
        json!({ "name": "site", "url": "https://acme.example/new", "refreshSeconds": 3_600 });
    put_base(&world, &json!([hours, moved]));
    let third = until(&world, 1, 1).await;
    assert_eq!(
        (third[1].0.as_str(), third[1].2),
        ("site", DocumentStatus::Processing)
    );
    assert_eq!(ids(&third), [first[0].1, first[2].1]);

    // Their words are other ones then.
    world.edit::<KnowledgeBase>("acme", "faq", |base| {
        base.spec.text_search = callplane_crds::TextSearch::English;
    });
    until(&world, 2, 0).await;
}

#[tokio::test]
async fn a_knowledge_base_is_ready_when_its_documents_are_and_goes_with_them() {
    let world = World::start().await;
    put_base(
        &world,
        &json!([
            { "name": "hours", "text": "From nine to five." },
            { "name": "menu", "text": "Soup." },
        ]),
    );
    world
        .until::<KnowledgeBase>("acme", "faq", PROCESSING)
        .await;
    read(&world, "hours", "status = 'ready'").await;
    read(
        &world,
        "menu",
        "status = 'error', error_message = 'it has no text'",
    )
    .await;
    let failed = world
        .until::<KnowledgeBase>("acme", "faq", ("Stalled", "True", "DocumentsFailed"))
        .await;
    let status = failed.status.unwrap();
    assert_eq!(status.failed[0].name, "menu");
    assert_eq!(status.failed[0].message, "it has no text");
    assert_eq!(status.documents.unwrap().ready, 1);

    put_base(
        &world,
        &json!([{ "name": "hours", "text": "From nine to five." }]),
    );
    world.ready::<KnowledgeBase>("acme", "faq").await;
    world.api.delete::<KnowledgeBase>(Some("acme"), "faq");
    let gone = world.api.until(|api| {
        let left = api.get::<KnowledgeBase>(Some("acme"), "faq");
        left.is_none().then_some(())
    });
    gone.await.unwrap();
    let database = &world.acme.database;
    assert_eq!(knowledge::base(database, "acme/faq").await.unwrap(), None);
}

#[tokio::test]
async fn more_documents_than_the_tenant_may_have_change_nothing() {
    let world = World::start().await;
    let many = |count: usize| {
        let documents = (0..count).map(|n| json!({ "name": format!("d{n}"), "text": "x" }));
        Value::Array(documents.collect())
    };
    put_base(&world, &many(100));
    world
        .until::<KnowledgeBase>("acme", "faq", PROCESSING)
        .await;
    put_base(&world, &many(101));
    let refused = world
        .until::<KnowledgeBase>("acme", "faq", ("Accepted", "False", "QuotaExceeded"))
        .await;
    assert!(message(&refused, "Accepted").contains("100 for documents_per_kb"));
    assert_eq!(documents(&world).await.len(), 100);
}

#[tokio::test]
async fn a_knowledge_base_waits_for_the_provider_that_embeds() {
    let world = World::start().await;
    world.put::<KnowledgeBase>(&json!({
        "metadata": { "name": "faq", "namespace": "acme" },
        "spec": {
            "embedding": { "providerRef": { "name": "vectors" } },
            "documents": [{ "name": "hours", "text": "From nine to five." }],
        },
    }));
    world
        .until::<KnowledgeBase>("acme", "faq", ("ResolvedRefs", "False", "ProviderNotFound"))
        .await;
    world.put::<Provider>(&json!({
        "metadata": { "name": "vectors", "namespace": "acme" },
        "spec": { "openaiEmbeddings": { "baseUrl": "http://127.0.0.1:1/v1", "model": "m" } },
    }));
    // Whether its endpoint answers is for the worker.
    world
        .until::<KnowledgeBase>("acme", "faq", PROCESSING)
        .await;
}
