//! aiortc, the end of a WebRTC call that this project did not write.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use crate::python::python;

const PACKAGES: [&str; 1] = ["aiortc==1.16.0"];
const PROGRAM: &str = include_str!("aiortc.py");

/// What it does in its call.
#[derive(Clone, Debug, Default)]
pub struct AiortcOptions {
    /// File to speak, 16-bit mono of 8 kHz; silence without one.
    pub wav: Option<PathBuf>,
    /// File for what is heard, 16-bit mono of 48 kHz.
    pub record: Option<PathBuf>,
    /// It ends so long after the answer, unless the agent does before.
    pub seconds: Option<f64>,
    /// Whether it reaches the node by the TURN servers that it is told alone.
    pub relay: bool,
    /// How it ends: `close`, `delete` (by WHIP) or `vanish` (without a word).
    pub end: Option<&'static str>,
}

impl AiortcOptions {
    fn to_json(&self) -> String {
        let Self {
            wav,
            record,
            seconds,
            relay,
            end,
        } = self;
        let options = json!({
            "wav": wav, "record": record, "seconds": seconds, "relay": relay, "end": end.unwrap_or("close"),
        });
        options.to_string()
    }
}

/// A running aiortc. Dropping it ends it.
#[derive(Debug)]
pub struct Aiortc {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
    errors: ChildStderr,
}

impl Aiortc {
    /// Calls by WHIP at `url`. `folder` is where its program is put.
    pub async fn call(
        folder: &Path,
        url: &str,
        token: &str,
        options: &AiortcOptions,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        // Not by the name of the library, which it would be taken for.
        let program = folder.join("browser.py");
        std::fs::write(&program, PROGRAM)?;
        let mut child = Command::new(python(&PACKAGES).await?)
            .arg(&program)
            .args([url, token, &options.to_json()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start aiortc")?;
        let (out, errors) = child
            .stdout
            .take()
            .zip(child.stderr.take())
            .context("no pipes")?;
        Ok(Self {
            child,
            events: BufReader::new(out).lines(),
            errors,
        })
    }

    /// Waits for an event, and passes over those before it.
    pub async fn wait_for(&mut self, event: &str, limit: Duration) -> Result<Value> {
        let mut seen = Vec::new();
        let found = timeout(limit, async {
            while let Some(line) = self.events.next_line().await? {
                let value: Value = serde_json::from_str(&line)?;
                if value["event"] == event {
                    return anyhow::Ok(Some(value));
                }
                seen.push(line);
            }
            Ok(None)
        })
        .await;
        match found {
            Ok(found) => match found? {
                Some(value) => Ok(value),
                None => {
                    let mut errors = String::new();
                    self.errors.read_to_string(&mut errors).await?;
                    bail!("aiortc ended without {event:?}, after {seen:?}: {errors}")
                }
            },
            Err(_) => bail!("aiortc says no {event:?} within {limit:?}, only {seen:?}"),
        }
    }

    /// Waits until it has ended.
    pub async fn finish(mut self, limit: Duration) -> Result<()> {
        let status = timeout(limit, self.child.wait())
            .await
            .with_context(|| format!("aiortc still runs after {limit:?}"))??;
        if !status.success() {
            let mut errors = String::new();
            self.errors.read_to_string(&mut errors).await?;
            bail!("aiortc ended with {status}: {errors}");
        }
        Ok(())
    }
}
