//! Providers: the key from its Secret to the sealed column, what the endpoint says, and the Agents that ask them.

use callplane_crds::{Agent, Flow, Provider};
use callplane_flow::Program;
use callplane_keys::Place;
use callplane_store::{agents, providers};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::secrets::put_secret;
use super::world::{World, message};

/// An endpoint that takes the key `good` and no other, and knows no list of models. Gives its base URL.
async fn endpoint() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            let request = String::from_utf8(request).unwrap();
            let status = match request.to_lowercase().contains("bearer good\r\n") {
                true => "404 Not Found",
                false => "401 Unauthorized",
            };
            let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

fn put_provider(world: &World<'_>, name: &str, protocol: &str, base_url: &str) {
    let spec = json!({
        protocol: { "baseUrl": base_url, "model": "small" },
        "secretRef": { "name": "openai", "key": "api-key" },
    });
    world.put::<Provider>(&json!({
        "metadata": { "name": name, "namespace": "acme" },
        "spec": spec,
    }));
}

/// The key that media nodes read.
async fn key(world: &World<'_>) -> String {
    let row = providers::list(&world.acme.database)
        .await
        .unwrap()
        .remove(0);
    let (operator, fence) = (&world.database.operator, &world.database.fence);
    let handed = world.keys.of_tenant(operator, fence, world.acme.id);
    let ring = handed.await.unwrap().ring;
    let place = Place::cell(world.acme.id, "providers", "key_enc", row.id.uuid());
    let opened = ring.open(&place, &row.sealed_key.unwrap()).unwrap();
    String::from_utf8(opened.to_vec()).unwrap()
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_and_a_new_one_taken_over_at_once() {
    let world = World::start().await;
    let url = endpoint().await;
    put_provider(&world, "model", "openaiChat", &url);
    let missing = world
        .until::<Provider>("acme", "model", ("ResolvedRefs", "False", "SecretNotFound"))
        .await;
    assert!(message(&missing, "ResolvedRefs").contains("Secret `openai`"));

    put_secret(&world, "openai", &[("api-key", "bad\n")]);
    let refused = world
        .until::<Provider>("acme", "model", ("Reachable", "False", "AuthFailed"))
        .await;
    assert!(message(&refused, "Ready").contains("key `api-key` of the Secret `openai`"));
    assert!(!format!("{:?}", refused.status).contains("bad"));
    // It is in force all the same.
    assert_eq!(key(&world).await, "bad");

    put_secret(&world, "openai", &[("api-key", "good")]);
    let ready = world.ready::<Provider>("acme", "model").await;
    assert_eq!(key(&world).await, "good");
    let check = ready.status.unwrap().check.unwrap();
    assert_eq!(
        (check.generation, check.error),
        (ready.metadata.generation, None)
    );

    world.api.delete::<Provider>(Some("acme"), "model");
    let gone = world.api.until(|api| {
        let left = api.get::<Provider>(Some("acme"), "model");
        left.is_none().then_some(())
    });
    gone.await.unwrap();
    assert_eq!(providers::list(&world.acme.database).await.unwrap(), []);
}

#[tokio::test]
async fn an_agent_that_a_model_leads_waits_for_its_providers_and_not_for_their_endpoints() {
    let world = World::start().await;
    put_secret(&world, "openai", &[("api-key", "good")]);
    let nodes = json!({
        "talk": {
            "converse": { "opening": "Hello.", "instructions": "Talk." },
            "edges": [{ "to": "end" }],
        },
        "end": { "hangup": { "text": "Goodbye." } },
    });
    world.put::<Flow>(&json!({
        "metadata": { "name": "visit", "namespace": "acme" },
        "spec": { "graph": { "start": "talk", "nodes": nodes } },
    }));
    let agent = |spec| {
        world.put::<Agent>(&json!({
            "metadata": { "name": "emma", "namespace": "acme" },
            "spec": spec,
        }));
    };
    agent(json!({ "flowRef": { "name": "visit" } }));
    let without = world
        .until::<Agent>("acme", "emma", ("Accepted", "False", "Invalid"))
        .await;
    assert!(message(&without, "Accepted").starts_with("spec.model: node `talk`"));

    agent(json!({
        "flowRef": { "name": "visit" },
        "model": { "providerRef": { "name": "model" }, "maxTokens": 200 },
        "transcription": { "providerRef": { "name": "ear" } },
        "speech": { "providerRef": { "name": "voices" }, "voice": "alloy" },
    }));
    let missing = world
        .until::<Agent>(
            "acme",
            "emma",
            ("ResolvedRefs", "False", "ProviderNotFound"),
        )
        .await;
    assert!(
        message(&missing, "ResolvedRefs").starts_with("spec.model.providerRef: Provider `model`")
    );

    put_provider(&world, "model", "openaiChat", "http://127.0.0.1:1/v1");
    put_provider(&world, "ear", "openaiTranscription", "http://10.0.0.1/v1");
    put_provider(&world, "voices", "openaiSpeech", "http://127.0.0.1:1/v1");
    let away = world
        .until::<Provider>("acme", "model", ("Reachable", "False", "Unreachable"))
        .await;
    assert!(message(&away, "Reachable").contains("nobody answers there"));
    let inside = world
        .until::<Provider>("acme", "ear", ("Reachable", "False", "Unreachable"))
        .await;
    assert!(message(&inside, "Reachable").contains("providers.privateNetworks"));
    let agent = world.ready::<Agent>("acme", "emma").await;

    let found = agents::current(&world.acme.database).await.unwrap();
    assert_eq!(found[0].name, agent.metadata.name.unwrap());
    let stored = agents::program(&world.acme.database, found[0].version_id)
        .await
        .unwrap();
    let settings = Program::from_json(stored.program).unwrap().agent;
    let model = settings.model.unwrap();
    assert_eq!(
        (model.provider.as_str(), model.max_tokens),
        ("acme/model", Some(200))
    );
    assert_eq!(settings.transcription.unwrap().provider, "acme/ear");
    let speech = settings.speech.unwrap();
    assert_eq!(
        (
            speech.provider.as_str(),
            speech.voice.as_str(),
            speech.speed_percent
        ),
        ("acme/voices", "alloy", 100)
    );
}
