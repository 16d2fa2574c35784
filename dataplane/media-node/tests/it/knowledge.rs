//! Calls whose model is told what documents say, with baresip as the telephone and a scripted server that embeds.

use std::time::Duration;

use callplane_e2e::provider_server::{Act, ProviderServer, answer, whole};
use callplane_flow::{AgentSettings, KnowledgeUse};
use callplane_media_node::Running;
use callplane_store::knowledge::{self, Chunk, DocumentKind, NewDocument};
use callplane_store::roles::{self, Purpose};
use callplane_store::{Slot, TenantDatabase};
use callplane_types::Pii;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::models::{
    EMBEDDING_MODEL, PATIENCE, caller, serving, settings, transcript, world_through,
};
use crate::world::{World, metrics};

const ASKED: &str = "When are you open?";

/// Answers what callers ask.
fn desk() -> Value {
    json!({
        "start": "talk",
        "nodes": {
            "talk": {
                "converse": {"opening": "Hello, this is Emma.", "instructions": "Answer the caller."},
                "edges": [
                    {"prompt": "the caller is done", "to": "done"},
                    {"event": "modelFailed", "to": "failed"},
                    {"to": "failed"},
                ],
            },
            "done": {"hangup": {"text": "Goodbye.", "outcome": "done"}},
            "failed": {"hangup": {"outcome": "failed"}},
        },
    })
}

/// The tenant's door of who takes documents in.
pub(crate) async fn ingesting(world: &World) -> TenantDatabase {
    let (operator, fence) = (&world.database.operator, &world.database.fence);
    let issued = roles::issue(operator, fence, world.tenant.id, Purpose::App, Slot::A).await;
    TenantDatabase::connect_lazy(&issued.unwrap(), 2).unwrap()
}

/// The knowledge base `acme/faq`.
pub(crate) async fn base(world: &World) -> Uuid {
    let id = Uuid::now_v7();
    let make = format!(
        "INSERT INTO {}.knowledge_bases (id, name, k8s_namespace, k8s_name, embedding_provider, text_search)
         VALUES ('{id}', 'FAQ', 'acme', 'faq', 'acme/embeddings', 'english')",
        world.tenant.schema()
    );
    world.database.superuser(&make).await.unwrap();
    id
}

/// A document of one chunk that lies there.
pub(crate) async fn document(
    database: &TenantDatabase,
    base: Uuid,
    name: &str,
    content: &str,
    model: &str,
    embedding: Vec<f32>,
) {
    let content = Pii::new(content.to_owned());
    let new = NewDocument {
        name: name.to_owned(),
        kind: DocumentKind::Text,
        url: None,
        content: Some(content.clone()),
    };
    let id = knowledge::add(database, base, &new).await.unwrap();
    let chunk = Chunk {
        content,
        tokens: 1,
        embedding: Some(embedding),
    };
    knowledge::set_chunks(database, id, Some(model), &[chunk])
        .await
        .unwrap();
}

/// A node whose agent knows two documents: one has the words of the question, and what the other means is close to it.
async fn knowing(server: &ProviderServer) -> (World, Running) {
    let settings = AgentSettings {
        knowledge_bases: vec![KnowledgeUse {
            name: "faq".to_owned(),
            base: "acme/faq".to_owned(),
        }],
        ..settings()
    };
    let (world, node) = world_through(desk(), settings, &server.base_url, server).await;
    let database = ingesting(&world).await;
    let base = base(&world).await;
    for (name, content, at) in [
        ("Sundays", "We are open until noon.", vec![0.0, 1.0]),
        ("Hours", "From nine to five.", vec![1.0, 0.1]),
    ] {
        document(&database, base, name, content, EMBEDDING_MODEL, at).await;
    }
    (world, node)
}

fn embedding() -> Vec<Act> {
    whole(
        "200 OK",
        &json!({"data": [{"index": 0, "embedding": [1.0, 0.0]}]}),
    )
}

