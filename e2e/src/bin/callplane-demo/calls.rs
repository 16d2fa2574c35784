//! Two inbound calls: one is spoken, by baresip; one is pressed, by SIPp.

use std::time::Duration;

use anyhow::{Result, ensure};
use callplane_e2e::phones::{Baresip, Caller, Sipp};
use callplane_e2e::sound::{best_match, say, say_at};
use serde_json::Value;

use crate::console::{fact, heading};
use crate::stage::Stage;

const FRONT_DESK: &str = "+15551230001";
/// Voice of the agent in the example, and another one for the caller.
const AGENT_VOICE: &str = "slt";
const CALLER_VOICE: &str = "rms";
const CALL_LIMIT: Duration = Duration::from_secs(90);

/// Texts of crds/examples/acme/40-flows.yaml that the caller waits for.
const GREETING: &str = "Welcome to Acme. This call is recorded.";
const TOPIC: &str = "Say opening hours, or press one. Say book an appointment, or press two.";

/// baresip asks for the opening hours, by voice.
pub(crate) async fn speak(stage: &Stage) -> Result<()> {
    heading("a telephone call, spoken: baresip says \"opening hours\"");
    let folder = stage.folder().join("baresip");
    std::fs::create_dir_all(&folder)?;
    let prompts = say(GREETING, AGENT_VOICE, &folder).await?.seconds()
        + say(TOPIC, AGENT_VOICE, &folder).await?.seconds();
    let voice = folder.join("caller.wav");
    say_at(
        &[(prompts + 2.0, "opening hours")],
        CALLER_VOICE,
        prompts + 60.0,
        &folder,
        &voice,
    )
    .await?;

    let before = stage.before().await?;
    let mut phone = Baresip::start(&folder, stage.phone(6060), "+15550109999", &voice).await?;
    fact(&format!(
        "{} calls {FRONT_DESK} at {}",
        stage.phone(6060),
        stage.node()
    ));
    phone.dial(FRONT_DESK, stage.node()).await?;
    phone
        .event("CALL_ESTABLISHED", Duration::from_secs(10))
        .await?;
    fact("answered; the agent speaks, the caller waits and asks");
    let end = phone.event("CALL_CLOSED", CALL_LIMIT).await?;
    fact(&format!("ended: {}", end.parameter));

    let record = stage.record(&before).await?;
    show_record(stage, &record).await?;
    as_heard(&phone, &record, &folder).await?;
    ensure!(
        record["variables"]["topic"] == "opening hours",
        "the agent understood {}",
        record["variables"]["topic"]
    );
    Ok(())
}

/// SIPp books an appointment, by keypad.
pub(crate) async fn press(stage: &Stage) -> Result<()> {
    heading("a telephone call, pressed: SIPp books an appointment with 2, 9042, 1");
    let before = stage.before().await?;
    let caller = Caller {
        steps: vec![(4.0, "2".into()), (5.0, "9042".into()), (8.0, "1".into())],
        ..Caller::listening("+15550109998")
    };
    let phone = Sipp::call(
        &stage.folder().join("sipp"),
        stage.phone(5070),
        stage.node(),
        FRONT_DESK,
        &caller,
        1,
    )?;
    phone.finish(CALL_LIMIT).await?;
    let record = stage.record(&before).await?;
    show_record(stage, &record).await?;
    ensure!(
        record["variables"]["reference"] == "9042",
        "the agent understood {}",
        record["variables"]["reference"]
    );
    ensure!(
        record["variables"]["day"] == "Monday morning",
        "the agent understood {}",
        record["variables"]["day"]
    );
    Ok(())
}

async fn show_record(stage: &Stage, record: &Value) -> Result<()> {
    let id = record["call"]["id"].as_str().unwrap_or_default();
    stage.show(&["call", "show", id]).await?;
    let (command, copy) = stage.fetch_recording(record).await?;
    fact(&format!(
        "the recording (left: caller, right: agent), sealed where it lies, is fetched by `{command}`: {}",
        copy.display()
    ));
    Ok(())
}

/// Looks for each sentence of the agent in what baresip recorded.
async fn as_heard(phone: &Baresip, record: &Value, folder: &std::path::Path) -> Result<()> {
    const RATE: u32 = 2000;
    let recording = phone.heard()?.channel(0, RATE);
    fact(&format!(
        "as the caller heard it, recorded by baresip in {}:",
        phone.recording()?.display()
    ));
    for message in record["messages"].as_array().into_iter().flatten() {
        if message["role"] != "assistant" {
            continue;
        }
        let text = message["heardText"]
            .as_str()
            .or(message["text"].as_str())
            .unwrap_or_default();
        let said = say(text, AGENT_VOICE, folder).await?.channel(0, RATE);
        let (likeness, at) = best_match(&recording, &said);
        let second = at as f64 / f64::from(RATE);
        fact(&format!(
            "  at {second:5.1} s, likeness {:3.0} %: {text}",
            likeness * 100.0
        ));
        ensure!(likeness > 0.8, "the caller did not hear {text:?}");
    }
    Ok(())
}
