//! Calls led by a language model, with a scripted server of OpenAI's protocols in its place and baresip as the
//! telephone.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use callplane_e2e::phones::Baresip;
use callplane_e2e::provider_server::{Act, ProviderServer, answer, beginning, chunk, refusal};
use callplane_e2e::sound::{Wav, say_at};
use callplane_e2e::until;
use callplane_flow::{AgentSettings, ModelFallback, ModelUse, ToolUse, TranscriptionUse};
use callplane_keys::{KeyRing, Place};
use callplane_media_node::Running;
use callplane_store::calls;
use callplane_store::providers::{
    self, ChatTimeouts, ProviderProtocol, ProviderSpec, TotalTimeout,
};
use callplane_types::ProviderId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::speech::speech_program;
use crate::world::{NUMBER, World, keys, metrics, object, phone_port};

pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
pub(crate) const EMBEDDING_MODEL: &str = "small-space";
pub(crate) const FILLER: &str = "One moment, please.";
const SORRY: &str = "I am sorry, please call again later.";

/// What a model leads: a day is noted, then the call ends.
fn visit() -> Value {
    json!({
        "start": "talk",
        "nodes": {
            "talk": {
                "converse": {
                    "opening": "Hello, this is Emma.",
                    "instructions": "Find out on which day the caller wants to come.",
                    "variables": [{"name": "day", "description": "Day of the visit", "required": true}],
                },
                "edges": [
                    {"prompt": "the caller has named a day", "to": "booked"},
                    {"event": "modelFailed", "to": "sorry"},
                    {"event": "noInput", "to": "silent"},
                    {"to": "silent"},
                ],
            },
            "booked": {"hangup": {"text": "See you on {{ day }}. Goodbye.", "outcome": "booked"}},
            "sorry": {"hangup": {"text": SORRY, "outcome": "failed"}},
            "silent": {"hangup": {"outcome": "silent"}},
        },
    })
}

/// A server that understands turns as `words`, and answers each of them by its acts.
pub(crate) async fn serving(words: &[&str], answers: &[(&str, Vec<Act>)]) -> ProviderServer {
    let address = Ipv4Addr::LOCALHOST.into();
    ProviderServer::start(address, words, answers)
        .await
        .unwrap()
}

/// A tenant whose agent asks `server`, and a node that serves it.
async fn world(server: &ProviderServer) -> (World, Running) {
    world_of(visit(), server).await
}

/// As [`world`], with an agent that follows this flow.
async fn world_of(flow: Value, server: &ProviderServer) -> (World, Running) {
    world_with(flow, Vec::new(), server).await
}

/// As [`world_of`], with an agent that has these tools.
pub(crate) async fn world_with(
    flow: Value,
    tools: Vec<ToolUse>,
    server: &ProviderServer,
) -> (World, Running) {
    let settings = AgentSettings {
        tools,
        ..settings()
    };
    world_through(flow, settings, &server.base_url, server).await
}

/// Of an agent that asks the providers `model` and `ear`.
pub(crate) fn settings() -> AgentSettings {
    AgentSettings {
        prompt: Some("You are Emma.".to_owned()),
        model: Some(ModelUse {
            provider: "acme/model".to_owned(),
            model: None,
            temperature_percent: Some(30),
            max_tokens: None,
            fallbacks: Vec::new(),
        }),
        transcription: Some(TranscriptionUse {
            provider: "acme/ear".to_owned(),
            language: Some("en".to_owned()),
        }),
        ..AgentSettings::default()
    }
}

