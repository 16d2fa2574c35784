//! Calls in which a voice of a provider speaks, with a scripted server of OpenAI's speech protocol in its place.

use std::path::Path;
use std::time::Duration;

use callplane_e2e::phones::Baresip;
use callplane_e2e::provider_server::{Act, refusal, sound};
use callplane_e2e::run;
use callplane_e2e::sound::{Wav, best_match, say};
use callplane_flow::{AgentSettings, SpeechUse};
use callplane_media_node::Running;
use callplane_store::calls;
use callplane_store::providers::{ProviderProtocol, TotalTimeout};
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::models::{PATIENCE, asking_node, caller, pauses, put_provider, serving, transcript};
use crate::world::{World, keys, metrics};

/// What a provider gives up after; the agent itself does after 4 s.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(1_500);
/// Who speaks for the provider.
pub(crate) const FAR: &str = "awb";
/// The voice of agents that name none.
const NEAR: &str = "slt";

/// Says these, one after the other.
fn says(texts: &[&str]) -> Value {
    let mut nodes = serde_json::Map::new();
    for (number, text) in texts.iter().enumerate() {
        let next = format!("n{}", number + 1);
        let node = json!({ "say": { "text": text }, "edges": [{ "to": next }] });
        nodes.insert(format!("n{number}"), node);
    }
    nodes.insert(format!("n{}", texts.len()), json!({ "hangup": {} }));
    json!({ "start": "n0", "nodes": nodes })
}

/// What a server sends of a text, at this rate.
pub(crate) async fn spoken(text: &str, rate: u32, folder: &Path) -> Vec<u8> {
    let [made, sent] = ["made.wav", "sent.wav"].map(|name| folder.join(name));
    let [made, sent] = [&made, &sent].map(|path| path.display().to_string());
    let flite = ["-voice", FAR, "-t", text, "-o", &made];
    run("flite", &flite, "").await.unwrap();
    let rate = rate.to_string();
    let sox = [&made, "-r", &rate, "-c", "1", "-b", "16", sent.as_str()];
    run("sox", &sox, "").await.unwrap();
    std::fs::read(sent).unwrap()
}

/// A tenant whose agent says these in a voice that is at `base_url`, and a node that serves it.
pub(crate) async fn world_of(
    texts: &[&str],
    base_url: &str,
    timeout: Duration,
) -> (World, Running) {
    let settings = AgentSettings {
        speech: Some(SpeechUse {
            provider: "acme/voices".to_owned(),
            voice: "alloy".to_owned(),
            speed_percent: 100,
        }),
        ..AgentSettings::default()
    };
    let world = World::with_agent(says(texts), settings).await;
    let ring = keys();
    world.write_keys(&ring);
    let protocol = ProviderProtocol::OpenaiSpeech {
        model: "small-voice".to_owned(),
        timeouts: TotalTimeout { total: timeout },
    };
    put_provider(&world, &ring, "voices", protocol, base_url).await;
    let node = asking_node(&world).await;
    (world, node)
}

/// How well a text in a voice is found in what a phone heard.
pub(crate) async fn found(heard: &Wav, text: &str, voice: &str, folder: &Path) -> f64 {
    let wanted = say(text, voice, folder).await.unwrap();
    best_match(&heard.channel(0, 2_000), &wanted.channel(0, 2_000)).0
}

