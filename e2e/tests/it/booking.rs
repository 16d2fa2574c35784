//! A caller books a visit by voice: a model leads, looks hours up and books one by tools, is interrupted, and hands the
//! caller over to a colleague who has been told why.

use std::collections::HashMap;

use callplane_e2e::phones::{Baresip, Carrier};
use callplane_e2e::provider_server::{Act, ProviderServer, answer, whole};
use callplane_e2e::sound::{best_match, say, say_at};
use callplane_e2e::until;
use serde_json::{Value, json};

use crate::tenant::{CALL, Options, READY, Tenant};

const DESK: &str = "+15552019100";
const COLLEAGUE: &str = "+15552019101";
const WHEN: &str = "Next Monday, please.";
const FINE: &str = "Ten is fine.";
const HOURS: &str = "On Monday I have eight, nine, ten, eleven, twelve, one, two, three, four and five o'clock, and on \
    Tuesday I have the same, and on Wednesday the afternoon only.";

/// What the model answers to whom: the caller, or a tool.
fn talks() -> Vec<(String, Vec<Act>)> {
    let hours = json!({"day": "2026-12-07"});
    let visit = json!({"day": "2026-12-07", "hour": 10});
    let done = [
        ("note", json!({"hour": 10})),
        ("go_to", json!({"to": "connect"})),
    ];
    vec![
        (WHEN.to_owned(), answer(&[], &[("free_hours", hours)])),
        (format!("tool: {}", free()), answer(&[HOURS], &[])),
        (
            FINE.to_owned(),
            answer(&["One moment."], &[("book", visit)]),
        ),
        (format!("tool: {}", booked()), answer(&[], &done)),
    ]
}

fn free() -> Value {
    json!({"free": [8, 9, 10]})
}

fn booked() -> Value {
    json!({"visit": 17})
}

async fn server(tenant: &Tenant) -> ProviderServer {
    let talks = talks();
    let answers: Vec<(&str, Vec<Act>)> = talks
        .iter()
        .map(|(said, acts)| (said.as_str(), acts.clone()))
        .collect();
    let server = ProviderServer::start(tenant.phone(0).ip(), &[WHEN, FINE], &answers);
    server
        .await
        .unwrap()
        .with_tool("/v1/models ", whole("200 OK", &json!({"data": []})))
        .with_tool("/booking/days/2026-12-07/hours ", whole("200 OK", &free()))
        .with_tool("/booking/visits ", whole("201 Created", &booked()))
}

