//! What a process has used, as the kernel tells.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// What `/proc` calls a tick; Linux has a hundred a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// A process that is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// CPU time of a process at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    /// Of all its threads, those that ended included.
    pub(crate) whole: Duration,
    /// Of the threads that carry media.
    pub(crate) media: Duration,
}

impl Cpu {
    /// What was used since then.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            whole: self.whole.saturating_sub(before.whole),
            media: self.media.saturating_sub(before.media),
        }
    }
}

impl Process {
    pub(crate) fn cpu(self) -> Result<Cpu> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name, in brackets, may hold anything.
        let (_, rest) = stat.rsplit_once(')').context("no stat")?;
        let ticks = rest.split_whitespace().skip(11).take(2);
        let ticks: u32 = ticks.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
        let mut media = Duration::ZERO;
        for (thread, name) in self.threads()? {
            if name.starts_with("media-") {
                let path = format!("/proc/{}/task/{thread}/schedstat", self.0);
                let text = fs::read_to_string(path)?;
                let nanoseconds = text.split(' ').next().context("no schedstat")?;
                media += Duration::from_nanos(nanoseconds.parse()?);
            }
        }
        Ok(Cpu {
            whole: TICK * ticks,
            media,
        })
    }

    /// Threads with their names.
    pub(crate) fn threads(self) -> Result<Vec<(u32, String)>> {
        let mut threads = Vec::new();
        for entry in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let entry = entry?;
            // It may have ended meanwhile.
            if let Ok(name) = fs::read_to_string(entry.path().join("comm"))
                && let Some(id) = entry.file_name().to_str().and_then(|id| id.parse().ok())
            {
                threads.push((id, name.trim().to_owned()));
            }
        }
        Ok(threads)
    }

    /// Memory that is in RAM, in KiB.
    pub(crate) fn resident_kib(self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("no VmRSS")?.parse()?)
    }

    /// Open files, sockets among them.
    pub(crate) fn open_files(self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.0))?.count())
    }
}