/// As [`world_with`], with these settings and the models at `models`; at the server are the tools, and the model `other`.
pub(crate) async fn world_through(
    flow: Value,
    settings: AgentSettings,
    models: &str,
    server: &ProviderServer,
) -> (World, Running) {
    let world = World::with_agent(flow, settings).await;
    let ring = keys();
    world.write_keys(&ring);
    let chat = ProviderProtocol::OpenaiChat {
        model: "small-model".to_owned(),
        timeouts: ChatTimeouts {
            first_part: Duration::from_secs(4),
            stall: Duration::from_secs(4),
            total: Duration::from_secs(30),
        },
    };
    let speech = ProviderProtocol::OpenaiTranscription {
        model: "small-ear".to_owned(),
        timeouts: TotalTimeout {
            total: Duration::from_secs(4),
        },
    };
    let http = ProviderProtocol::Http { key_header: None };
    let embeddings = ProviderProtocol::OpenaiEmbeddings {
        model: EMBEDDING_MODEL.to_owned(),
        timeouts: TotalTimeout {
            total: Duration::from_secs(4),
        },
    };
    for (name, protocol, base_url) in [
        ("model", chat.clone(), models),
        ("other", chat, &server.base_url),
        ("ear", speech, models),
        ("booking", http, &server.base_url),
        ("embeddings", embeddings, &server.base_url),
    ] {
        put_provider(&world, &ring, name, protocol, base_url).await;
    }
    let node = asking_node(&world).await;
    (world, node)
}

/// Has the tenant have this provider.
pub(crate) async fn put_provider(
    world: &World,
    ring: &KeyRing,
    name: &str,
    protocol: ProviderProtocol,
    base_url: &str,
) {
    let id = ProviderId::new(Uuid::now_v7());
    let place = Place::cell(world.tenant.id, "providers", "key_enc", id.uuid());
    let spec = ProviderSpec {
        id,
        object: object(name),
        spec_hash: "1".to_owned(),
        protocol,
        base_url: base_url.to_owned(),
        sealed_key: Some(ring.seal(&place, b"sk-secret").unwrap()),
    };
    let (operator, fence) = (&world.database.operator, &world.database.fence);
    let written = providers::project(operator, fence, world.tenant.id, &spec);
    written.await.unwrap();
}

/// A node with a voice of its own that may ask providers of this machine.
pub(crate) async fn asking_node(world: &World) -> Running {
    let speech = speech_program().display().to_string();
    world
        .node(&["--speech", &speech, "--provider-networks", "127.0.0.0/8"])
        .await
}

/// Somebody who calls and says this, so many seconds after the call stands.
pub(crate) async fn caller(world: &World, number: &str, says: &[(f64, &str)]) -> Baresip {
    let phone = SocketAddr::from((Ipv4Addr::LOCALHOST, phone_port()));
    let folder = world.folder.path().join(format!("phone-{}", phone.port()));
    std::fs::create_dir_all(&folder).unwrap();
    let voice = folder.join("voice.wav");
    say_at(says, "rms", 90.0, &folder, &voice).await.unwrap();
    let mut phone = Baresip::start(&folder, phone, number, &voice)
        .await
        .unwrap();
    phone.dial(NUMBER, world.sip()).await.unwrap();
    phone.event("CALL_ESTABLISHED", PATIENCE).await.unwrap();
    phone
}

/// What the agent said that was heard, and what the caller said, in their order.
pub(crate) fn transcript(call: &Value) -> Vec<(&str, &str)> {
    let messages = call["messages"].as_array().unwrap().iter();
    messages
        .map(|message| {
            let text = |field: &str| message[field].as_str().unwrap();
            (text("role"), text("heardText"))
        })
        .collect()
}

/// The pauses in what a phone hears from this second on, until the last sound: in seconds, in their order.
pub(crate) fn pauses(heard: &Wav, from: f64) -> Vec<f64> {
    const FRAME: usize = 160;
    let samples = heard.channel(0, 8_000);
    let begin = (from * 8_000.0) as usize;
    let loud = samples[begin..]
        .chunks(FRAME)
        .enumerate()
        .filter(|(_, frame)| frame.iter().any(|sample| sample.abs() > 0.01))
        .map(|(place, _)| place + 1);
    let loud: Vec<usize> = std::iter::once(0).chain(loud).collect();
    loud.windows(2)
        .map(|pair| (pair[1] - pair[0]) * FRAME)
        .filter(|pause| *pause > 2_000)
        .map(|pause| pause as f64 / 8_000.0)
        .collect()
}