fn answered(words: &str) -> Vec<Act> {
    answer(&[words], &[("go_to", json!({"to": "done"}))])
}

/// Calls of people who ask, at most.
const MAX_CALLS: usize = 6;

/// The call of somebody who asks, and the system message that the model got. Where the machine is too busy to look
/// something up so within its 300 ms, nothing is shown: then somebody else asks.
async fn asked(
    world: &World,
    node: &Running,
    server: &ProviderServer,
    by: &str,
) -> (Value, String) {
    let by = format!("by=\"{by}\"");
    for number in 1..=MAX_CALLS {
        let number = format!("+1555777000{number}");
        let mut phone = caller(world, &number, &[(4.0, "when are you open")]).await;
        phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
        let call = world.ended_call_from(node, &number).await;
        assert_eq!(call["call"]["outcome"], "done", "{call:#}");
        let seen = metrics(node).await;
        if seen.sum("callplane_look_up_seconds_count", &[&by]) == 1.0 {
            let question = server.questions().last().unwrap().json();
            let system = question["messages"][0]["content"].as_str().unwrap();
            return (call, system.to_owned());
        }
    }
    panic!("the machine is too busy, or nothing is looked up so: {by}");
}

/// What the transcription cites beside this.
async fn cited(world: &World, text: &str) -> Value {
    let asked = format!(
        "SELECT coalesce((s -> 'citations')::text, 'null') FROM {}.transcriptions, jsonb_array_elements(segments) s WHERE s ->> 'text' = '{text}' ORDER BY transcriptions.created_at DESC LIMIT 1",
        world.tenant.schema()
    );
    serde_json::from_str(&world.database.ask(&asked).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_told_what_documents_say_and_the_transcript_cites_them() {
    let server = serving(&[ASKED], &[(ASKED, answered("From nine to five."))])
        .await
        .with_tool("/v1/embeddings", embedding());
    let (world, node) = knowing(&server).await;
    let (call, system) = asked(&world, &node, &server, "words_and_meaning").await;
    for text in ["We are open until noon.", "From nine to five."] {
        assert!(system.contains(text), "{system}");
    }
    assert_eq!(transcript(&call)[2], ("assistant", "From nine to five."));
    let mut cited_documents = cited(&world, "From nine to five.").await;
    let cited_documents = cited_documents.as_array_mut().unwrap();
    cited_documents.sort_by_key(|citation| citation["document"].to_string());
    let of = |document: &str| json!({"base": "acme/faq", "document": document, "chunk": 1});
    assert_eq!(*cited_documents, [of("Hours"), of("Sundays")]);
    assert_eq!(cited(&world, "Hello, this is Emma.").await, Value::Null);

    let embedded = server.tools();
    let request = embedded.last().unwrap();
    assert!(request.head.contains("authorization: bearer sk-secret"));
    assert_eq!(request.json()["input"], json!([ASKED]));
    let seen = metrics(&node).await;
    let of = [r#"provider="acme/embeddings""#, r#"kind="embedding""#];
    assert!(seen.sum("callplane_model_requests_total", &of) >= 1.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_embeds_slowly_takes_nothing_from_what_words_find() {
    let server = serving(&[ASKED], &[(ASKED, answered("Until noon."))])
        .await
        .with_tool("/v1/embeddings", vec![Act::Hang]);
    let (world, node) = knowing(&server).await;
    let (_, system) = asked(&world, &node, &server, "words").await;
    assert!(system.contains("We are open until noon."), "{system}");
    assert!(!system.contains("From nine to five."), "{system}");
    let seen = metrics(&node).await;
    let slow = [r#"kind="embedding""#, r#"outcome="slow""#];
    assert!(seen.sum("callplane_model_requests_total", &slow) >= 1.0);
    // It was given up, and nothing waits for it.
    callplane_e2e::until("it is given up", Duration::from_secs(5), async || {
        Ok((server.abandoned() >= 1).then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
}