/// A phone that says this, so many seconds after its call stands.
async fn phone(
    tenant: &Tenant,
    name: &str,
    port: u16,
    number: &str,
    says: &[(f64, &str)],
) -> Baresip {
    let folder = tenant.folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let voice = folder.join("voice.wav");
    say_at(says, "rms", 90.0, &folder, &voice).await.unwrap();
    Baresip::start(&folder, tenant.phone(port), number, &voice)
        .await
        .unwrap()
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_caller_books_a_visit_by_voice_and_is_handed_over() {
    let tenant = Tenant::ready("booking", &Options::default()).await;
    let server = server(&tenant).await;
    let yaml = include_str!("booking.yaml")
        .replace("$NAME", &tenant.name)
        .replace("$SERVER", &server.base_url)
        .replace("$DESK", DESK)
        .replace("$COLLEAGUE", COLLEAGUE);
    tenant.cluster.apply(&yaml).await.unwrap();
    for (kind, name) in [
        ("provider", "model"),
        ("provider", "ear"),
        ("provider", "booking"),
        ("agent", "bella"),
        ("phonenumber", "booking"),
    ] {
        let ready = tenant
            .cluster
            .wait_for(&tenant.name, kind, name, "Ready", READY);
        ready.await.unwrap();
    }

    let mut colleague = phone(&tenant, "colleague", 6070, COLLEAGUE, &[(3.0, "hello")]).await;
    let routes = HashMap::from([(COLLEAGUE.to_owned(), tenant.phone(6070))]);
    let _carrier = Carrier::start(tenant.phone(5060), routes).await.unwrap();
    let says = [(4.0, "next Monday please"), (12.0, "ten is fine")];
    let mut caller = phone(&tenant, "caller", 6060, "+15550109999", &says).await;
    let (_, node) = tenant.node().await;
    caller.dial(DESK, node).await.unwrap();
    for phone in [&mut caller, &mut colleague] {
        phone.event("CALL_ESTABLISHED", CALL).await.unwrap();
    }
    until("the colleague has heard something", CALL, async || {
        Ok((colleague.heard()?.seconds() > 6.0).then_some(()))
    })
    .await
    .unwrap();
    colleague.hang_up().await.unwrap();
    caller.event("CALL_CLOSED", CALL).await.unwrap();

    let record = tenant.records(1).await.remove(0);
    assert_eq!(record["call"]["outcome"], "booked", "{record:#}");
    assert_eq!(record["variables"]["hour"], 10);
    asked_as_written(&server);
    let interrupted = heard_as_written(&tenant, &record, &caller).await;
    // The model was told what was heard of its words, and nothing more.
    let questions = server.questions();
    let last = questions.last().unwrap().json()["messages"].to_string();
    assert!(
        last.contains(&interrupted) && !last.contains(HOURS),
        "{last}"
    );

    let whisper = say("A caller has booked 10 o'clock.", "slt", &tenant.folder);
    let whisper = whisper.await.unwrap().channel(0, 2000);
    let (likeness, _) = best_match(&colleague.heard().unwrap().channel(0, 2000), &whisper);
    assert!(
        likeness > 0.8,
        "the colleague was told, with a likeness of {likeness}"
    );
}

/// Each tool was called once, with its key and for this call.
fn asked_as_written(server: &ProviderServer) {
    let tools = server.tools();
    let tools: Vec<_> = tools
        .iter()
        .filter(|request| request.head.contains("callplane-call: "))
        .collect();
    let [hours, visit] = &tools[..] else {
        panic!("{tools:?}");
    };
    let begins = |head: &str, line: &str| assert!(head.starts_with(line), "{head}");
    begins(
        &hours.head,
        "get /v1/booking/days/2026-12-07/hours http/1.1",
    );
    begins(&visit.head, "post /v1/booking/visits http/1.1");
    assert_eq!(visit.json(), json!({"day": "2026-12-07", "hour": 10}));
    for request in [hours, visit] {
        assert!(request.head.contains("x-api-key: sk-booking"));
        assert!(!request.head.contains("sk-model"));
    }
}

/// The words of the transcript are those that were played; those that were interrupted.
async fn heard_as_written(tenant: &Tenant, record: &Value, caller: &Baresip) -> String {
    let heard = caller.heard().unwrap().channel(0, 2000);
    let messages = record["messages"].as_array().unwrap();
    let mut said = Vec::new();
    for message in messages.iter().filter(|one| one["role"] == "assistant") {
        let words = message["heardText"].as_str().unwrap();
        said.push(words);
        if words.starts_with("On Monday") {
            // It was interrupted: no more of it was heard.
            assert!(
                HOURS.starts_with(words) && words.len() < HOURS.len(),
                "{words}"
            );
            continue;
        }
        let spoken = say(words, "slt", &tenant.folder).await.unwrap();
        let (likeness, _) = best_match(&heard, &spoken.channel(0, 2000));
        assert!(
            likeness > 0.8,
            "{words:?} was heard with a likeness of {likeness}"
        );
    }
    assert_eq!(
        [&said[..2], &said[3..]].concat(),
        [
            "Hello, this is Bella.",
            "Let me look that up.",
            "One moment.",
            "I will connect you with a colleague.",
            "Thank you. Goodbye.",
        ],
        "{record:#}"
    );
    let events = record["events"].as_array().unwrap().iter();
    let words: Vec<&str> = events
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    let happened = |word: &str| words.iter().filter(|one| **one == word).count();
    assert_eq!(happened("tool_answered"), 2, "{words:?}");
    assert_eq!(
        (happened("barge_in"), happened("transferred")),
        (1, 1),
        "{words:?}"
    );
    said[2].to_owned()
}