async fn costs(world: &World) -> Vec<(String, String, f64)> {
    let database = &world.tenant.database;
    let listed = calls::list(database, None, 1).await.unwrap();
    let call = calls::show(database, listed[0].id).await.unwrap();
    assert_eq!(call["transcriptions"][0]["provider"], "acme/ear", "{call}");
    let costs = call["costs"].as_array().unwrap().iter();
    costs
        .filter(|cost| {
            cost["provider"]
                .as_str()
                .is_some_and(|name| name.starts_with("acme/"))
        })
        .map(|cost| {
            let text = |field: &str| cost[field].as_str().unwrap().to_owned();
            let quantity = cost["quantity"].as_f64().unwrap_or_default();
            (text("provider"), text("unit"), quantity)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_books_a_visit_with_a_model_and_the_record_has_the_words() {
    let talks = [
        ("I would like to come.", answer(&["On which", " day?"], &[])),
        (
            "On Monday.",
            answer(
                &["Very well."],
                &[
                    ("note", json!({"day": "Monday"})),
                    ("go_to", json!({"to": "booked"})),
                ],
            ),
        ),
    ];
    let server = serving(&["I would like to come.", "On Monday."], &talks).await;
    let (world, node) = world(&server).await;
    let says = [(4.0, "I would like to come"), (10.0, "on Monday")];
    let mut phone = caller(&world, "+15557770001", &says).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;

    assert_eq!(call["call"]["outcome"], "booked", "{call:#}");
    assert_eq!(call["variables"]["day"], "Monday");
    assert_eq!(
        transcript(&call),
        [
            ("assistant", "Hello, this is Emma."),
            ("user", "I would like to come."),
            ("assistant", "On which day?"),
            ("user", "On Monday."),
            ("assistant", "Very well."),
            ("assistant", "See you on Monday. Goodbye."),
        ]
    );
    // The model was told what was heard, with the key, and asked as the agent wishes.
    let questions = server.questions();
    assert_eq!(questions.len(), 2);
    assert!(
        questions[0]
            .head
            .contains("authorization: bearer sk-secret")
    );
    let question = questions[1].json();
    assert_eq!(question["model"], "small-model");
    assert_eq!(question["temperature"], 0.3);
    let system = question["messages"][0]["content"].as_str().unwrap();
    assert!(system.starts_with("You are Emma.") && system.contains("on which day"));
    let said: Vec<(&str, &str)> = question["messages"].as_array().unwrap()[1..]
        .iter()
        .map(|message| {
            let text = |field: &str| message[field].as_str().unwrap();
            (text("role"), text("content"))
        })
        .collect();
    assert_eq!(
        said,
        [
            ("assistant", "Hello, this is Emma."),
            ("user", "I would like to come."),
            ("assistant", "On which day?"),
            ("user", "On Monday."),
        ]
    );
    // What the caller said came as sound that can be heard, at 16 kHz.
    let turns = server.turns();
    assert_eq!(turns.len(), 2);
    for turn in &turns {
        let body = &turn.body;
        let text = String::from_utf8_lossy(body);
        assert!(text.contains("small-ear") && text.contains("\r\n\r\nen\r\n"));
        let begin = body.windows(4).position(|four| four == b"RIFF").unwrap();
        let wav = &body[begin..];
        assert_eq!(wav[24..28], 16_000_u32.to_le_bytes());
        let loud = wav[44..]
            .chunks_exact(2)
            .filter(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() > 1_000);
        assert!(loud.count() > 1_000);
    }
    // Connections are kept between the turns.
    assert!(server.connections() <= 2, "{}", server.connections());

    let costs = costs(&world).await;
    let of = |provider: &str, unit: &str| {
        let mut found = costs
            .iter()
            .filter(|cost| (cost.0.as_str(), cost.1.as_str()) == (provider, unit));
        found
            .next()
            .unwrap_or_else(|| panic!("no {unit} of {provider}: {costs:?}"))
            .2
    };
    assert_eq!(of("acme/model", "input_kilotoken"), 0.4);
    assert_eq!(of("acme/model", "output_kilotoken"), 0.04);
    assert!(of("acme/ear", "second") > 1.0);
    let seen = metrics(&node).await;
    let model = "provider=\"acme/model\"";
    let ok = "outcome=\"ok\"";
    assert_eq!(
        seen.sum("callplane_model_requests_total", &[model, ok]),
        2.0
    );
    let input = "direction=\"input\"";
    assert_eq!(
        seen.sum("callplane_model_tokens_total", &[model, input]),
        400.0
    );
    let begun = seen.sum("callplane_model_first_part_seconds_count", &[model]);
    assert_eq!(begun, 2.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_of_a_model_the_caller_is_not_left_in_silence() {
    let faults = [
        ("hang", vec![Act::Hang]),
        ("busy", refusal("429 Too Many Requests")),
        ("broken", refusal("500 Internal Server Error")),
        ("cut", beginning(&["One sentence. And"])),
        (
            "nonsense",
            [beginning(&[]), vec![chunk("data: {]\n\n")]].concat(),
        ),
    ];
    let words: Vec<&str> = faults.iter().map(|(word, _)| *word).collect();
    let server = serving(&words, &faults).await;
    let (world, node) = world(&server).await;
    let mut phones = Vec::new();
    for number in 1..6 {
        let number = format!("+1555777000{number}");
        phones.push((
            caller(&world, &number, &[(4.0, "hello there")]).await,
            number,
        ));
    }
    for (mut phone, number) in phones {
        phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
        let call = world.ended_call_from(&node, &number).await;
        let heard = transcript(&call);
        assert_eq!(call["call"]["outcome"], "failed", "{heard:?}");
        let (_, fault) = heard[1];
        let mut expected = vec![("assistant", "Hello, this is Emma."), ("user", fault)];
        match fault {
            "hang" => expected.push(("assistant", FILLER)),
            "cut" => expected.push(("assistant", "One sentence.")),
            _ => {}
        }
        expected.push(("assistant", SORRY));
        assert_eq!(heard, expected);
        // From their last word on nobody waits for long in silence; the machine has other things to do, too.
        let pauses = pauses(&phone.heard().unwrap(), 4.7);
        let longest = pauses.iter().copied().fold(0.0, f64::max);
        assert!(longest < 3.0, "{fault}: {pauses:?}");
    }
    assert_eq!(server.questions().len(), 5);
    assert_eq!(server.abandoned(), 1, "the one that hung was let go of");

    let seen = metrics(&node).await;
    let outcome = |word: &str| {
        let outcome = format!("outcome=\"{word}\"");
        let of = [r#"kind="chat""#, outcome.as_str()];
        seen.sum("callplane_model_requests_total", &of)
    };
    for word in ["slow_first_part", "busy", "unavailable", "protocol"] {
        assert_eq!(outcome(word), 1.0, "{word}");
    }
    assert_eq!(outcome("cut") + outcome("connection"), 1.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_always_fails_is_left_alone_and_asked_again_later() {
    let mut flow = visit();
    // Without a key it would go round for ever.
    flow["nodes"]["sorry"] = json!({
        "collect": {
            "variable": "again", "prompt": "Press one.", "type": "digits", "input": "digits",
            "digits": {"min": 1, "max": 1}, "timeoutSeconds": 20,
        },
        "edges": [
            {"to": "silent", "event": "noInput"},
            {"to": "silent", "event": "noMatch"},
            {"to": "talk"},
        ],
    });
    let busy = refusal("429 Too Many Requests\r\nRetry-After: 12");
    let calls = [
        ("note", json!({"day": "Monday"})),
        ("go_to", json!({"to": "booked"})),
    ];
    let script = [
        ("busy", busy),
        ("left alone", answer(&["Never heard."], &[])),
        ("well again", answer(&["Very well."], &calls)),
    ];
    let words = [
        "busy",
        "busy",
        "busy",
        "busy",
        "busy",
        "left alone",
        "well again",
    ];
    let server = serving(&words, &script).await;
    let (world, node) = world_of(flow, &server).await;
    // After the fifth it is left alone for twelve seconds.
    let times = [4.0, 10.0, 16.0, 22.0, 28.0, 34.0, 46.0];
    let says = times.map(|time| (time, "hello there"));
    let mut phone = caller(&world, "+15557770001", &says).await;
    let ended = async |word: &str| {
        let outcome = format!("outcome=\"{word}\"");
        let of = [r#"kind="chat""#, outcome.as_str()];
        let seen = metrics(&node).await;
        seen.sum("callplane_model_requests_total", &of)
    };
    let left_alone = async || {
        let provider = "provider=\"acme/model\"";
        let seen = metrics(&node).await;
        seen.sum("callplane_model_left_alone", &[provider])
    };
    for failed in 1..=6 {
        until("the model has failed once more", PATIENCE, async || {
            let all = ended("busy").await + ended("left_alone").await;
            Ok((all >= f64::from(failed)).then_some(()))
        })
        .await
        .unwrap();
        assert_eq!(left_alone().await, f64::from(u8::from(failed >= 5)));
        phone.press("1").await.unwrap();
    }
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "booked", "{call:#}");
    let asked: Vec<String> = server
        .questions()
        .iter()
        .map(|question| question.said_last())
        .collect();
    assert_eq!(
        asked,
        ["busy", "busy", "busy", "busy", "busy", "well again"]
    );
    assert_eq!(left_alone().await, 0.0);
    assert_eq!(ended("left_alone").await, 1.0);
    node.drain().await;
}

/// An agent that asks `other` where nothing comes of its model.
fn with_fallback() -> AgentSettings {
    let mut settings = settings();
    settings.model.as_mut().unwrap().fallbacks = vec![ModelFallback {
        provider: "acme/other".to_owned(),
        model: Some("large-model".to_owned()),
    }];
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_comes_of_a_model_the_next_is_asked_in_the_same_turn() {
    let words = ["I would like to come.", "On Monday."];
    let fails = [
        (words[0], refusal("503 Service Unavailable")),
        (words[1], vec![Act::Hang]),
    ];
    let calls = [
        ("note", json!({"day": "Monday"})),
        ("go_to", json!({"to": "booked"})),
    ];
    let talks = [
        (words[0], answer(&["On which day?"], &[])),
        (words[1], answer(&["Very well."], &calls)),
    ];
    let first = serving(&words, &fails).await;
    let other = serving(&[], &talks).await;
    let (world, node) = world_through(visit(), with_fallback(), &first.base_url, &other).await;
    let says = [(4.0, "I would like to come"), (10.0, "on Monday")];
    let mut phone = caller(&world, "+15557770001", &says).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "booked", "{call:#}");
    assert_eq!((first.questions().len(), other.questions().len()), (2, 2));
    let question = other.questions()[1].json();
    assert_eq!(question["model"], "large-model");
    assert_eq!(question["temperature"], 0.3);
    // Who refuses costs nothing, and who hangs has read the question.
    let costs = costs(&world).await;
    let of = |name: &str| {
        let mut costs = costs.iter();
        let found =
            costs.find(|cost| (cost.0.as_str(), cost.1.as_str()) == (name, "input_kilotoken"));
        found.map_or(0.0, |cost| cost.2)
    };
    let (failed, other) = (of("acme/model"), of("acme/other"));
    assert!(failed > 0.0 && other > failed, "{costs:?}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_has_begun_to_say_is_not_said_again_by_another() {
    let words = "I would like to come.";
    let first = serving(&[words], &[(words, beginning(&["One sentence. And"]))]).await;
    let other = serving(&[], &[]).await;
    let (world, node) = world_through(visit(), with_fallback(), &first.base_url, &other).await;
    let says = [(4.0, "I would like to come")];
    let mut phone = caller(&world, "+15557770001", &says).await;
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["call"]["outcome"], "failed", "{call:#}");
    assert_eq!((first.questions().len(), other.questions().len()), (1, 0));
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_ends_with_the_call() {
    let server = serving(&["hang"], &[("hang", vec![Act::Hang])]).await;
    let (world, node) = world(&server).await;
    let mut phone = caller(&world, "+15557770001", &[(4.0, "hello there")]).await;
    until("the model is asked", PATIENCE, async || {
        Ok((server.questions().len() == 1).then_some(()))
    })
    .await
    .unwrap();
    phone.hang_up().await.unwrap();
    until(
        "the question is let go of",
        Duration::from_secs(3),
        async || Ok((server.abandoned() == 1).then_some(())),
    )
    .await
    .unwrap();
    let seen = metrics(&node).await;
    let of = [r#"kind="chat""#, r#"outcome="not_waited_for""#];
    assert_eq!(seen.sum("callplane_model_requests_total", &of), 1.0);
    node.drain().await;
}
