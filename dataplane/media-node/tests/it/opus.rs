//! Recordings as Ogg Opus, read by the tools of Xiph.Org.

use std::path::{Path, PathBuf};
use std::time::Duration;

use callplane_e2e::phones::{Caller, Speech};
use callplane_e2e::sound::Wav;
use callplane_e2e::{download, until};
use callplane_flow::{AgentSettings, RecordingFormat};
use tokio::process::Command;

use crate::secure::call_in;
use crate::world::{World, digits_flow, json_of, metrics, recording_of};

const PATIENCE: Duration = Duration::from_secs(40);

/// A tenant whose agent is recorded as Opus.
pub(crate) async fn world() -> World {
    let settings = AgentSettings {
        recording_format: RecordingFormat::Opus,
        ..AgentSettings::default()
    };
    World::with_agent(digits_flow(), settings).await
}

/// The output of a tool that succeeds.
async fn run(tool: &str, arguments: &[&Path]) -> String {
    let output = Command::new(tool).args(arguments).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{tool}: {said}");
    said
}

/// What opusdec makes of a file.
pub(crate) async fn decoded(file: &Path) -> Wav {
    let wav = file.with_extension("decoded.wav");
    let warnings = run("opusdec", &[Path::new("--quiet"), file, &wav]).await;
    assert!(warnings.trim().is_empty(), "{warnings}");
    Wav::read(&wav).unwrap()
}

fn keep(world: &World, octets: &[u8]) -> PathBuf {
    let file = world.folder.path().join("recording.opus");
    std::fs::write(&file, octets).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_call_are_in_an_opus_file_that_others_play() {
    let world = world().await;
    let node = world.node(&[]).await;
    // Compares each channel with what was said.
    let call = call_in(&world, &node, Speech::PLAIN).await;
    let recording = &call["recording"];
    assert_eq!(recording["mimeType"], "audio/ogg; codecs=opus");
    assert_eq!(recording["channels"], 2);
    let path = recording["path"].as_str().unwrap();
    assert!(path.ends_with(".opus.sealed"), "{path}");
    let id = call["call"]["id"].as_str().unwrap();
    let control = node.control_address();
    let opus = recording_of(control, id).await.unwrap().unwrap();
    let file = keep(&world, &opus);
    let told = run("opusinfo", &[&file]).await;
    assert!(!told.contains("WARNING"), "{told}");
    assert!(told.contains("Streams: 2, Coupled: 0"), "{told}");
    let wav = decoded(&file).await;
    let seconds = recording["durationSeconds"].as_f64().unwrap();
    assert!(
        (0.0..=1.1).contains(&(seconds - wav.seconds())),
        "{} of {seconds}",
        wav.seconds()
    );
    assert!(
        opus.len() as f64 / wav.seconds() < 6_000.0,
        "{}",
        opus.len()
    );

    let address = control.to_string();
    let path = format!("/v1/calls/{id}/recording");
    let part = download(&address, &path, Some("1000-4999")).await;
    assert_eq!(part.unwrap(), (206, opus[1_000..5_000].to_vec()));
    let seen = metrics(&node).await;
    let spent = seen.sum("callplane_recordings_encoding_seconds_total", &[]);
    println!(
        "{:.2} ms for a second of both sides",
        spent * 1_000.0 / wav.seconds()
    );
    assert!(spent > 0.0 && spent < wav.seconds(), "{spent}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opus_recording_goes_to_the_storage_and_plays_from_there() {
    let world = world().await;
    let bucket = world.data().join("bucket");
    std::fs::create_dir_all(&bucket).unwrap();
    let storage = format!("file://{}", bucket.display());
    let node = world.node(&["--recordings-url", &storage]).await;
    let caller = Caller {
        steps: vec![(3.0, "1234".to_owned())],
        ..Caller::listening("+15557770001")
    };
    let phone = world.call(&caller, 1);
    // What there is of a call that goes on plays, too.
    let control = node.control_address();
    let begun = until("something is recorded", PATIENCE, async || {
        let calls = json_of(control, "/v1/calls?limit=1").await?;
        match calls["calls"][0]["id"].as_str() {
            Some(id) => recording_of(control, id).await,
            None => Ok(None),
        }
    });
    let begun = keep(&world, &begun.await.unwrap());
    // What is recorded goes to the disk every half second.
    assert!(decoded(&begun).await.seconds() > 0.4);
    phone.finish(PATIENCE).await.unwrap();
    let call = world.ended_call(&node).await;
    let id = call["call"]["id"].as_str().unwrap();
    let url = until("the recording is carried away", PATIENCE, async || {
        let call = json_of(control, &format!("/v1/calls/{id}")).await?;
        let path = call["recording"]["path"].as_str().unwrap_or_default();
        Ok(path.starts_with("file:").then(|| path.to_owned()))
    });
    let url = url.await.unwrap();
    assert!(url.ends_with(".opus.sealed"), "{url}");
    let opus = recording_of(control, id).await.unwrap().unwrap();
    let wav = decoded(&keep(&world, &opus)).await;
    let seconds = call["recording"]["durationSeconds"].as_f64().unwrap();
    assert!(
        (seconds - wav.seconds()).abs() <= 1.1,
        "{} of {seconds}",
        wav.seconds()
    );
    node.drain().await;
}
