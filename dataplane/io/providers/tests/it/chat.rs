//! OpenAI's chat protocol.

use std::time::{Duration, Instant};

use callplane_flow::{ModelMessage, ModelUse, Think, ThinkId, Thought, Tool, ToolCall};
use callplane_providers::{
    ChatConfig, ChatLimits, ChatModel, Endpoint, InvalidEndpoint, ModelError, Slow, Usage,
};
use serde_json::json;

use crate::server::{Act, Server, loopback, send};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
const END: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

fn model(base_url: &str) -> ChatModel {
    model_with(base_url, ChatLimits::default())
}

fn model_with(base_url: &str, limits: ChatLimits) -> ChatModel {
    let config = ChatConfig {
        endpoint: Endpoint::new(base_url, Some("sk-secret")).unwrap(),
        model: "small".to_owned(),
        limits,
    };
    ChatModel::new(&loopback(), config)
}

fn think() -> Think {
    Think {
        id: ThinkId(0),
        system: "You are Emma.".to_owned(),
        messages: vec![ModelMessage::User("Hello.".to_owned())],
        tools: Vec::new(),
    }
}

fn event(data: &str) -> Act {
    send(format!("data: {data}\n\n"))
}

fn word(word: &str) -> Act {
    event(&json!({ "choices": [{ "index": 0, "delta": { "content": word } }] }).to_string())
}

/// What comes of a server that does this.
async fn asked(script: Vec<Act>) -> (String, Result<Usage, ModelError>) {
    asked_with(script, ChatLimits::default()).await
}

async fn asked_with(script: Vec<Act>, limits: ChatLimits) -> (String, Result<Usage, ModelError>) {
    let server = Server::start(script).await;
    let mut text = String::new();
    let part = |thought| {
        if let Thought::Text(more) = thought {
            text.push_str(&more);
        }
    };
    let ended = model_with(&server.base_url, limits)
        .ask(&think(), part)
        .await;
    (text, ended)
}

fn stream(acts: impl IntoIterator<Item = Act>) -> Vec<Act> {
    std::iter::once(send(HEAD)).chain(acts).collect()
}

#[tokio::test]
async fn the_question_is_what_the_protocol_asks_for() {
    let acts = [word("Hi."), event(END), event("[DONE]")];
    let mut server = Server::start(stream(acts)).await;
    let call = ToolCall {
        id: "c1".to_owned(),
        name: "note".to_owned(),
        arguments: "{}".to_owned(),
    };
    let question = Think {
        messages: vec![
            ModelMessage::User("Hello.".to_owned()),
            ModelMessage::Assistant {
                text: String::new(),
                calls: vec![call],
            },
            ModelMessage::Tool {
                id: "c1".to_owned(),
                content: "noted".to_owned(),
            },
        ],
        tools: vec![Tool {
            name: "note".to_owned(),
            description: "Notes.".to_owned(),
            parameters: json!({ "type": "object" }),
        }],
        ..think()
    };
    let mut thoughts = Vec::new();
    let model = model(&format!("{}/", server.base_url));
    model
        .ask(&question, |thought| thoughts.push(thought))
        .await
        .unwrap();
    assert_eq!(thoughts, [Thought::Text("Hi.".to_owned()), Thought::Done]);
    let (head, body) = server.request().await;
    assert!(
        head.starts_with("POST /v1/chat/completions HTTP/1.1"),
        "{head}"
    );
    assert!(head.contains("authorization: Bearer sk-secret"), "{head}");
    let function = json!({ "name": "note", "arguments": "{}" });
    let calls = json!([{ "id": "c1", "type": "function", "function": function }]);
    let tool =
        json!({ "name": "note", "description": "Notes.", "parameters": { "type": "object" } });
    let expected = json!({
        "model": "small",
        "stream": true,
        "stream_options": { "include_usage": true },
        "messages": [
            { "role": "system", "content": "You are Emma." },
            { "role": "user", "content": "Hello." },
            { "role": "assistant", "content": null, "tool_calls": calls },
            { "role": "tool", "tool_call_id": "c1", "content": "noted" },
        ],
        "tools": [{ "type": "function", "function": tool }],
    });
    assert_eq!(body, expected);
    assert!(!format!("{model:?}").contains("secret"));
}

