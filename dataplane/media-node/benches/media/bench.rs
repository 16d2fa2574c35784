//! What every section is given.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use callplane_audio::Law;
use callplane_e2e::run;
use callplane_e2e::sound::say;

use crate::folder::Folder;

/// Core of whoever is measured.
pub(crate) const SUBJECT_CORE: usize = 0;
/// Core of everything else.
const OTHER_CORE: usize = 1;
/// Niceness, which children have from here.
const PRIORITY: &str = "-15";
/// What the caller and the agent say; four seconds of it.
const SENTENCE: &str = "Good morning, I would like to change the appointment that I made last week, because my train \
                        leaves an hour earlier than I thought when we talked on the telephone";
const SPOKEN_SECONDS: usize = 4;

/// What is made once for all sections.
pub(crate) struct Bench {
    pub(crate) folder: Folder,
    /// Four seconds of speech in G.711.
    pub(crate) voice: Arc<[u8]>,
}

impl Bench {
    /// Moves this process, and all that it will start, to its core.
    pub(crate) async fn start() -> Result<Self> {
        let own = std::process::id().to_string();
        // Before other work of the machine, which would make telephones and subjects late alike.
        run("renice", &["-n", PRIORITY, "-p", &own], "").await?;
        // Where sessions share the CPU among them, that of this one counts; elsewhere there is no such file.
        let _ = std::fs::write("/proc/self/autogroup", PRIORITY);
        let files = format!("--nofile={}:", most_files()?);
        run("prlimit", &["--pid", &own, &files], "").await?;
        run(
            "taskset",
            &["-a", "-c", "-p", &OTHER_CORE.to_string(), &own],
            "",
        )
        .await
        .context("a bench wants two cores")?;
        let folder = Folder::new();
        let spoken = say(SENTENCE, "slt", folder.path()).await?;
        let samples = spoken.samples.iter().cycle().take(SPOKEN_SECONDS * 8_000);
        let voice = samples
            .map(|sample| Law::Mu.encode_sample(*sample))
            .collect();
        let bench = Self { folder, voice };
        std::fs::write(bench.voice_file(), &bench.voice)?;
        Ok(bench)
    }

    /// The voice, for the speech worker.
    pub(crate) fn voice_file(&self) -> PathBuf {
        self.folder.path().join("voice.ul")
    }
}

/// As many files as a process may open here: a call takes two sockets and a file.
fn most_files() -> Result<String> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let hard = line.and_then(|line| line.split_whitespace().nth(4));
    Ok(hard.context("no limit of open files")?.to_owned())
}
