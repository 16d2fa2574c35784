//! Calls whose models are behind LiteLLM, which this project did not write: it speaks the protocols to the node, and to a
//! scripted server behind it, which says what the models do.

use std::time::Duration;

use callplane_e2e::LiteLlm;
use callplane_e2e::provider_server::{ProviderServer, answer, sound, whole};
use callplane_flow::AgentSettings;
use serde_json::json;

use crate::folder::Folder;
use crate::models::{FILLER, PATIENCE, caller, serving, settings, transcript, world_through};
use crate::tools::{LOOKING, desk, slots};
use crate::voices;
use crate::world::{free_port, metrics};

async fn litellm(server: &ProviderServer) -> (LiteLlm, Folder) {
    let folder = Folder::new();
    let proxy = LiteLlm::start(folder.path(), free_port(), &server.base_url).await;
    (proxy.unwrap(), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_words_and_calls_for_tools_pass_through_a_foreign_server() {
    let free = json!({"free": ["nine"]});
    let told = format!("tool: {free}");
    let arguments = json!({"room": "7", "day": "Monday"});
    let go = [("go_to", json!({"to": "done"}))];
    let talks = [
        (
            "When can I come?",
            answer(&["A mo", "ment."], &[("slots", arguments)]),
        ),
        (told.as_str(), answer(&["Nine is free."], &go)),
    ];
    let server = serving(&["When can I come?"], &talks)
        .await
        .with_tool("/v1/rooms/", whole("200 OK", &free));
    let (proxy, _folder) = litellm(&server).await;
    let settings = AgentSettings {
        tools: vec![slots(Duration::from_secs(10))],
        ..settings()
    };
    let (world, node) = world_through(desk(), settings, &proxy.base_url, &server).await;
    let mut phone = caller(&world, "+15557770001", &[(4.0, "when can I come")]).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;

    assert_eq!(call["call"]["outcome"], "done", "{call:#}");
    let mut heard = transcript(&call);
    // It takes its time at first.
    heard.retain(|said| *said != ("assistant", FILLER));
    assert_eq!(
        heard,
        [
            ("assistant", "Hello, this is Emma."),
            ("user", "When can I come?"),
            ("assistant", "A moment."),
            ("assistant", "Nine is free."),
            ("assistant", "Goodbye."),
        ],
        "with words of its own a model needs no {LOOKING:?}"
    );
    // What else it asks the server behind it is its own.
    let asked = server.tools();
    let ours = asked.iter().filter(|tool| tool.head.contains("/rooms/"));
    assert_eq!(ours.count(), 1, "{asked:?}");
    // What the model called for goes back to it as it was.
    let question = server.questions()[1].json();
    let called = &question["messages"][3]["tool_calls"][0]["function"];
    assert_eq!(called["name"], "slots", "{question:#}");
    assert_eq!(called["arguments"], r#"{"day":"Monday","room":"7"}"#);
    let seen = metrics(&node).await;
    let of = ["provider=\"acme/model\"", "direction=\"input\""];
    assert_eq!(seen.sum("callplane_model_tokens_total", &of), 400.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_server_that_has_too_much_to_do_is_told_apart() {
    let server = serving(&["When can I come?"], &[]).await;
    let (proxy, _folder) = litellm(&server).await;
    let mut settings = settings();
    settings.model.as_mut().unwrap().model = Some("busy-model".to_owned());
    let (world, node) = world_through(desk(), settings, &proxy.base_url, &server).await;
    let mut phone = caller(&world, "+15557770001", &[(4.0, "when can I come")]).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "failed", "{call:#}");
    let seen = metrics(&node).await;
    let of = [r#"kind="chat""#, r#"outcome="busy""#];
    assert_eq!(seen.sum("callplane_model_requests_total", &of), 1.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_passes_through_a_foreign_server() {
    let text = "Good morning, this is the practice.";
    let folder = Folder::new();
    let wav = voices::spoken(text, 24_000, folder.path()).await;
    let server = serving(&[], &[]).await.with_speech(text, sound(&wav));
    let (proxy, _folder) = litellm(&server).await;
    let (world, node) = voices::world_of(&[text], &proxy.base_url, PATIENCE).await;
    let mut phone = caller(&world, "+15557770001", &[]).await;
    let heard = voices::heard(&mut phone).await;
    let seen = metrics(&node).await;
    let of = [r#"kind="speech""#, r#"outcome="ok""#];
    assert_eq!(seen.sum("callplane_model_requests_total", &of), 1.0);
    let found = voices::found(&heard, text, voices::FAR, folder.path()).await;
    assert!(found > 0.9, "{found}");
    node.drain().await;
}