#[tokio::test]
async fn parts_come_as_they_are_made() {
    let pause = || Act::Pause(Duration::from_millis(100));
    let acts = [
        send(": keep-alive\n\n"),
        word("One"),
        pause(),
        // A chunk that is cut in the middle of a letter.
        Act::Send(b"data: {\"choices\":[{\"delta\":{\"content\":\" \xe2\x82".to_vec()),
        pause(),
        Act::Send(b"\xac\"}}]}\n\n".to_vec()),
        event(END),
        event(r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#),
        event("[DONE]"),
    ];
    let server = Server::start(stream(acts)).await;
    let begun = Instant::now();
    let mut came = Vec::new();
    let part = |thought| came.push((thought, begun.elapsed()));
    let usage = model(&server.base_url).ask(&think(), part).await.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (9, 2));
    assert!(!usage.is_estimated);
    let thoughts: Vec<&Thought> = came.iter().map(|(thought, _)| thought).collect();
    let text = |text: &str| Thought::Text(text.to_owned());
    assert_eq!(thoughts, [&text("One"), &text(" \u{20ac}"), &Thought::Done]);
    assert!(came[1].1 - came[0].1 >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_server_that_is_slow_is_given_up_at_the_stage_where_it_is() {
    let limits = ChatLimits {
        first_part: Duration::from_secs(1),
        stall: Duration::from_secs(1),
        total: Duration::from_secs(3),
        ..ChatLimits::default()
    };
    let often = |act: fn() -> Act| {
        let pause = Act::Pause(Duration::from_millis(100));
        stream((0..100).flat_map(|_| [act(), pause.clone()]))
    };
    // Keep-alives are no answer.
    let alive = often(|| send(": ping\n\n"));
    let endless = often(|| word("x"));
    let stalled = stream([word("One"), Act::Hang]);
    let ((_, nothing), (_, alive), (text, stalled), (_, endless)) = tokio::join!(
        asked_with(vec![Act::Hang], limits),
        asked_with(alive, limits),
        asked_with(stalled, limits),
        asked_with(endless, limits),
    );
    assert_eq!(nothing.unwrap_err(), ModelError::TooSlow(Slow::First));
    assert_eq!(alive.unwrap_err(), ModelError::TooSlow(Slow::First));
    assert_eq!(stalled.unwrap_err(), ModelError::TooSlow(Slow::Stall));
    assert_eq!(text, "One");
    assert_eq!(endless.unwrap_err(), ModelError::TooSlow(Slow::Total));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let (text, cut) = asked(stream([word("One")])).await;
    assert_eq!((text.as_str(), cut.unwrap_err()), ("One", ModelError::Cut));
    let length =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\n";
    let (_, cut) = asked(vec![send(length), word("One")]).await;
    assert_eq!(cut.unwrap_err(), ModelError::Connection);
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let status = |status: &str, more: &str, body: &str| {
        let head = format!("HTTP/1.1 {status}\r\n{more}Connection: close\r\n\r\n{body}");
        vec![send(head)]
    };
    let message = r#"{"error":{"message":"no model `small`","type":"invalid_request_error"}}"#;
    let cases = [
        (
            status("401 Unauthorized", "", ""),
            ModelError::Unauthorized { status: 401 },
        ),
        (
            status("429 Too Many Requests", "Retry-After: 7\r\n", ""),
            ModelError::Busy {
                retry_after: Some(Duration::from_secs(7)),
            },
        ),
        (
            status("503 Service Unavailable", "", "<html>"),
            ModelError::Unavailable { status: 503 },
        ),
        (
            status("404 Not Found", "", message),
            ModelError::Refused {
                status: 404,
                reason: "no model `small`".to_owned(),
            },
        ),
        // Nobody is led elsewhere with the key.
        (
            status(
                "307 Temporary Redirect",
                "Location: http://127.0.0.1:9/\r\n",
                "",
            ),
            ModelError::Refused {
                status: 307,
                reason: String::new(),
            },
        ),
        (
            stream([event("{]")]),
            ModelError::Protocol("an event is no chunk of a completion"),
        ),
        (stream([send(vec_of('x', 10_000_000))]), ModelError::TooLong),
        (stream([word(&vec_of('x', 100_000))]), ModelError::TooLong),
        (
            stream([word("One"), event(r#"{"error":{"message":"overloaded"}}"#)]),
            ModelError::Refused {
                status: 200,
                reason: "overloaded".to_owned(),
            },
        ),
    ];
    for (script, expected) in cases {
        let (_, ended) = asked(script).await;
        assert_eq!(ended.unwrap_err(), expected);
    }
    let (_, nobody) = {
        let model = model("http://127.0.0.1:1/v1");
        ((), model.ask(&think(), |_| {}).await)
    };
    assert_eq!(nobody.unwrap_err(), ModelError::Connection);
}

fn vec_of(sign: char, count: usize) -> String {
    sign.to_string().repeat(count)
}

#[test]
fn what_cannot_be_asked_is_told_at_once() {
    let config = |base_url: &str, key: &str| Endpoint::new(base_url, Some(key)).map(|_| ());
    assert_eq!(config("https://api.openai.com/v1", "sk-1\n"), Ok(()));
    for url in [
        "",
        "api.openai.com/v1",
        "file:///etc/passwd",
        "ftp://x/v1",
        "http://user:secret@x/v1",
        "http://x/v1?key=secret",
    ] {
        assert_eq!(config(url, "sk"), Err(InvalidEndpoint::Url), "{url}");
    }
    assert_eq!(config("http://x/v1", "s\nk"), Err(InvalidEndpoint::Key));
}

#[tokio::test]
async fn a_model_is_asked_as_the_agent_wishes() {
    let mut server = Server::start(stream([word("Hi."), event(END)])).await;
    let wishes = ModelUse {
        fallbacks: Vec::new(),
        provider: "acme/model".to_owned(),
        model: Some("large".to_owned()),
        temperature_percent: Some(30),
        max_tokens: Some(200),
    };
    let model = model(&server.base_url);
    let before = model.ask(&think(), |_| {}).await;
    let after = model.used_as(&wishes).ask(&think(), |_| {}).await;
    assert!(before.is_ok() && after.is_ok());
    let (_, before) = server.request().await;
    assert!(before.get("temperature").is_none() && before.get("max_tokens").is_none());
    let (_, after) = server.request().await;
    assert_eq!(after["model"], "large");
    assert_eq!(after["temperature"], 0.3);
    assert_eq!(after["max_tokens"], 200);
}
