//! Chromium with a page, steered by its keyboard and asked what the page shows.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::python::python;
use crate::{run, until};

/// What steers it, and what finds what is wrong for users with disabilities.
const PACKAGES: [&str; 2] = ["playwright==1.65.2", "axe-playwright-python==0.1.8"];
const PROGRAM: &str = include_str!("chromium.py");
/// How long it may take for a command.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is different from a window of a desktop in the light, with a silent microphone.
#[derive(Clone, Debug, Default)]
pub struct ChromiumOptions {
    /// File that the microphone hears, once.
    pub wav: Option<PathBuf>,
    /// Whether the user likes it dark.
    pub dark: bool,
    /// Width and height of the window.
    pub size: Option<(u32, u32)>,
}

/// A running Chromium with one page. Dropping it ends it.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    errors: ChildStderr,
}

impl Chromium {
    /// Starts it. `folder` is where its program is put.
    pub async fn start(folder: &Path, options: &ChromiumOptions) -> Result<Self> {
        let ChromiumOptions { wav, dark, size } = options;
        let (width, height) = size.unwrap_or((1_024, 768));
        let options = json!({"wav": wav, "dark": dark, "width": width, "height": height});
        std::fs::create_dir_all(folder)?;
        let program = folder.join("chromium.py");
        std::fs::write(&program, PROGRAM)?;
        let mut child = Command::new(python(&PACKAGES).await?)
            .arg(program)
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start what steers Chromium")?;
        let commands = child.stdin.take().context("no pipe")?;
        let answers = child.stdout.take().context("no pipe")?;
        let errors = child.stderr.take().context("no pipe")?;
        Ok(Self {
            child,
            commands,
            answers: BufReader::new(answers).lines(),
            errors,
        })
    }

    /// Opens a page.
    pub async fn open(&mut self, url: &str) -> Result<()> {
        self.ask(json!({"do": "open", "url": url})).await.map(drop)
    }

    /// Opens a page that this URL answers with.
    pub async fn open_html(&mut self, url: &str, html: &str) -> Result<()> {
        let command = json!({"do": "open", "url": url, "html": html});
        self.ask(command).await.map(drop)
    }

    /// Presses keys of the keyboard: characters, or names like `Tab` and `Enter`.
    pub async fn press(&mut self, keys: &[&str]) -> Result<()> {
        self.ask(json!({"do": "press", "keys": keys}))
            .await
            .map(drop)
    }

    /// The value of a script in the page.
    pub async fn evaluate(&mut self, script: &str) -> Result<Value> {
        self.ask(json!({"do": "evaluate", "script": script})).await
    }

    /// Waits until a script has a value that is neither null nor false, and gives it.
    pub async fn until(&mut self, what: &str, limit: Duration, script: &str) -> Result<Value> {
        until(what, limit, async || {
            let value = self.evaluate(script).await?;
            Ok((value != Value::Null && value != false).then_some(value))
        })
        .await
    }

    /// Records the MediaStream that is the value of a script.
    pub async fn listen(&mut self, script: &str) -> Result<()> {
        let command = json!({"do": "listen", "script": script});
        self.ask(command).await.map(drop)
    }

    /// Writes what was recorded, 16-bit mono of 8 kHz.
    pub async fn heard(&mut self, file: &Path) -> Result<()> {
        self.ask(json!({"do": "heard", "file": file}))
            .await
            .map(drop)
    }

    /// What axe finds wrong with the page for users with disabilities.
    pub async fn check(&mut self) -> Result<Value> {
        self.ask(json!({"do": "check"})).await
    }

    /// Writes a PNG of the page.
    pub async fn picture(&mut self, file: &Path) -> Result<()> {
        self.ask(json!({"do": "picture", "file": file}))
            .await
            .map(drop)
    }

    /// Errors and warnings of the console so far.
    pub async fn complaints(&mut self) -> Result<Value> {
        self.ask(json!({"do": "complaints"})).await
    }

    /// Ends it as a user does.
    pub async fn close(self) -> Result<()> {
        let Self {
            mut child,
            commands,
            answers: _,
            errors: _,
        } = self;
        drop(commands);
        timeout(PATIENCE, child.wait())
            .await
            .context("Chromium does not end")??;
        Ok(())
    }

    /// Kills its processes, as one that crashes ends: nothing is said to anybody. How many there were.
    pub async fn kill(self) -> Result<usize> {
        let steers = self.child.id().context("what steers Chromium has ended")?;
        let mut found = Vec::new();
        let mut open = vec![steers];
        while let Some(process) = open.pop() {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
            if name.is_ok_and(|name| name.starts_with("chrom")) {
                found.push(process.to_string());
            }
            open.extend(children(process));
        }
        ensure!(!found.is_empty(), "there is no Chromium");
        let arguments = [vec!["-KILL".to_owned()], found.clone()].concat();
        // One that has ended by itself meanwhile cannot be hit.
        let _ = run("kill", &arguments, "").await;
        let is_alive = |process: &String| Path::new("/proc").join(process).join("root").exists();
        until("Chromium is dead", PATIENCE, async || {
            Ok((!found.iter().any(is_alive)).then_some(()))
        })
        .await?;
        Ok(found.len())
    }

    async fn ask(&mut self, command: Value) -> Result<Value> {
        self.commands
            .write_all(format!("{command}\n").as_bytes())
            .await?;
        let answer = timeout(PATIENCE, self.answers.next_line())
            .await
            .with_context(|| format!("no answer within {PATIENCE:?} to {command}"))??;
        let Some(answer) = answer else {
            let mut errors = String::new();
            self.errors.read_to_string(&mut errors).await?;
            bail!("Chromium ended at {command}: {errors}");
        };
        let mut answer: Value = serde_json::from_str(&answer)?;
        match answer["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(answer["ok"].take()),
        }
    }
}

/// The processes that a process has started and that live.
fn children(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|listed| {
            let numbers = listed.split_whitespace().map(str::parse);
            numbers.flatten().collect::<Vec<u32>>()
        })
        .collect()
}
