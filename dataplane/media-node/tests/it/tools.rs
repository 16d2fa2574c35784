//! Calls whose model runs tools: a server of an HTTP API beside that of the model, and baresip as the telephone.

use std::time::Duration;

use callplane_e2e::provider_server::{Act, answer, whole};
use callplane_e2e::until;
use callplane_flow::{HttpMethod, HttpUse, Parameters, PathTemplate, ToolUse};
use serde_json::{Value, json};

use crate::models::{PATIENCE, caller, serving, transcript, world_with};
use crate::world::metrics;

pub(crate) const LOOKING: &str = "Let me look that up.";

/// What a model leads: it looks up hours and books one.
pub(crate) fn desk() -> Value {
    json!({
        "start": "talk",
        "nodes": {
            "talk": {
                "converse": {
                    "opening": "Hello, this is Emma.",
                    "instructions": "Book a visit.",
                    "tools": ["slots"],
                },
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

pub(crate) fn slots(timeout: Duration) -> ToolUse {
    let parameters = json!({
        "type": "object",
        "properties": {"room": {"type": "string", "maxLength": 20}, "day": {"type": "string"}},
        "required": ["room"],
        "additionalProperties": false,
    });
    ToolUse {
        name: "slots".to_owned(),
        description: "Looks up free hours.".to_owned(),
        parameters: Parameters::new(parameters).unwrap(),
        timeout,
        filler: Some(LOOKING.to_owned()),
        http: HttpUse {
            provider: "acme/booking".to_owned(),
            method: HttpMethod::Get,
            path: PathTemplate::parse("rooms/{room}/slots").unwrap(),
            idempotent: false,
        },
    }
}

/// Names of what happened to tools in the call.
fn events(call: &Value) -> Vec<(&str, &str)> {
    let events = call["events"].as_array().unwrap().iter();
    events
        .filter_map(|event| {
            let tool = event["detail"]["tool"].as_str()?;
            Some((event["type"].as_str().unwrap(), tool))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_hears_what_a_tool_found() {
    let free = json!({"free": ["nine"]});
    let told = format!("tool: {free}");
    let arguments = json!({"room": "7", "day": "Monday"});
    let go = [("go_to", json!({"to": "done"}))];
    let talks = [
        ("When can I come?", answer(&[], &[("slots", arguments)])),
        (told.as_str(), answer(&["Nine is free."], &go)),
    ];
    let server = serving(&["When can I come?"], &talks)
        .await
        .with_tool("/v1/rooms/", whole("200 OK", &free));
    let tools = vec![slots(Duration::from_secs(10))];
    let (world, node) = world_with(desk(), tools, &server).await;
    let mut phone = caller(&world, "+15557770001", &[(4.0, "when can I come")]).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;

    assert_eq!(call["call"]["outcome"], "done", "{call:#}");
    assert_eq!(
        transcript(&call),
        [
            ("assistant", "Hello, this is Emma."),
            ("user", "When can I come?"),
            ("assistant", LOOKING),
            ("assistant", "Nine is free."),
            ("assistant", "Goodbye."),
        ]
    );
    assert_eq!(
        events(&call),
        [("tool_called", "slots"), ("tool_answered", "slots")]
    );
    let asked = server.tools();
    let [request] = &asked[..] else {
        panic!("{asked:?}");
    };
    // Heads are in lower case here.
    let head = &request.head;
    assert!(
        head.starts_with("get /v1/rooms/7/slots?day=monday "),
        "{head}"
    );
    let id = call["call"]["id"].as_str().unwrap();
    for header in [
        "authorization: bearer sk-secret".to_owned(),
        format!("callplane-tenant: {}", world.tenant.id),
        format!("callplane-call: {id}"),
        format!("idempotency-key: {id}-0"),
    ] {
        assert!(head.contains(&header), "{header}: {head}");
    }
    let seen = metrics(&node).await;
    let of = [
        r#"provider="acme/booking""#,
        r#"kind="tool""#,
        r#"outcome="ok""#,
    ];
    assert_eq!(seen.sum("callplane_model_requests_total", &of), 1.0);
    assert_eq!(seen.sum("callplane_tool_seconds_count", &of[..1]), 1.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_a_model_writes_reaches_what_the_agent_does_not_have() {
    let hostile = [
        ("refund", json!({"room": "7"})),
        ("transfer", json!({"to": "+15559990000"})),
        ("go_to", json!({"to": "+15559990000"})),
        ("slots", json!({})),
        ("slots", json!({"room": "7", "tenant": "other"})),
        ("slots", json!({"room": "http://169.254.169.254/latest"})),
        ("slots", json!({"room": ["7"]})),
        ("slots", json!({"room": ".."})),
        ("slots", json!({"room": "../../admin"})),
        // These may be called, and stay below the path.
        ("slots", json!({"room": "7?a=b#c"})),
        ("slots", json!({"room": "7 HTTP\r\nX: y"})),
    ];
    let go = [("go_to", json!({"to": "done"}))];
    let talks = [
        ("Do it.", answer(&["Well."], &hostile)),
        ("tool: {}", answer(&["Nothing."], &go)),
    ];
    let server = serving(&["Do it."], &talks)
        .await
        .with_tool("/v1/", whole("200 OK", &json!({})));
    let tools = vec![slots(Duration::from_secs(10))];
    let (world, node) = world_with(desk(), tools, &server).await;
    let mut phone = caller(&world, "+15557770001", &[(4.0, "do it")]).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "done", "{call:#}");
    let mut paths: Vec<String> = server
        .tools()
        .iter()
        .map(|request| request.head.lines().next().unwrap().to_owned())
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "get /v1/rooms/7%20http%0d%0ax%3a%20y/slots http/1.1",
            "get /v1/rooms/7%3fa%3db%23c/slots http/1.1",
        ]
    );
    assert_eq!(call["legs"].as_array().unwrap().len(), 1, "nobody was rung");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_does_not_answer_is_given_up_and_the_caller_told() {
    let slow = "tool: error: it did not answer in time; whether it was done is not known";
    let go = [("go_to", json!({"to": "done"}))];
    let arguments = json!({"room": "7"});
    let talks = [
        ("When can I come?", answer(&[], &[("slots", arguments)])),
        (slow, answer(&["I cannot see the calendar."], &go)),
    ];
    let server = serving(&["When can I come?"], &talks)
        .await
        .with_tool("/v1/rooms/", vec![Act::Hang]);
    let tools = vec![slots(Duration::from_secs(2))];
    let (world, node) = world_with(desk(), tools, &server).await;
    let mut phone = caller(&world, "+15557770001", &[(4.0, "when can I come")]).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "done", "{call:#}");
    let heard = transcript(&call);
    assert!(
        heard.contains(&("assistant", "I cannot see the calendar.")),
        "{heard:?}"
    );
    assert_eq!(
        events(&call),
        [("tool_called", "slots"), ("tool_failed", "slots")]
    );
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_does_not_break_a_tool_off() {
    let arguments = json!({"room": "7"});
    let talks = [("Book it.", answer(&[], &[("slots", arguments)]))];
    let server = serving(&["Book it."], &talks)
        .await
        .with_tool("/v1/rooms/", vec![Act::Hang]);
    let tools = vec![slots(Duration::from_secs(20))];
    let (world, node) = world_with(desk(), tools, &server).await;
    let mut phone = caller(&world, "+15557770001", &[(4.0, "book it")]).await;
    until("the tool is called", PATIENCE, async || {
        Ok((server.tools().len() == 1).then_some(()))
    })
    .await
    .unwrap();
    phone.hang_up().await.unwrap();
    world.ended_call(&node).await;
    assert_eq!(server.abandoned(), 0, "it has its time");
    until("it is given up", PATIENCE, async || {
        Ok((server.abandoned() == 1).then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
}