pub(crate) async fn heard(phone: &mut Baresip) -> Wav {
    phone.event("CALL_CLOSED", PATIENCE).await.unwrap();
    phone.heard().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_of_a_provider_is_heard_and_what_it_said_before_is_not_asked_for_again() {
    let texts = [
        "Good morning, this is the practice.",
        "We are closed until Monday, please call again then.",
    ];
    let folder = Folder::new();
    let mut server = serving(&[], &[]).await;
    for (text, rate) in texts.iter().zip([24_000, 22_050]) {
        let wav = spoken(text, rate, folder.path()).await;
        server = server.with_speech(text, sound(&wav));
    }
    let (world, node) = world_of(&texts, &server.base_url, TIMEOUT).await;
    for number in ["+15557770001", "+15557770002"] {
        let mut phone = caller(&world, number, &[]).await;
        let heard = heard(&mut phone).await;
        for text in texts {
            let far = found(&heard, text, FAR, folder.path()).await;
            let near = found(&heard, text, NEAR, folder.path()).await;
            assert!(far > 0.9 && near < 0.5, "{text}: {far} and {near}");
        }
        let call = world.ended_call_from(&node, number).await;
        assert_eq!(transcript(&call), texts.map(|text| ("assistant", text)));
    }
    let asked = server.spoken();
    let inputs: Vec<Value> = asked.iter().map(|request| request.json()).collect();
    let expected = texts.map(|text| {
        json!({
            "model": "small-voice", "input": text, "voice": "alloy", "response_format": "wav",
        })
    });
    assert_eq!(inputs, expected);
    assert!(asked[0].head.contains("authorization: bearer sk-secret"));

    // Each call used it, whether or not it was asked anew.
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    for call in calls::list(&world.tenant.database, None, 2).await.unwrap() {
        let call = calls::show(&world.tenant.database, call.id).await.unwrap();
        let costs = call["costs"].as_array().unwrap();
        let spoken: Vec<_> = costs
            .iter()
            .filter(|cost| cost["component"] == "tts")
            .map(|cost| (cost["provider"].as_str(), cost["quantity"].as_f64()))
            .collect();
        assert_eq!(spoken, [(Some("acme/voices"), Some(characters as f64))]);
    }
    let seen = metrics(&node).await;
    let provider = "provider=\"acme/voices\"";
    assert_eq!(seen.sum("callplane_speech_seconds_count", &[provider]), 2.0);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_of_a_voice_the_built_in_one_says_it_and_nobody_waits_long() {
    let whole = vec![0_u8; 10_000_000];
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nConnection: close\r\n\r\nRIFF";
    let faults = [
        (
            "It does not answer, so I do.",
            "slow_first_part",
            vec![Act::Hang],
        ),
        (
            "It has failed, and I go on.",
            "unavailable",
            refusal("500 Internal Server Error"),
        ),
        (
            "It broke off before the first word.",
            "cut",
            vec![
                Act::Send(cut.into()),
                Act::Send(vec![0; 20_000]),
                Act::Close,
            ],
        ),
        ("It sends no sound at all.", "protocol", sound(b"ID3 music")),
        ("It never ends.", "too_long", sound(&whole)),
        (
            "It is left alone now.",
            "left_alone",
            refusal("500 Internal Server Error"),
        ),
    ];
    let texts = faults.each_ref().map(|(text, ..)| *text);
    let mut server = serving(&[], &[]).await;
    for (text, _, acts) in &faults {
        server = server.with_speech(text, acts.clone());
    }
    let (world, node) = world_of(&texts, &server.base_url, TIMEOUT).await;
    let mut phone = caller(&world, "+15557770001", &[]).await;
    let heard = heard(&mut phone).await;
    let folder = Folder::new();
    for text in texts {
        let near = found(&heard, text, NEAR, folder.path()).await;
        assert!(near > 0.9, "{text}: {near}");
    }
    let call = world.ended_call(&node).await;
    assert_eq!(transcript(&call), texts.map(|text| ("assistant", text)));
    let pauses = pauses(&heard, 0.0);
    let longest = pauses.iter().copied().fold(0.0, f64::max);
    assert!(longest < 3.0, "{pauses:?}");
    assert_eq!(server.spoken().len(), 5);
    let seen = metrics(&node).await;
    for (text, word, _) in &faults {
        let outcome = format!("outcome=\"{word}\"");
        let of = [r#"kind="speech""#, outcome.as_str()];
        let count = seen.sum("callplane_model_requests_total", &of);
        assert_eq!(count, 1.0, "{text}");
    }
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_wait_for_the_same_text_wait_no_longer_than_the_first_of_them() {
    let text = "Good morning, this is the practice.";
    let server = serving(&[], &[]).await.with_speech(text, vec![Act::Hang]);
    // Two of them one after the other would be more than the agent waits.
    let timeout = TIMEOUT * 2;
    let (world, node) = world_of(&[text], &server.base_url, timeout).await;
    let numbers = ["+15557770001", "+15557770002", "+15557770003"];
    let phones = numbers.map(|number| caller(&world, number, &[]));
    let folder = Folder::new();
    for mut phone in futures::future::join_all(phones).await {
        let heard = heard(&mut phone).await;
        let near = found(&heard, text, NEAR, folder.path()).await;
        assert!(near > 0.9, "{near}");
        let pauses = pauses(&heard, 0.0);
        let longest = pauses.iter().copied().fold(0.0, f64::max);
        assert!(longest < 3.9, "{pauses:?}");
    }
    node.drain().await;
}
