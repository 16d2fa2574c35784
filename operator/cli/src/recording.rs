//! `call recording`: the audio of a call, from the media node that has it, and what becomes of it while the
//! call goes on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use hyper::header::CONTENT_TYPE;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::node::{Node, segment};

/// Writes the recording of call `id` to `output`.
pub(crate) async fn fetch(
    connection: &Connection,
    id: &str,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let path = format!("/v1/calls/{}/recording", segment(id));
    let mut failed = None;
    for node in Node::all(connection).await? {
        // Another one may have it.
        let answer = match node.download(&path).await {
            Ok(Some(answer)) => answer,
            Ok(None) => continue,
            Err(error) => {
                failed = Some(error);
                continue;
            }
        };
        let was_cut = answer
            .headers()
            .get("callplane-recording")
            .is_some_and(|whole| whole == "cut");
        let default = format!("{id}.{}", extension(&answer));
        write(answer.into_body(), output.unwrap_or(Path::new(&default))).await?;
        if was_cut {
            eprintln!(
                "the recording has no end: the call goes on, its media node was killed, or somebody cut the file"
            );
        }
        return Ok(());
    }
    if let Some(error) = failed {
        return Err(error);
    }
    bail!(
        "no ready media node of namespace {} has a recording of call {id}: see `kubectl callplane call show {id}`; \
         it was not recorded, its node is not ready or gone, or its time was over",
        connection.namespace
    )
}

/// Has `action` done to the recording of call `id`, and says how it stands then.
pub(crate) async fn steer(connection: &Connection, id: &str, action: &str) -> anyhow::Result<()> {
    let path = format!("/v1/calls/{}/recording", segment(id));
    let mut failed = None;
    for node in Node::all(connection).await? {
        // The call goes on at one of them.
        match node
            .post_if_there::<Value>(&path, &json!({"action": action}))
            .await
        {
            Ok(Some(answer)) => {
                println!("{}", answer["state"].as_str().unwrap_or("unknown"));
                return Ok(());
            }
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    bail!(
        "call {id} does not go on at any ready media node of namespace {}: see `kubectl callplane call show {id}`",
        connection.namespace
    )
}

/// By what the file is.
fn extension<T>(answer: &Response<T>) -> &'static str {
    let kind = answer.headers().get(CONTENT_TYPE);
    match kind.is_some_and(|kind| kind.as_bytes().starts_with(b"audio/ogg")) {
        true => "opus",
        false => "wav",
    }
}

async fn write(audio: Incoming, output: &Path) -> anyhow::Result<()> {
    if output == Path::new("-") {
        return copy(audio, &mut io::stdout()).await;
    }
    // Beside it first: nothing that is called so came in half.
    let mut partial = output.to_path_buf().into_os_string();
    partial.push(".partial");
    let mut file =
        File::create(&partial).with_context(|| format!("failed to make {}", partial.display()))?;
    let copied = copy(audio, &mut file).await;
    drop(file);
    if let Err(error) = copied {
        // Somebody's voice.
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    fs::rename(&partial, output)?;
    println!("{}", output.display());
    Ok(())
}

async fn copy(mut audio: Incoming, to: &mut impl Write) -> anyhow::Result<()> {
    // On standard error, and only on a terminal.
    let bar = ProgressBar::new(audio.size_hint().exact().unwrap_or(0)).with_style(
        ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {eta} left")?,
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    while let Some(frame) = audio.frame().await {
        let frame = frame.context("the media node stopped in the middle; try again")?;
        if let Some(octets) = frame.data_ref() {
            to.write_all(octets)?;
            bar.inc(octets.len() as u64);
        }
    }
    to.flush()?;
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_what_it_is() {
        let answer = |kind: &str| Response::builder().header(CONTENT_TYPE, kind).body(());
        let opus = answer("audio/ogg; codecs=opus").unwrap();
        assert_eq!(extension(&opus), "opus");
        assert_eq!(extension(&answer("audio/wav").unwrap()), "wav");
    }
}
